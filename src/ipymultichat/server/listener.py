"""uvicorn without its command line: own socket, no signal handlers, own logger, bounded shutdown.

The one module that reaches into uvicorn, by subclassing what it does not offer as an option: giving up a silent peer
without a close frame, letting the app cut off a peer that does not read, a shutdown that takes a second at most. An
ASGI server it has to be, for what agents speak (MCP) comes as an ASGI application. Looked at on 2026-11-25: hypercorn
0.18 has a ping interval but no time-out for the pong, granian 2.8 no setting for pings at all, and neither lets the app
abort one websocket; daphne 4.2 runs on Twisted's reactor. uvicorn gives the rest as it is: write flow control per
client, limits on headers and frames.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import sys

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from ipymultichat.errors import ConfigError, ServerStartError

logger = logging.getLogger("ipymultichat.server")

PING_INTERVAL = 54
PING_TIMEOUT = 6
"""Seconds. The servers in use ping every 54 s and give a connection up at 60 s (measured)."""

SHUTDOWN_GRACE = 0.5
"""Seconds connections get to take what is still on its way to them."""


async def bind(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Args:
        host: name or address of this machine.
        port: 0 to 65535; 0 takes a free one.

    Raises:
        ConfigError: the host or port cannot be one.
        ServerStartError: the host is unknown or not this machine's, or the port is taken or needs more rights.
    """
    if not isinstance(host, str) or not host or not host.isprintable():
        raise ConfigError(f"the host {host!r} is no name or address, write it like '127.0.0.1'", value=host)
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise ConfigError(f"the port {port!r} is no number from 0 to 65535", value=port)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ServerStartError(f"cannot listen on {host!r}: no such host name") from error
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # there the option would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise ServerStartError(f"cannot listen on {host}:{port}: {_reason(error)}") from error
    return listening


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is already in use, choose another one (0 takes a free one)"
    if error.errno == errno.EADDRNOTAVAIL:
        return "the host is no address of this machine"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "not permitted, choose a port above 1023"
    return os.strerror(error.errno) if error.errno else str(error)


class _Http(H11Protocol):
    """HTTP that logs to this package's logger, and no access log."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = logger
        self.access_log = False


class _WebSocket(WebSocketsSansIOProtocol):
    """A websocket that the app can cut off, and that goes without a close frame when the peer is silent."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = logger
        self.conn.logger = logger
        self.conn.debug = False  # or it would log the bytes of every frame, and the login holds the token

    async def run_asgi(self) -> None:
        """Run the app with `abort` in its state."""
        self.scope["state"]["abort"] = self.transport.abort
        await super().run_asgi()

    def keepalive_timeout(self) -> None:
        """Give a silent peer up, as the servers in use do (measured: no close frame).

        A close frame would only wait, maybe forever, behind what the peer does not read.
        """
        self.transport.abort()


class Listener(uvicorn.Server):
    """One running HTTP server inside somebody else's event loop.

    Args:
        app: what it serves.
        max_frame: bytes of one websocket message.
    """

    def __init__(self, app: ASGIApp, *, max_frame: int) -> None:
        super().__init__(
            Config(
                app,
                http=_Http,
                ws=_WebSocket,
                ws_max_size=max_frame,
                ws_ping_interval=PING_INTERVAL,
                ws_ping_timeout=PING_TIMEOUT,
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                workers=1,  # or the environment would decide
                proxy_headers=False,
                server_header=False,
                date_header=False,
            )
        )

    async def start(self, listening: socket.socket) -> None:
        """Serve on a socket from here on; no task is needed for it, and no signal is touched."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup(sockets=[listening])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close everything: politely at first, then by force. Takes about a second at most."""
        del sockets  # the ones given to `start` are closed with their servers
        # asyncio drops, without closing it, what was accepted in this round of the loop and becomes a connection in the
        # next ones, after `close` (python/cpython#109564). So: accept no more, let those rounds pass, then close.
        loop = asyncio.get_running_loop()
        for listening in (listening for server in self.servers for listening in server.sockets):
            with contextlib.suppress(NotImplementedError):  # Windows' loop has no readers
                loop.remove_reader(listening.fileno())
        for _ in range(3):
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            if not connection.transport.is_closing():
                connection.shutdown()
        if not await self._settled(SHUTDOWN_GRACE):
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            if not await self._settled(SHUTDOWN_GRACE):
                logger.error("%d tasks did not end with their connections", len(self.server_state.tasks))
        for server in self.servers:
            await server.wait_closed()

    async def _settled(self, seconds: float) -> bool:
        """Wait until every connection and its task has ended."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self.server_state.connections or self.server_state.tasks:
            if loop.time() > end:
                return False
            await asyncio.sleep(0.01)
        return True
