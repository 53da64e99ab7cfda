"""Who may be connected, for how long without a token, and how much may be on its way in."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from ipymultichat.server.limits import KIB, Limits, share

UNCOUNTED = 64 * KIB
"""Bytes of one message that do not count as incoming: while large ones use all there is, ordinary ones pass."""


NEWCOMER_SECONDS = 0.5
"""How long every stranger may stay at least, as long as others can wait."""


@dataclass(eq=False)
class Visit:
    """One connection.

    Attributes:
        address: where it comes from; see `address_key`.
        abort: cuts it at once.
        expire: ends it because its time is over, with a word where the protocol has one.
        proven: whether it has logged in or called with an accepted token.
        received: bytes that came since it became a stranger.
        held: bytes of the message that has come in part.
    """

    address: str
    abort: Callable[[], None]
    expire: Callable[[], None]
    proven: bool = False
    received: int = 0
    held: int = 0
    since: float = 0.0
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)


class Admission:
    """Counts connections, strangers among them, and bytes on their way in. Belongs to one event loop.

    Args:
        limits: see `Limits`.
        places: connections at once, at most `limits.max_connections`.

    Attributes:
        on_room: called when there is a stranger less.
        entered: how many connections were taken in so far.
    """

    def __init__(self, limits: Limits, places: int) -> None:
        self.limits = limits
        self.places = places
        self.entered: int = 0
        self._loop = asyncio.get_running_loop()
        self._visits: set[Visit] = set()
        self._strangers: dict[Visit, None] = {}  # in the order in which they became that
        self._incoming: Counter[str] = Counter()
        self.on_room: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._visits)

    def enter(
        self, address: str, abort: Callable[[], None], expire: Callable[[], None], *, for_many: bool = False
    ) -> Visit | None:
        """Take a connection in, as a stranger; return None where its address has its share already.

        Args:
            address: where it comes from.
            abort: see `Visit`.
            expire: see `Visit`.
            for_many: whether the address is a proxy's, which has no share: those behind it have theirs, see `move`.
        """
        if not for_many and self._has_its_share(address):
            return None
        self.entered += 1
        visit = Visit(address, abort, expire)
        self._visits.add(visit)
        self.renew(visit)
        return visit

    def move(self, visit: Visit, address: str) -> bool:
        """Count a connection as one of another address; return False where that has its share already."""
        if address == visit.address:
            return True
        if self._has_its_share(address):
            return False
        held = visit.held
        self.hold(visit, 0)
        visit.address = address
        self.hold(visit, held)
        return True

    def crowded(self) -> float:
        """Return how long a newcomer should wait, in seconds.

        With all places of strangers taken, one more ends the oldest. When they all came in one burst, as the agents of
        one program do, that one has had no time yet to show what it came for.
        """
        if len(self._strangers) < self.limits.max_strangers:
            return 0.0
        oldest = next(iter(self._strangers))
        return max(oldest.since + NEWCOMER_SECONDS - self._loop.time(), 0.0)

    def leave(self, visit: Visit) -> None:
        """Forget a connection that has ended."""
        self.prove(visit)
        self.hold(visit, 0)
        self._visits.discard(visit)

    def renew(self, visit: Visit) -> None:
        """Make a connection a stranger whose time begins now: it is new, or begins another call."""
        self._strangers.pop(visit, None)
        if len(self._strangers) >= self.limits.max_strangers:
            self._evict()
        self._strangers[visit] = None
        visit.proven, visit.received, visit.since = False, 0, self._loop.time()
        if visit.timer is not None:
            visit.timer.cancel()
        self._watch(visit)

    def prove(self, visit: Visit) -> None:
        """Let a connection stay as long as it likes."""
        visit.proven = True
        if visit in self._strangers:
            del self._strangers[visit]
            self.on_room()
        if visit.timer is not None:
            visit.timer.cancel()
            visit.timer = None

    def hold(self, visit: Visit, size: int) -> bool:
        """Note how much of a message has come; return False when that is more than there is room for."""
        before, visit.held = visit.held, size
        counted = max(size - UNCOUNTED, 0)
        change = counted - max(before - UNCOUNTED, 0)
        self._incoming[visit.address] += change
        if not self._incoming[visit.address]:
            del self._incoming[visit.address]
        if not counted or change <= 0:
            return True
        most = self.limits.max_incoming
        return self._incoming[visit.address] <= share(most) and sum(self._incoming.values()) <= most

    def _has_its_share(self, address: str) -> bool:
        return sum(visit.address == address for visit in self._visits) >= share(self.places)

    def _watch(self, visit: Visit) -> None:
        paid_for = min(visit.received, self.limits.max_body) / self.limits.min_bytes_per_second
        end = visit.since + self.limits.login_seconds + paid_for
        if self._loop.time() < end:
            visit.timer = self._loop.call_at(end, self._watch, visit)
        else:
            visit.expire()

    def _evict(self) -> None:
        """Cut the oldest stranger of the address that has the most of them."""
        counts = Counter(visit.address for visit in self._strangers)
        most = max(counts.values())
        oldest = next(visit for visit in self._strangers if counts[visit.address] == most)
        self.prove(oldest)  # it is none any more; `leave` follows when it is gone
        oldest.abort()
