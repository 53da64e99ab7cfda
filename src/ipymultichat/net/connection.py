"""One websocket's life: open, read, write, close."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Literal, cast
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from ipymultichat.net.reasons import close_reason, connect_reason

MAX_FRAME = 64 * 2**20
"""The largest frame taken, in bytes; a larger one closes that connection only."""

MAX_OUTGOING = 10_000
"""Frames that may wait to be sent; a server that lets more pile up takes nothing, and the connection is given up.

The session keeps one reply and one chat message in flight, so this is reached only by a fault."""

READ_AHEAD = 1024
"""Frames that may wait to be read. The reader never waits for anybody, so more than a few do only while the event loop
is blocked; then the socket is read no further, and the server's own queue fills."""

CLOSE_SECONDS = 1.0
"""How long a closing handshake may take before the connection is dropped."""

_SYSTEM_BUFFER = 4 * 2**20
"""Bytes that the system takes from a socket at most before it has sent them (Linux: 4 MiB)."""

_SLOWEST = 65_536.0
"""Bytes per second that a usable network takes at least."""

# At DEBUG the library logs the bytes of every frame, and the login holds the token: this logger never goes there.
_socket_logger = logging.getLogger("ipymultichat.socket")
_socket_logger.setLevel(logging.WARNING)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ConnectFailedError(Exception):
    """The connection did not come about; the text says why, in words for a person."""


class _Socket(ClientConnection):
    """A websocket that knows when it last heard from the other side."""

    heard_at = float("-inf")
    unheard = 0
    """Bytes sent since then."""

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`; any bytes are a sign of life, also those of a frame that is not complete yet."""
        self.heard_at, self.unheard = self.loop.time(), 0
        super().data_received(data)


class Connection:
    """An open websocket. Sending never waits: a writer task of its own drains a queue.

    A dead peer is noticed within twice the keepalive interval, also while a large frame is on its way.

    Make it with `Connection.open`; then `read` until it returns, then `close`.
    """

    def __init__(self, socket: _Socket, *, keepalive: float) -> None:
        self._socket = socket
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._tasks = [asyncio.ensure_future(self._write()), asyncio.ensure_future(self._keep_alive(keepalive))]
        self._probe: asyncio.Future[None] | None = None
        self._ended_because = ""
        self._closing = asyncio.Event()
        self._closer = asyncio.ensure_future(self._close_when_told())

    @classmethod
    async def open(cls, url: str, *, timeout: float, keepalive: float) -> Connection:
        """Connect.

        Args:
            url: a normalized server address.
            timeout: how long the whole opening may take, in seconds.
            keepalive: a ping goes out this often, and a sign of life must come within as long, in seconds.

        Raises:
            ConnectFailedError: with the reason in words.
        """
        # A proxy set for the machine must not come between a notebook and a server on the same machine.
        proxy: Literal[True] | None = None if (urlsplit(url).hostname or "") in _LOOPBACK else True
        try:
            socket = await connect(
                url,
                open_timeout=timeout,
                ping_interval=None,  # done here: the library's own waits for ever behind a frame that does not leave
                close_timeout=CLOSE_SECONDS,
                max_size=MAX_FRAME,
                max_queue=READ_AHEAD,
                create_connection=_Socket,
                compression=None,
                proxy=proxy,
                logger=_socket_logger,
            )
        except Exception as error:
            raise ConnectFailedError(connect_reason(error, url, timeout)) from error
        return cls(cast("_Socket", socket), keepalive=keepalive)

    def send(self, frames: Sequence[bytes]) -> None:
        """Queue frames; they leave in order."""
        for frame in frames:
            self._outgoing.put_nowait(frame)
        if self._outgoing.qsize() > MAX_OUTGOING:
            self.abort("the server no longer takes what is sent to it")

    async def read(self, on_frame: Callable[[bytes | str], None]) -> str:
        """Hand every frame to `on_frame` until the connection ends; returns why, in words."""
        try:
            while True:
                on_frame(await self._socket.recv())
        except ConnectionClosed as closed:
            return self._ended_because or close_reason(closed)

    def abort(self, reason: str) -> None:
        """Give the connection up at once, without a closing handshake; `read` then returns `reason`."""
        self._ended_because = self._ended_because or reason
        self._socket.transport.abort()

    def probe(self, timeout: float, reason: str) -> None:
        """Start to look whether the other side is there; without a sign of life, the connection is given up.

        Args:
            timeout: how long a sign of life may take, in seconds.
            reason: what `read` returns when there is none.
        """
        if self._probe is None or self._probe.done():
            self._probe = asyncio.ensure_future(self._look(timeout, reason))

    def close(self) -> asyncio.Task[None]:
        """Close properly, or drop the connection when the other side does not answer within a second.

        Returns:
            What can be awaited for the end of it, or left alone.
        """
        self._closing.set()
        return self._closer

    async def _close_when_told(self) -> None:
        """A task from the start: a loop that ends (`asyncio.run`) waits for it, as it would not for one made then."""
        try:
            await self._closing.wait()
        finally:
            await self._close()

    async def _close(self) -> None:
        tasks = [*self._tasks, *([self._probe] if self._probe is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        # Even the close frame can wait for ever behind a frame that does not leave.
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(self._socket.close(), CLOSE_SECONDS)
        self._socket.transport.abort()
        await self._socket.wait_closed()

    async def _keep_alive(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._look(interval, "the server no longer answers (no pong)")

    async def _look(self, timeout: float, reason: str) -> None:
        """Send a ping; what counts as a sign of life is the pong, any other byte, or that ours are being taken.

        The pong of a slow connection may be stuck behind a large frame, of theirs or of ours.
        """
        socket = self._socket
        began, waiting = socket.heard_at, socket.transport.get_write_buffer_size()
        # What the system's own buffer has taken from us is on its way, and cannot be seen to move.
        end = socket.loop.time() + timeout + min(socket.unheard, _SYSTEM_BUFFER) / _SLOWEST
        ping = asyncio.ensure_future(self._ping())
        try:
            while True:
                # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with the result.
                await asyncio.wait({ping}, timeout=min(timeout, max(0.0, end - socket.loop.time()) or timeout))
                left = socket.transport.get_write_buffer_size()
                if ping.done() or socket.heard_at != began:
                    return
                if left >= waiting > 0 or (not left and socket.loop.time() >= end):
                    self.abort(reason)
                    return
                waiting = left
        finally:
            ping.cancel()

    async def _ping(self) -> None:
        with contextlib.suppress(WebSocketException):  # the reader learns of it by itself
            await (await self._socket.ping())

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = await self._outgoing.get()
                self._socket.unheard += len(frame)
                await self._socket.send(frame)
