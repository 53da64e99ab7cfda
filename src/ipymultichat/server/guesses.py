"""Wrong tokens: who tries them is slowed down, and the log says how many there were."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

logger: logging.Logger = logging.getLogger("ipymultichat.server")

FREE = 5
"""Wrong tokens after which an address begins to wait: people mistype."""

FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
"""Seconds before a token from there is looked at, doubling with every wrong one. Below the time a login has."""

FORGOTTEN_AFTER = 60
"""Seconds after the last wrong token from an address."""

MOST_ADDRESSES = 10_000


@dataclass
class _Tries:
    count: int
    last: float


class Guesses:
    """Counts wrong tokens by address.

    Right and wrong tokens from an address wait alike: whoever guesses would otherwise hang up on what takes longer. An
    address from which nobody guesses never waits.

    Args:
        clock: seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: dict[str, _Tries] = {}  # the one that was wrong last comes last

    def delay(self, address: str) -> float:
        """Return how long a token from this address has to wait, in seconds."""
        tries = self._tries.get(address)
        if tries is None or tries.count <= FREE or self._clock() - tries.last >= FORGOTTEN_AFTER:
            return 0.0
        return min(FIRST_DELAY * 2.0 ** min(tries.count - FREE - 1, 30), LONGEST_DELAY)

    def wrong(self, address: str) -> None:
        """Note a wrong token; the log gets a line for the 1st, 10th, 100th, … of an address."""
        now = self._clock()
        tries = self._tries.pop(address, None)
        if tries is None or now - tries.last >= FORGOTTEN_AFTER:
            tries = _Tries(0, now)
        tries.count += 1
        tries.last = now
        self._tries[address] = tries
        if len(self._tries) > MOST_ADDRESSES:
            del self._tries[next(iter(self._tries))]
        if str(tries.count).strip("0") == "1":
            logger.warning("%d wrong token%s from %s", tries.count, "s" if tries.count > 1 else "", address)
