"""What stands in front of the server: proxies, the path below which they offer it, the names it is called by."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ipymultichat.errors import ConfigError
from ipymultichat.server import connect
from ipymultichat.server.effects import Refused
from ipymultichat.server.limits import address_key
from ipymultichat.server.origin import hostname_of, is_local

if TYPE_CHECKING:
    from ipymultichat.server.admission import Admission, Visit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SECURE = {"http": "", "https": "s", "ws": "", "wss": "s"}
"""What a proxy may say of how it was reached, and the end of a scheme that says whether that was encrypted."""


class Front:
    """Checks and completes each call before the app has it.

    Args:
        host: where the server listens, as it was told.
        root_path: "" or the path below which a proxy offers the server; calls are found with and without it, for some
            proxies strip it.
        allowed_hosts: names that a call may give as its `Host`, besides this machine's own and the address it came to;
            empty for any. A web page can point a name of its own at this machine: its calls then bear that name.
        trusted_proxies: addresses and networks whose word is taken for where a call comes from (`X-Forwarded-For`,
            `X-Forwarded-Proto`); of others these headers are ignored.

    Raises:
        ConfigError: one of them cannot be used.
    """

    def __init__(self, host: str, root_path: str, allowed_hosts: Iterable[str], trusted_proxies: Iterable[str]) -> None:
        self.root_path: str = _root_path(root_path)
        self._own = host.lower() if isinstance(host, str) else ""
        self._hosts = frozenset(_host(name) for name in _several("allowed_hosts", allowed_hosts))
        self._proxies = tuple(_network(text) for text in _several("trusted_proxies", trusted_proxies))

    def trusts(self, peer: str) -> bool:
        """Whether an address is that of a proxy whose word is taken."""
        address = _address(peer)
        return address is not None and self._is_proxy(address)

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Return the app behind these checks."""

        async def checked(scope: Scope, receive: Receive, send: Send) -> None:
            if self.root_path:
                scope["root_path"] = self.root_path
            try:
                headers = Headers(scope=scope)
                self._check_host(headers.get("host", ""), (scope.get("server") or ("",))[0])
                self._take_over(scope, headers)
            except Refused as refused:
                await connect.refusal(refused)(scope, receive, send)
            else:
                await app(scope, receive, send)

        return checked

    def _check_host(self, given: str, reached: str) -> None:
        name = (hostname_of(f"//{given}") or "").rstrip(".")
        if not self._hosts or name in self._hosts or name in (self._own, reached) or is_local(name):
            return
        words = f"this server is not called {name[:255]!r}; if it is, start it with --allow-host {name[:255]}"
        raise Refused("permission_denied", words, status=421)

    def _take_over(self, scope: Scope, headers: Headers) -> None:
        """Note where a call comes from that a trusted proxy hands on."""
        peer = (scope.get("client") or ("",))[0]
        if not self.trusts(peer):
            return
        origin = self._origin(peer, headers.getlist("x-forwarded-for"))
        visit: Visit = scope["state"]["visit"]
        admission: Admission = scope["state"]["admission"]
        if not admission.move(visit, address_key(origin)):
            raise Refused("resource_exhausted", "too many connections from this address, try again later")
        scope["client"] = (origin, 0)
        scheme = headers.get("x-forwarded-proto", "").strip().lower()
        if scheme in SECURE:
            scope["scheme"] = ("ws" if scope["type"] == "websocket" else "http") + SECURE[scheme]

    def _origin(self, peer: str, forwarded: Iterable[str]) -> str:
        """Return the last address that is no proxy's: those before it anybody could have written."""
        found = peer
        for hop in reversed(",".join(forwarded).split(",")):
            address = _address(hop)
            if address is None:
                break
            found = str(address)
            if not self._is_proxy(address):
                break
        return found

    def _is_proxy(self, address: Address) -> bool:
        return any(address in network for network in self._proxies)


def _address(text: str) -> Address | None:
    """Read an address, also one with a port."""
    for form in (text.strip(), hostname_of(f"//{text.strip()}") or ""):
        try:
            address = ipaddress.ip_address(form.partition("%")[0])
        except ValueError:
            continue
        return getattr(address, "ipv4_mapped", None) or address
    return None


def _several(name: str, values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise ConfigError(f"{name} is a list, not one string", value=values)
    return tuple(values)


def _root_path(path: object) -> str:
    if path == "":
        return ""
    if isinstance(path, str) and path.startswith("/") and path.isprintable() and path.isascii():
        stripped = path.rstrip("/")
        if "//" not in stripped and not set(stripped) & set(" ?#%"):
            return stripped
    raise ConfigError(f"the root path {path!r} is no path, write it like '/chat'", value=path)


def _host(name: object) -> str:
    if isinstance(name, str):
        bare = name.strip().lower().rstrip(".")
        host = hostname_of(f"//{bare}") if bare.isprintable() and not set(bare) & set("/@ *?#") else None
        if host is not None and bare in (host, f"[{host}]"):
            return host
    raise ConfigError(f"the host {name!r} is no name, write it like 'chat.example.org', without a port", value=name)


def _network(text: object) -> Network:
    try:
        return ipaddress.ip_network(text if isinstance(text, str) else "")
    except ValueError:
        remedy = "write it like '10.0.0.5' or '10.0.0.0/8'"
        raise ConfigError(f"the proxy {text!r} is no address or network, {remedy}", value=text) from None
