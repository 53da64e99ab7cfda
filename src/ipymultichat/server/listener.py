"""uvicorn's protocols without its server: own socket, own logger, limits for strangers, bounded shutdown.

The one module that reaches into uvicorn, by subclassing what it does not offer as an option: giving up a silent peer
without a close frame, letting the app cut off a peer that does not read, a time and a size for peers that have not
logged in, a shutdown that takes a second at most.

HTTP/1.1 is what it speaks: a peer that begins with HTTP/2 (h2c) is told `HTTP_1_1_REQUIRED` in its own language, a
request to upgrade to it is answered in HTTP/1.1 as if it were none, and TLS offers `http/1.1` alone (ALPN), as one in
front has to.

An ASGI server it has to be, for what agents speak (MCP) comes as an ASGI application. Looked at on 2026-11-25:
hypercorn 0.18 has a ping interval but no time-out for the pong, granian 2.8 no setting for pings at all, and neither
lets the app abort one websocket; daphne 4.2 runs on Twisted's reactor. uvicorn gives the rest as it is: write flow
control per client, limits on headers and frames.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import ssl
import sys
from collections.abc import Callable

import h11
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame

from ipymultichat.errors import ConfigError, ServerStartError
from ipymultichat.server.acceptor import GOODBYE, Acceptor
from ipymultichat.server.admission import Admission, Visit
from ipymultichat.server.limits import KIB, Limits
from ipymultichat.server.tls import read_little

logger: logging.Logger = logging.getLogger("ipymultichat.server")

PING_INTERVAL = 54
PING_TIMEOUT = 6
"""Seconds. The servers in use ping every 54 s and give a connection up at 60 s (measured)."""

SHUTDOWN_GRACE = 0.5
"""Seconds connections get to take what is still on its way to them."""

MAX_UNREAD_PONGS = 64 * KIB
"""Bytes that may wait to be sent to a stranger: it is owed nothing but the answers to its pings."""

READ_SIZE = 16 * KIB
"""Bytes read from a websocket at a time. The smallest frames take the library 10 µs each, and those that were read
together are handled together."""

CLOSE_REFUSED, CLOSE_TOO_BIG, CLOSE_TRY_LATER = 1008, 1009, 1013

H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_H2_SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_H2_REASON = b"this server speaks HTTP/1.1 only"
_H2_GOAWAY = bytes((0, 0, 8 + len(_H2_REASON), 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xD)) + _H2_REASON
"""Frames of HTTP/2: no settings, then GOAWAY with the code HTTP_1_1_REQUIRED."""

_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: 38\r\n\r\n"
    b"the request did not come quick enough\n"
)


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


class _State(ServerState):
    """What the connections of one listener share.

    Args:
        admission: who may be connected.

    Attributes:
        on_leave: called when a connection has ended.
    """

    on_leave: Callable[[], None]

    def __init__(self, admission: Admission) -> None:
        super().__init__()
        self.admission = admission


class _Http(H11Protocol):
    """HTTP that logs to this package's logger, and no access log; ends calls that come too slowly."""

    server_state: _State

    def __init__(self, config: Config, server_state: _State, visit: Visit) -> None:
        super().__init__(config, server_state, {"visit": visit, "admission": server_state.admission})
        self.logger = logger
        self.access_log = False
        self._visit = visit
        self._preface = b""
        self._begun = False  # whether anything has come since the last answer
        self._speaks_h2 = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection over."""
        super().connection_made(transport)
        self._visit.abort, self._visit.expire = transport.abort, self._expire

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room."""
        super().connection_lost(exc)
        self.server_state.admission.leave(self._visit)
        self.server_state.on_leave()

    def data_received(self, data: bytes) -> None:
        """Read on, unless what begins here is HTTP/2."""
        if self._speaks_h2:
            return
        if not self._begun:
            self._begun = True
            if self.cycle is not None:  # another call on a connection that is kept
                self.server_state.admission.renew(self._visit)
        self._visit.received += len(data)
        if self.cycle is None and self.headers is None:
            data, self._preface = self._preface + data, b""
            if data.startswith(H2_PREFACE):
                self._refuse_h2()
                return
            if H2_PREFACE.startswith(data):
                self._preface = data
                return
        super().data_received(data)

    def on_response_complete(self) -> None:
        """Expect another call, or the end."""
        self._begun = False
        super().on_response_complete()
        if self.cycle is not None and not self.cycle.response_complete:
            self._begun = True  # it had come already
            self.server_state.admission.renew(self._visit)

    def _refuse_h2(self) -> None:
        self._speaks_h2 = True
        self.transport.write(_H2_SETTINGS + _H2_GOAWAY)
        # The peer hangs up, or its time ends: closed now, with frames of it unread, the answer might be lost.
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _expire(self) -> None:
        answering = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if self._begun and not answering and not self._speaks_h2:
            self.transport.write(_TOO_SLOW)
        _close(self.transport)

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: what a peer would rather speak is no news, and could fill the log."""

    def shutdown(self) -> None:
        """Close, or let the call that is being answered close."""
        if self.conn.our_state is h11.ERROR or self._speaks_h2:
            self.transport.close()
        else:
            super().shutdown()


class _WebSocket(WebSocketsSansIOProtocol):
    """A websocket that the app can cut off, and that goes without a close frame when the peer is silent.

    What of a message has come in part is limited, too: tightly before the login, and in all after it.
    """

    server_state: _State

    def __init__(
        self,
        config: Config,
        server_state: _State,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = logger
        self.conn.logger = logger
        self.conn.debug = False  # or it would log the bytes of every frame, and the login holds the token
        self._state = server_state
        self._fragments = 0
        visit = app_state["visit"]
        assert isinstance(visit, Visit)  # noqa: S101  put there by `_Http`
        self._visit = visit

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over from HTTP."""
        super().connection_made(transport)
        read_little(transport, READ_SIZE)
        self._visit.expire = self._expire
        self._state.admission.renew(self._visit)

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room."""
        super().connection_lost(exc)
        self._state.admission.leave(self._visit)
        self._state.on_leave()

    def data_received(self, data: bytes) -> None:
        """Read on, as far as there is room."""
        super().data_received(data)
        held = len(self.conn.reader.buffer) + self._fragments
        if self.close_sent or self.transport.is_closing():
            self._state.admission.hold(self._visit, 0)
        elif not self._visit.proven and not self.read_paused and held > self._state.admission.limits.max_login_frame:
            self._end(CLOSE_TOO_BIG, "no message is that large before the login")
        elif self._fragments > self.config.ws_max_size:
            self._end(CLOSE_TOO_BIG, "too many fragments")
        elif not self._state.admission.hold(self._visit, held):
            self._end(CLOSE_TRY_LATER, "the server receives too much at once")

    def handle_cont(self, event: Frame) -> None:
        """Count a part of a message, and what it takes to keep it."""
        self._fragments += len(event.data) + 64
        super().handle_cont(event)

    def handle_text(self, event: Frame) -> None:
        """Count the first part of a message."""
        self._fragments = len(event.data) + 64
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Count the first part of a message."""
        self._fragments = len(event.data) + 64
        super().handle_bytes(event)

    def send_receive_event_to_app(self) -> None:
        """Hand a message on that is complete."""
        super().send_receive_event_to_app()
        self._fragments = 0

    def handle_ping(self) -> None:
        """Answer a ping; cut off a peer that sends them and does not read the answers."""
        super().handle_ping()
        most = self._state.admission.limits.max_queue + self.config.ws_max_size
        if self.transport.get_write_buffer_size() > (most if self._visit.proven else MAX_UNREAD_PONGS):
            self.transport.abort()

    def keepalive_timeout(self) -> None:
        """Give a silent peer up, as the servers in use do (measured: no close frame).

        A close frame would only wait, maybe forever, behind what the peer does not read.
        """
        self.transport.abort()

    def _expire(self) -> None:
        self._end(CLOSE_REFUSED, f"no login within {self._state.admission.limits.login_seconds:g} s")

    def _end(self, code: int, reason: str) -> None:
        """Close with a code, and wait for nothing."""
        self.stop_keepalive()
        self._state.admission.hold(self._visit, 0)  # now, and not when it is gone: others are let in by it
        if self.handshake_complete and not self.close_sent:
            self.conn.send_close(code, reason)
            self.transport.write(b"".join(self.conn.data_to_send()))
        _close(self.transport)


def _close(transport: asyncio.Transport) -> None:
    """Close at once a connection to which only a few words are to be sent; one that does not take them is cut."""
    if transport.get_write_buffer_size():
        transport.abort()
        return
    transport.close()
    if transport.get_extra_info("ssl_object") is not None:
        # Before Python 3.11, TLS waits without end for the peer's word that it has heard of it.
        asyncio.get_running_loop().call_later(GOODBYE, transport.abort)


class Listener:
    """One running HTTP server inside somebody else's event loop.

    Args:
        app: what it serves. Finds a connection's `Visit` in `scope["state"]["visit"]`, the `Admission` beside it.
        limits: see `Limits`.
        places: connections at once.
        trusts: whether an address is a proxy's, behind which there are others.
        tls: None for no TLS.
    """

    def __init__(
        self, app: ASGIApp, *, limits: Limits, places: int, trusts: Callable[[str], bool], tls: ssl.SSLContext | None
    ) -> None:
        self._config = Config(
            app,
            http=_Http,
            ws=_WebSocket,
            ws_max_size=limits.max_frame,
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
        self._limits = limits
        self._places = places
        self._trusts = trusts
        self._tls = tls
        self._running: tuple[Acceptor, _State] | None = None

    def start(self, listening: socket.socket) -> None:
        """Serve on a socket from here on, on the running event loop; no signal is touched."""
        self._config.load()
        admission = Admission(self._limits, self._places)
        state = _State(admission)
        acceptor = Acceptor(
            listening,
            admission,
            lambda visit: _Http(self._config, state, visit),
            trusts=self._trusts,
            tls=self._tls,
        )
        state.on_leave = admission.on_room = acceptor.one_left
        self._running = acceptor, state

    async def shutdown(self) -> None:
        """Close everything: politely at first, then by force. Takes about a second at most."""
        if self._running is None:
            return
        acceptor, state = self._running
        await acceptor.close()
        for connection in list(state.connections):
            if not connection.transport.is_closing():
                connection.shutdown()
        if not await _settled(state, SHUTDOWN_GRACE):
            for connection in list(state.connections):
                connection.transport.abort()
            if not await _settled(state, SHUTDOWN_GRACE):
                logger.error("%d tasks did not end with their connections", len(state.tasks))


async def _settled(state: ServerState, seconds: float) -> bool:
    """Wait until every connection and its task has ended."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while state.connections or state.tasks:
        if loop.time() > end:
            return False
        await asyncio.sleep(0.01)
    return True
