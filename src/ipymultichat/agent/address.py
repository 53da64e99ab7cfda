"""Where an agent's calls go."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit, urlunsplit

from ipymultichat.errors import ConfigError
from ipymultichat.model import normalize_url


def rpc_base(url: object) -> str:
    """Return the HTTP address of a server's calls.

    The calls live beside the websocket, on the same port: `ws://host:port/ws` and `http://host:port` name one server.

    Args:
        url: `ws://`, `wss://`, `http://` or `https://`, with or without the trailing `/ws`.

    Raises:
        ConfigError: naming the address, what is wrong with it and what to write instead.
    """
    if not isinstance(url, str):
        raise ConfigError(f"a server address is a string such as 'ws://localhost:2000', not {url!r}", value=url)
    text = url.strip()
    scheme, separator, rest = text.partition("://")
    socket_scheme = {"http": "ws", "https": "wss"}.get(scheme.lower(), scheme)
    parts = urlsplit(normalize_url(f"{socket_scheme}{separator}{rest}"))
    path = parts.path.rstrip("/").removesuffix("/ws")
    return urlunsplit(("https" if parts.scheme == "wss" else "http", parts.netloc, path, "", ""))


def is_loopback(base: str) -> bool:
    """Whether an address is on this machine, where no proxy may come between."""
    host = urlsplit(base).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
