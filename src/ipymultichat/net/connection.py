"""One websocket's life: open, read, write, close."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Literal
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ipymultichat.net.reasons import close_reason, connect_reason

MAX_FRAME = 64 * 2**20
"""The largest frame taken, in bytes; a larger one closes that connection only."""

_READ_AHEAD = 1024
# At DEBUG the library logs the bytes of every frame, and the login holds the token: this logger never goes there.
_socket_logger = logging.getLogger("ipymultichat.socket")
_socket_logger.setLevel(logging.WARNING)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ConnectFailedError(Exception):
    """The connection did not come about; the text says why, in words for a person."""


class Connection:
    """An open websocket. Sending never waits: a writer task of its own drains a queue.

    Make it with `Connection.open`; then `read` until it returns, then `close`.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._writer = asyncio.ensure_future(self._write())
        self._ended_because = ""

    @classmethod
    async def open(cls, url: str, *, timeout: float, keepalive: float) -> Connection:
        """Connect.

        Args:
            url: a normalized server address.
            timeout: how long the whole opening may take, in seconds.
            keepalive: a ping goes out this often, and its pong must come within as long, in seconds.

        Raises:
            ConnectFailedError: with the reason in words.
        """
        # A proxy set for the machine must not come between a notebook and a server on the same machine.
        proxy: Literal[True] | None = None if (urlsplit(url).hostname or "") in _LOOPBACK else True
        try:
            socket = await connect(
                url,
                open_timeout=timeout,
                ping_interval=keepalive,
                ping_timeout=keepalive,
                close_timeout=1,
                max_size=MAX_FRAME,
                max_queue=_READ_AHEAD,
                compression=None,
                proxy=proxy,
                logger=_socket_logger,
            )
        except Exception as error:
            raise ConnectFailedError(connect_reason(error, url, timeout)) from error
        return cls(socket)

    def send(self, frames: Sequence[bytes]) -> None:
        """Queue frames; they leave in order."""
        for frame in frames:
            self._outgoing.put_nowait(frame)

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

    async def probe(self, timeout: float) -> None:
        """Give the connection up unless the other side answers a ping within `timeout` seconds."""
        try:
            pong = await self._socket.ping()
            await asyncio.wait_for(pong, timeout)
        except (TimeoutError, asyncio.TimeoutError):
            self.abort("the server no longer answers after the pause")
        except ConnectionClosed:
            pass  # the reader learns of it by itself

    async def close(self) -> None:
        """Close properly, or drop the connection when the other side does not answer within a second."""
        self._writer.cancel()
        try:
            await self._socket.close()
        finally:
            self._socket.transport.abort()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._socket.send(await self._outgoing.get())
