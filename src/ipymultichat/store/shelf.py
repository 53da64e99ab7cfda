"""What leaves the history when it is too old or too much, and the room it leaves behind."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator

from ipymultichat.store.retention import Retention
from ipymultichat.store.schema import UNSETTLED_ROWS, indexed, transaction

_DAY = 86_400.0
_STEP = 200
"""Messages that leave in one transaction: whoever waits for the file waits for so many at most."""

_LEVEL = 0.95
"""Down to which part of the limit the oldest leave, so that it is not done for every message."""

_SPARE = 64
"""One page in so many may be left unused."""

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


def tidy(shelf: Shelf, retention: Retention, now: float) -> Iterator[None]:
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
