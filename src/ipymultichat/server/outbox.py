"""One client's way out: a queue that never loses a frame and never makes others wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.websockets import WebSocket, WebSocketDisconnect


@dataclass(frozen=True)
class _Goodbye:
    code: int
    reason: str


class Outbox:
    """Frames waiting for one client.

    Args:
        max_bytes: bytes that may wait, counting the frame being sent.
        max_frames: frames that may wait, or None for any number.
        abort: cuts the connection without a close frame.
    """

    def __init__(self, *, max_bytes: int, max_frames: int | None, abort: Callable[[], None]) -> None:
        self._max_bytes = max_bytes
        self._max_frames = max_frames
        self._abort = abort
        self._queue: asyncio.Queue[bytes | _Goodbye] = asyncio.Queue()
        self._bytes = 0

    def put(self, frame: bytes, *, may_lose: bool = False) -> bool:
        """Queue a frame.

        Args:
            frame: what to send.
            may_lose: with a bound on frames, a frame that does not fit is dropped and counts as queued.

        Returns:
            False when it did not fit: the client is too slow to be kept.
        """
        if self._max_frames is not None and self._queue.qsize() >= self._max_frames:
            return may_lose
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

    async def drain(self, websocket: WebSocket) -> None:
        """Send until the socket is closed or gone."""
        try:
            while True:
                item = await self._queue.get()
                if isinstance(item, _Goodbye):
                    await websocket.close(item.code, item.reason)
                    return
                await websocket.send_bytes(item)
                self._bytes -= len(item)
        except WebSocketDisconnect:
            return  # the receiving side of the same socket sees it too, and cleans up
