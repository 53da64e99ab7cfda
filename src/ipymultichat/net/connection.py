"""One websocket's life: open, read, write, close."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, cast
from urllib.parse import SplitResult, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException
from websockets.frames import CloseCode

from ipymultichat.model.invisible import escape_invisible
from ipymultichat.net.reasons import close_reason, connect_reason

MAX_FRAME = 64 * 2**20
"""The largest frame taken, in bytes; a larger one closes that connection only."""

MAX_LIST = 4 * MAX_FRAME
"""The largest list of what waits: requests that are allowed one by one may make a larger frame together."""

_AT_ONCE = 256
"""Frames that are taken in before whatever else the loop has to do gets its turn."""

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


class Connect(connect):
    """Opens a websocket, and follows a server to no other place: the login would take the token there."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """See `websockets`: returns the address to go on to, or the error that is raised."""
        try:
            there = super().process_redirect(exc)
        except InvalidURI as error:  # most often the page of a login
            there = error.uri
        if not isinstance(there, str):
            return there
        wanted, found = urlsplit(self.uri), urlsplit(there)
        same = (wanted.scheme, _place(wanted)) == (found.scheme, _place(found))
        safer = (wanted.scheme, found.scheme) == ("ws", "wss") and wanted.hostname == found.hostname
        if same or safer:
            return there
        place = escape_invisible(f"{found.scheme}://{found.netloc.rpartition('@')[2]}"[:200])
        return ConnectFailedError(f"{wanted.netloc} points to {place}; give that address if it is the right one")


def _place(url: SplitResult) -> tuple[str | None, int]:
    return url.hostname, url.port or (443 if url.scheme == "wss" else 80)


class _Socket(ClientConnection):
    """A websocket that knows when it last heard from the other side."""

    heard_at: float = float("-inf")
    unheard: int = 0
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
        self.too_large: bool = False
        """Whether it ended over a frame that was larger than allowed."""
        self._closing = asyncio.Event()
        self._closer = asyncio.ensure_future(self._close_when_told())

    @classmethod
    async def open(cls, url: str, *, timeout: float, keepalive: float, max_frame: int = MAX_FRAME) -> Connection:
        """Connect.

        Args:
            url: a normalized server address.
            timeout: how long the whole opening may take, in seconds.
            keepalive: a ping goes out this often, and a sign of life must come within as long, in seconds.
            max_frame: the largest frame taken, in bytes.

        Raises:
            ConnectFailedError: with the reason in words.
        """
        # A proxy set for the machine must not come between a notebook and a server on the same machine.
        proxy: Literal[True] | None = None if (urlsplit(url).hostname or "") in _LOOPBACK else True
        try:
            socket = await Connect(
                url,
                open_timeout=timeout,
                ping_interval=None,  # done here: the library's own waits for ever behind a frame that does not leave
                close_timeout=CLOSE_SECONDS,
                max_size=max_frame,
                max_queue=READ_AHEAD,
                create_connection=_Socket,
                compression=None,
                proxy=proxy,
                logger=_socket_logger,
            )
        except ConnectFailedError:
            raise
        except Exception as error:
            raise ConnectFailedError(connect_reason(error, url, timeout)) from error
        socket.protocol.debug = False  # whatever level somebody gave the logger
        return cls(cast("_Socket", socket), keepalive=keepalive)

    def send(self, frames: Sequence[bytes]) -> None:
        """Queue frames; they leave in order."""
        for frame in frames:
            self._outgoing.put_nowait(frame)
        if self._outgoing.qsize() > MAX_OUTGOING:
            self.abort("the server no longer takes what is sent to it")

    async def read(self, on_frame: Callable[[bytes | str], Iterator[None] | None]) -> str:
        """Hand every frame to `on_frame` until the connection ends; returns why, in words.

        Args:
            on_frame: returns None, or for a large frame what has to be gone through before the next one; others get
                their turn after each step.
        """
        try:
            while True:
                for _ in range(_AT_ONCE):
                    for _slice in on_frame(await self._socket.recv()) or ():
                        await asyncio.sleep(0)
                # While so much waits here, the socket may not be read: what waits is a sign of life as well.
                self._socket.heard_at = self._socket.loop.time()
                await asyncio.sleep(0)
        except ConnectionClosed as closed:
            self.too_large = closed.sent is not None and closed.sent.code == CloseCode.MESSAGE_TOO_BIG
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
