"""One client's way out: a queue that never loses a frame and never makes others wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.websockets import WebSocketDisconnect


@dataclass(frozen=True)
class _Goodbye:
    code: int
    reason: str


class Channel(Protocol):
    """Where frames go: Starlette's `WebSocket`."""

    async def send_bytes(self, data: bytes) -> None: ...  # noqa: D102
    async def close(self, code: int = ..., reason: str | None = ...) -> None: ...  # noqa: D102


class Outbox:
    """Frames waiting for one client.

    Args:
        max_bytes: bytes that may wait, counting the frame being sent.
        abort: cuts the connection without a close frame.
    """

    def __init__(self, *, max_bytes: int, abort: Callable[[], None]) -> None:
        self._max_bytes = max_bytes
        self._abort = abort
        self._queue: asyncio.Queue[bytes | _Goodbye] = asyncio.Queue()
        self._bytes = 0

    def __len__(self) -> int:
        return self._queue.qsize()

    def put(self, frame: bytes) -> bool:
        """Queue a frame; return False when it did not fit: the client is too slow to be kept."""
        if self._bytes and self._bytes + len(frame) > self._max_bytes:
            return False
        self._bytes += len(frame)
        self._queue.put_nowait(frame)
        return True

    def close(self, code: int, reason: str) -> None:
        """Close the socket once everything queued is out."""
        self._queue.put_nowait(_Goodbye(code, reason))

    def abort(self) -> None:
        """Cut the connection now; a close frame would only wait behind the others."""
        self._abort()

    async def drain(self, channel: Channel) -> None:
        """Send until the socket is closed or gone."""
        try:
            while True:
                item = await self._queue.get()
                if isinstance(item, _Goodbye):
                    await channel.close(item.code, item.reason)
                    return
                await channel.send_bytes(item)
                self._bytes -= len(item)
        except WebSocketDisconnect:
            return  # the receiving side of the same socket sees it too, and cleans up
