"""How often each team may ask."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST_TEAMS = 10_000


class Rates:
    """Lets every team ask so often per second, and more at once after it has asked less.

    Args:
        per_second: how often in the long run.
        at_once: how often at once after a rest.
        clock: seconds, never going back.
    """

    def __init__(self, per_second: int, at_once: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._spacing = 1 / per_second
        self._lead = (at_once - 1) / per_second
        self._clock = clock
        # When each would ask next at an even pace; the one that asked last comes last.
        self._next: dict[str, float] = {}

    def take(self, team: str) -> float:
        """Count one request; return 0, or in how many seconds it may be made, when it comes too early."""
        now = self._clock()
        due = max(self._next.pop(team, now), now)
        early = due - now - self._lead
        # A hair is no reason: sums of fractions are not exact.
        self._next[team] = due if early > self._spacing / 1000 else due + self._spacing
        if len(self._next) > MOST_TEAMS:
            del self._next[next(iter(self._next))]
        return early if early > self._spacing / 1000 else 0.0
