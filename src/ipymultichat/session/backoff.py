"""How long to wait before trying a server again."""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """Doubling delays with a cap, in seconds.

    Args:
        first: the first delay.
        cap: the longest delay.
        refused: the shortest delay after a refused login, which no quick retry can mend.
        random: returns a number in [0, 1) to spread retries of many clients (full jitter); None: no jitter.
    """

    def __init__(
        self,
        *,
        first: float = 1.0,
        cap: float = 300.0,
        refused: float = 60.0,
        random: Callable[[], float] | None = None,
    ) -> None:
        self._first = first
        self._cap = cap
        self._refused = refused
        self._random = random
        self.attempt: int = 0

    def next_delay(self, *, refused: bool = False) -> float:
        """Count one failed try and return the delay before the next, in seconds."""
        # 2 ** 60 is past any cap; a larger exponent would overflow after days of failures.
        base = min(self._cap, self._first * 2.0 ** min(self.attempt, 60))
        self.attempt += 1
        delay = base if self._random is None else max(self._first / 2, base * self._random())
        return max(delay, min(self._refused, self._cap)) if refused else delay

    def reset(self) -> None:
        """Start over: a login lasted, the person asked, or the machine woke up."""
        self.attempt = 0
