"""What leaves the history when it is too old or too much, and the room it leaves behind."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator

from ipymultichat.store.retention import Retention
from ipymultichat.store.schema import UNSETTLED_ROWS, indexed, transaction

_DAY = 86_400.0
_STEP = 200
"""Messages that leave in one transaction: whoever waits for the file waits for so many at most."""

_LEVEL = 0.95
"""Down to which part of the limit the oldest leave, so that it is not done for every message."""

_SPARE = 64
"""One page in so many may be left unused."""

_GROWTH = 1.02
_HOUR = 3_600.0
_MERGE_PAGES = 500
_VACUUM_PAGES = 256
_OLDEST = f"FROM messages WHERE NOT {UNSETTLED_ROWS}"
_BY_AGE = "ORDER BY place, number LIMIT ?"
_DROP_BEFORE = f"DELETE FROM messages WHERE row IN (SELECT row {_OLDEST} AND place < ? {_BY_AGE})"  # noqa: S608
_WEIGHTS = f"SELECT row, weight {_OLDEST} {_BY_AGE}"


class Shelf:
    """Measures the messages in one open file, and drops some.

    Args:
        connection: see `Archive`.

    Every method raises `sqlite3.Error` when the file cannot be used.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def size(self) -> int:
        """Bytes in use."""
        return (self._pragma("page_count") - self._pragma("freelist_count")) * self._pragma("page_size")

    def weight(self) -> int:
        """Bytes of all messages, roughly."""
        return int(self._connection.execute("SELECT coalesce(sum(weight), 0) FROM messages").fetchone()[0])

    def drop_before(self, place: int, limit: int) -> int:
        """Drop some settled messages older than a place; returns how many."""
        with transaction(self._connection):
            return self._connection.execute(_DROP_BEFORE, (place, limit)).rowcount

    def drop_oldest(self, weight: int, limit: int) -> int:
        """Drop the oldest settled messages up to a weight; returns what they weighed."""
        with transaction(self._connection):
            rows = self._connection.execute(_WEIGHTS, (limit,)).fetchall()
            gone = 0
            for row, size in rows:
                if gone >= weight:
                    break
                self._connection.execute("DELETE FROM messages WHERE row = ?", (row,))
                gone += size
        return gone

    def merge(self) -> Iterator[None]:
        """Take what left out of the index for good, step by step."""
        if not indexed(self._connection):
            return
        pages = -_MERGE_PAGES  # first of all, count every piece of the index as one to be merged
        while True:
            before = self._connection.total_changes
            self._connection.execute("INSERT INTO words(words, rank) VALUES ('merge', ?)", (pages,))
            if pages > 0 and self._connection.total_changes - before < 2:
                return
            pages = _MERGE_PAGES
            yield

    def shrink(self) -> Iterator[None]:
        """Give room that is not used back to the disk, step by step; a little is left for what comes."""
        while self._pragma("freelist_count") * _SPARE > self._pragma("page_count"):
            self._connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
            yield

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])


class Keeper:
    """Says when something has to leave, and lets it leave step by step.

    Args:
        retention: how much is kept.
        clock: seconds since the epoch.
    """

    def __init__(self, retention: Retention, clock: Callable[[], float]) -> None:
        self._retention = retention
        self._clock = clock
        self._steps: Iterator[None] | None = None
        self._next = 0.0
        self._grown = 0.0

    def keep(self, retention: Retention) -> None:
        """Keep so much from now on."""
        self._retention = retention
        self._next = 0.0

    def written(self, size: int, *, cleared: bool) -> None:
        """The file has this many bytes in use now.

        Args:
            size: how many.
            cleared: most of it was just forgotten.
        """
        limit = self._retention.mebibytes * 2**20
        if cleared or (limit and size > max(limit, self._grown)):
            self._next = 0.0

    def rest(self) -> float:
        """Seconds until there is something to do."""
        return 0.0 if self._steps is not None or self._due() else self._next - self._clock()

    def step(self, shelf: Shelf) -> None:
        """Do a part of it; call it again until there is rest.

        Raises:
            sqlite3.Error: it could not be done; the next try is in an hour.
        """
        if self._due():
            self._next = self._clock() + _HOUR
            self._steps = _tidy(shelf, self._retention, self._clock())
        try:
            if self._steps is not None and next(self._steps, self) is self:
                self._steps = None
                self._grown = shelf.size() * _GROWTH  # where too much waits, there is nothing to gain at once
        except BaseException:
            self._steps = None
            raise

    def _due(self) -> bool:
        return not 0 < self._next - self._clock() <= _HOUR  # a clock that was set back must not put it off


def _tidy(shelf: Shelf, retention: Retention, now: float) -> Iterator[None]:
    """Let leave what is too old or too much, step by step.

    Args:
        shelf: the history.
        retention: what to keep.
        now: seconds since the epoch.
    """
    left = False
    place = int((now - retention.days * _DAY) * 1000)
    while retention.days and shelf.drop_before(place, _STEP):
        left = True
        yield
    excess = _excess(shelf, retention)
    while excess > 0 and (gone := shelf.drop_oldest(excess, _STEP)):
        left = True
        excess -= gone
        yield
    if left:
        yield from shelf.merge()
    yield from shelf.shrink()


def _excess(shelf: Shelf, retention: Retention) -> int:
    """What has to leave, in the measure of `weight`.

    A row that leaves frees its pages only once the index was merged: so it is reckoned beforehand, not measured.
    """
    limit, size = retention.mebibytes * 2**20, shelf.size()
    if not limit or size <= limit:
        return 0
    return math.ceil(shelf.weight() * (1 - limit * _LEVEL / size))
