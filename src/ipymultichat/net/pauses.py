"""Notices that time passed without this loop: a blocked kernel, or a machine that slept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_TICK = 1.0
_BLOCKED = 5.0
_SLEPT = 10.0


class PauseDetector:
    """Calls `on_gap(seconds, slept)` after the loop stood still for more than 5 s or the clock jumped by 10 s.

    Args:
        on_gap: gets the length of the gap in seconds, and whether the machine slept (else the loop was blocked).
        clock: the wall clock, in seconds.
    """

    def __init__(self, on_gap: Callable[[float, bool], None], clock: Callable[[], float] = time.time) -> None:
        self._on_gap = on_gap
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._mark()
        self._handle = self._loop.call_later(_TICK, self._tick)

    def _mark(self) -> None:
        self._ran, self._wall = self._loop.time(), self._clock()

    def _tick(self) -> None:
        blocked = self._loop.time() - self._ran - _TICK
        slept = self._clock() - self._wall - _TICK - blocked
        self._mark()
        self._handle = self._loop.call_later(_TICK, self._tick)
        # The monotonic clock stands still while a machine sleeps, and the wall clock does not.
        if slept > _SLEPT:
            self._on_gap(slept, True)
        elif blocked > _BLOCKED:
            self._on_gap(blocked, False)

    def stop(self) -> None:
        """Watch no more."""
        self._handle.cancel()
