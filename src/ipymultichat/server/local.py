"""The embedded server as people use it."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import socket
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from starlette.routing import Route

from ipymultichat.errors import ConfigError, ServerStartError
from ipymultichat.mcp.port import Waits
from ipymultichat.model import Secret, token_of
from ipymultichat.server.acceptor import places_within
from ipymultichat.server.app import make_app
from ipymultichat.server.faults import Faults
from ipymultichat.server.front import Front
from ipymultichat.server.limits import MIB, Limits
from ipymultichat.server.listener import Listener, bind
from ipymultichat.server.mcp import McpEndpoint, installed
from ipymultichat.server.relay import Relay
from ipymultichat.server.state import ServerState
from ipymultichat.server.stores.opening import MEMORY, make_store
from ipymultichat.server.stores.port import StoreError
from ipymultichat.server.tls import make_context
from ipymultichat.server.tokenfile import TokenFile
from ipymultichat.server.tokens import Tokens
from ipymultichat.server.upkeep import Upkeep

if TYPE_CHECKING:
    from typing_extensions import Self

logger: logging.Logger = logging.getLogger("ipymultichat.server")

GRACE_SECONDS = 120
KEEP_HOURS = 24
TOKENS_EVERY = 2.0
"""Seconds between two looks whether the file with the tokens has changed."""

KEPT_ON_DISK = 1024 * MIB
"""What is kept where there is a disk to keep it on."""


class LocalServer:
    """A chat server in this process, speaking the same protocol as the ones agents use elsewhere.

    By default it keeps nothing on disk: stopping it ends every waiting request (their agents get `unavailable`). With a
    store on disk requests wait on, and an agent that asks again with the same id and content joins what waits, or gets
    the answer that came meanwhile.

        async with LocalServer() as server:
            print(server.url)

    Args:
        host: where to listen; the default is reachable from this machine only.
        port: 0 takes a free one.
        token: the only token accepted, from people and agents alike; None takes any token as the name of a group.
        store: where requests are kept: `memory:`, `sqlite:///PATH`, or `postgresql://USER@HOST/DATABASE`, which several
            servers may share.
        hold: whether a request waits for somebody to come online while nobody is; without it, its agent hears at once
            that nobody is there, as from other servers of the protocol.
        tokens: a file with several tokens instead of one, a line `NAME = TOKEN` for each; lines that begin with `#` are
            left out. Questions belong to the name, so a token can be replaced while they wait. The file is read again
            when it changes, and who came with a token that is no longer in it is sent away.
        grace: seconds for which a request waits on when its agent has lost its connection; None takes 120, or 0 where
            nothing is kept on disk, as on other servers of the protocol.
        keep: hours for which an answer is kept for an agent that has not fetched it.
        certfile: a certificate for TLS in PEM, with those between it and its authority.
        keyfile: its key, without a passphrase; None where the certificate's file holds it.
        allowed_origins: web pages that may connect besides those of this machine, as `https://name:port`, or "*".
            Programs, which send no `Origin`, are not concerned.
        root_path: where a proxy offers it, as `/chat`; it answers there, and without that path as well.
        allowed_hosts: names that callers may know it by, besides this machine's own and its address; a call to another
            one gets HTTP 421. Empty allows any, and web pages are told by their `Origin` alone.
        trusted_proxies: addresses and networks of proxies whose word is taken for where a call comes from
            (`X-Forwarded-For`, `X-Forwarded-Proto`). Limits then count those behind them.
        metrics: whether `/metrics` tells what goes on, in Prometheus' format; it takes the package `prometheus-client`.
        drain: seconds for which `stop()` goes on serving before anything ends, with `/ready` at 503 already, so that a
            proxy sends nobody new.
        limits: see `Limits`.
        waits: how long the calls of tools take that agents make over MCP (`/mcp`, with the `[mcp]` extra); see `Waits`.

    Attributes:
        faults: where tests of clients make it err; see `Faults`.

    Raises:
        ConfigError: the token is empty or not printable, a file cannot be used, or an argument is of the wrong type.
    """

    def __init__(  # noqa: PLR0913 - each of them is one thing that a person may want to say
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | Secret | None = None,
        store: str = MEMORY,
        hold: bool = False,
        *,
        tokens: str | os.PathLike[str] | None = None,
        grace: float | None = None,
        keep: float = KEEP_HOURS,
        certfile: str | os.PathLike[str] | None = None,
        keyfile: str | os.PathLike[str] | None = None,
        allowed_origins: Iterable[str] = (),
        root_path: str = "",
        allowed_hosts: Iterable[str] = (),
        trusted_proxies: Iterable[str] = (),
        metrics: bool = False,
        drain: float = 0,
        limits: Limits | None = None,
        waits: Waits | None = None,
    ) -> None:
        if isinstance(allowed_origins, str):
            raise ConfigError("allowed_origins is a list of origins, not one string", value=allowed_origins)
        self._host = host
        self._port = port
        if token is not None and tokens is not None:
            raise ConfigError("there is a token and a file with tokens: give one of them")
        self._token = None if token is None else token_of(token)
        self._token_file = None if tokens is None else TokenFile(tokens)
        if self._token_file is not None:
            self._token_file.read(quietly=True)  # says what is wrong with it
        self._tls = make_context(certfile, keyfile)
        self._hold = hold
        self._store_url = store
        make_store(store)  # says what is wrong with the address
        self._grace = _seconds("grace", grace if grace is not None else 0 if store == MEMORY else GRACE_SECONDS)
        self._keep = _seconds("keep", keep) * 3600
        self._allowed_origins = frozenset(allowed_origins)
        self._front = Front(host, root_path, allowed_hosts, trusted_proxies)
        self._metrics = metrics
        self._drain = _seconds("drain", drain)
        self._limits = limits or usual_limits(store)
        self._waits = waits or Waits()
        self.faults: Faults = Faults()
        self._tokens = Tokens()
        self._relay: Relay | None = None
        self._upkeep: Upkeep | None = None
        self._listener: Listener | None = None
        self._address: str | None = None
        self._stopping: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where people connect, `ws://HOST:PORT/ws`, or `wss://` with TLS. Kept after `stop()`."""
        return f"ws{self._s}://{self._known_address()}{self._front.root_path}/ws"

    @property
    def http_url(self) -> str:
        """Where agents call, `http://HOST:PORT`, or `https://` with TLS. Kept after `stop()`."""
        return f"http{self._s}://{self._known_address()}{self._front.root_path}"

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._listener is not None

    async def start(self) -> Self:
        """Listen, on the running event loop.

        Returns:
            The server itself.

        Raises:
            ConfigError: the host or port cannot be one, or a file can no longer be used.
            ServerStartError: the host is unknown, the port is taken, the store cannot be used, or the server runs
                already.
        """
        if self._listener is not None:
            raise ServerStartError(f"the server runs already, on {self._address}")
        accepted: Secret | Mapping[str, Secret] | None = self._token
        if self._token_file is not None:
            accepted = await asyncio.to_thread(self._token_file.read)
        self._tokens = Tokens(accepted)
        listening = await bind(self._host, self._port)
        state = ServerState(clock=time.time, tokens=self._tokens, limits=self._limits, hold=self._hold)
        relay = Relay(state, self.faults, make_store(self._store_url), grace=self._grace)
        try:
            await relay.open()
        except StoreError as error:
            listening.close()
            raise ServerStartError(str(error)) from error
        except BaseException:
            listening.close()
            raise
        mcp = McpEndpoint(relay, self._allowed_origins, self._waits) if installed() else None
        upkeep = Upkeep(relay, keep=self._keep, mcp=mcp)
        places = places_within(self._limits)
        if places < self._limits.max_connections:
            logger.warning(
                "room for %d connections at once, not for %d: this process may open too few files (see ulimit -n)",
                places,
                self._limits.max_connections,
            )
        more = [*self._more_routes(relay), *([] if mcp is None else [Route("/mcp", mcp)])]
        app = self._front.wrap(make_app(relay, self._allowed_origins, more))
        listener = Listener(app, limits=self._limits, places=places, trusts=self._front.trusts, tls=self._tls)
        try:
            listener.start(listening)
        except BaseException:
            listening.close()
            await relay.store.close()
            raise
        upkeep.start()
        if self._token_file is not None:
            upkeep.also(self._follow_tokens(self._token_file))
        self._relay, self._listener, self._upkeep = relay, listener, upkeep
        self._address = _address_of(listening)
        logger.info("started: %s", self.url)
        return self

    async def stop(self) -> None:
        """Stop listening, end waiting requests, close every connection; takes `drain` and about a second at most.

        A second call waits for the first; on a stopped server nothing happens. When the caller is cancelled
        meanwhile, the server goes on stopping.
        """
        if self._relay is not None and self._listener is not None and self._upkeep is not None:
            self._stopping = asyncio.create_task(self._end(self._relay, self._listener, self._upkeep))
            self._relay = self._listener = self._upkeep = None
        if self._stopping is not None:
            await asyncio.shield(self._stopping)

    async def reload_tokens(self) -> None:
        """Read the file with the tokens now; it is done a moment after the file has changed in any case.

        Raises:
            ConfigError: the file cannot be used, or the server has none; the tokens so far are accepted on.
        """
        if self._token_file is None:
            raise ConfigError("the server has no file with tokens: make it with tokens=PATH")
        accepted = await asyncio.to_thread(self._token_file.read)
        gone = self._tokens.replace(accepted)
        if self._relay is not None:
            self._relay.revoke(gone)
        logger.info("read %d tokens again, %d of before are accepted no longer", len(accepted), len(gone))

    async def _follow_tokens(self, file: TokenFile) -> None:
        while True:
            await asyncio.sleep(TOKENS_EVERY)
            if await asyncio.to_thread(file.changed):
                try:
                    await self.reload_tokens()
                except ConfigError as error:
                    logger.warning("%s; the tokens so far are accepted on", error)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __repr__(self) -> str:
        return f"<LocalServer {self._address or 'not started'}{'' if self.running else ', stopped'}>"

    async def _end(self, relay: Relay, listener: Listener, upkeep: Upkeep) -> None:
        logger.info("stopping")
        relay.draining = True
        try:
            if self._drain:
                await asyncio.sleep(self._drain)
            await relay.close()
            await upkeep.stop()
            await listener.shutdown()
        finally:
            await relay.store.close()
        logger.info("stopped")

    def _more_routes(self, relay: Relay) -> list[Route]:
        if not self._metrics:
            return []
        try:
            from ipymultichat.server.metrics import metrics_route
        except ImportError as error:
            logger.warning("there is nothing at /metrics: %s", error)
            return []
        return [metrics_route(relay)]

    @property
    def _s(self) -> str:
        return "" if self._tls is None else "s"

    def _known_address(self) -> str:
        if self._address is None:
            raise ServerStartError("the server has no address yet: start it first")
        return self._address


def usual_limits(store: str) -> Limits:
    """Return the limits of a server with this store unless it is told others."""
    return Limits() if store == MEMORY else Limits(max_kept=KEPT_ON_DISK)


def _seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ConfigError(f"{name} must be a number of at least 0, not {value!r}", value=value)
    return value


def _address_of(listening: socket.socket) -> str:
    """Return `host:port` to connect to; a server on every address is shown with this machine's own one."""
    host, port = listening.getsockname()[:2]
    address = ipaddress.ip_address(host.partition("%")[0])
    if address.is_unspecified:
        return f"[::1]:{port}" if address.version == 6 else f"127.0.0.1:{port}"
    return f"[{host}]:{port}" if address.version == 6 else f"{host}:{port}"
