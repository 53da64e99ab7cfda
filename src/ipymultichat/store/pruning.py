"""What leaves the history when it is too old or too much, and the room it leaves behind."""

# ruff: noqa: S608  what is put together is constants

from __future__ import annotations

import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone

from ipymultichat.model.settings import Retention
from ipymultichat.store.database import IS_OPEN, is_indexed, transaction

logger: logging.Logger = logging.getLogger("ipymultichat.store")

_DAY = 86_400.0
_HOUR = 3_600.0
_BORNE_OUT = 3
"""Days of which the history has messages, or for which the clock has run on, before anything is too old by it."""

_STEP = 200
"""Messages deleted in one transaction: whoever waits for the file waits for so many at most."""

_LEVEL = 0.95
"""Down to which part of the limit the oldest are deleted, so that it is not done for every message."""

_GROWTH = 1.02
"""By how much the file has to grow before it is pruned again, where all that is in it has to stay."""

_SPARE = 64
"""One page in so many may be left unused."""

_MERGE_PAGES = 500
_VACUUM_PAGES = 256
_OLDEST = f"FROM messages WHERE NOT {IS_OPEN} AND timestamp_ms < ? ORDER BY timestamp_ms, sequence LIMIT {_STEP}"


class Pruner:
    """Says when something has to be deleted, and deletes it step by step. What is not over is never deleted.

    A clock that was set far ahead makes everything too old. So nothing is deleted for its age until what stays has
    messages of three days, or the clock has run on for three days in step with one that cannot be set.

    Args:
        retention: how much is kept.
        clock: seconds since the epoch.
        monotonic: seconds that nobody can set.
    """

    def __init__(
        self, retention: Retention, clock: Callable[[], float], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._retention = retention
        self._clock = clock
        self._monotonic = monotonic
        self._in_step = clock(), monotonic()  # since then the two clocks are
        self._doubted = False
        self._steps: Iterator[str] | None = None
        self._next = 0.0
        self._grown = 0.0

    def set_retention(self, retention: Retention) -> None:
        """Use other limits on age and size."""
        self._retention = retention
        self._next = 0.0

    def written(self, connection: sqlite3.Connection, *, cleared: bool) -> None:
        """Look whether the file is too large now; `cleared` says that most of it was just deleted.

        Raises:
            sqlite3.Error: its size cannot be read.
        """
        limit = self._retention.mebibytes * 2**20
        if cleared or (limit and bytes_in_use(connection) > max(limit, self._grown)):
            self._next = 0.0

    def rest(self) -> float:
        """Seconds until there is something to do."""
        return 0.0 if self._steps is not None or self._is_due() else self._next - self._clock()

    def step(self, connection: sqlite3.Connection) -> str:
        """Do a part of it; call it again until there is rest.

        Returns:
            What the person has to be told, or "".

        Raises:
            sqlite3.Error: it could not be done; the next try is in an hour.
        """
        told = ""
        if self._is_due():
            now = self._clock()
            self._next = now + _HOUR
            oldest = int((now - self._retention.days * _DAY) * 1000) if self._retention.days else -(2**63)
            if _has_older(connection, oldest) and not self._is_borne_out(connection, now):
                told = "" if self._doubted else self._doubt(now)
                oldest = -(2**63)
            self._doubted = bool(told) or (self._doubted and oldest == -(2**63))
            self._steps = _prune(connection, self._retention, oldest)
        steps, self._steps = self._steps, None
        if steps is not None and (done := next(steps, None)):
            logger.debug("the history was pruned: %s", done)
            self._steps = steps
        else:
            self._grown = bytes_in_use(connection) * _GROWTH
        return told

    def _is_borne_out(self, connection: sqlite3.Connection, now: float) -> bool:
        """Whether something besides the clock says that it is `now`."""
        since, then = self._in_step
        if abs(now - since - (self._monotonic() - then)) > _HOUR:
            self._in_step = since, then = now, self._monotonic()
        if self._monotonic() - then >= _BORNE_OUT * _DAY:
            return True
        first = int((now - max(self._retention.days, _BORNE_OUT) * _DAY) * 1000)
        days = f"""SELECT DISTINCT timestamp_ms / {int(_DAY * 1000)} FROM messages
                   WHERE timestamp_ms BETWEEN ? AND ? LIMIT {_BORNE_OUT}"""
        return len(connection.execute(days, (first, int((now + _HOUR) * 1000))).fetchall()) == _BORNE_OUT

    def _doubt(self, now: float) -> str:
        day = datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%d")
        return (
            f"keeps for now what is older than {self._retention.days:g} days: hardly a message bears out that it is "
            f"{day}, as this computer's clock says; it is deleted after three days with messages, or with that clock"
        )

    def _is_due(self) -> bool:
        return not 0 < self._next - self._clock() <= _HOUR  # a clock that was set back must not put it off


def bytes_in_use(connection: sqlite3.Connection) -> int:
    """Bytes of the file that hold something."""
    sql = """SELECT (page_count - freelist_count) * page_size
             FROM pragma_page_count, pragma_freelist_count, pragma_page_size"""
    return int(connection.execute(sql).fetchone()[0])


def _has_older(connection: sqlite3.Connection, oldest: int) -> bool:
    sql = f"SELECT 1 FROM messages WHERE NOT {IS_OPEN} AND timestamp_ms < ? LIMIT 1"
    return connection.execute(sql, (oldest,)).fetchone() is not None


def _prune(connection: sqlite3.Connection, retention: Retention, oldest: int) -> Iterator[str]:
    """Delete what is older than `oldest` (milliseconds since the epoch) or too much; says what each step did."""
    total = 0
    while count := _delete(connection, oldest)[0]:
        total += count
        yield f"{count} messages were too old"
    limit, used, excess = retention.mebibytes * 2**20, bytes_in_use(connection), 0.0
    if 0 < limit < used:
        # A row that is deleted frees its pages only once the index was merged: so it is reckoned, not measured.
        sizes = connection.execute("SELECT coalesce(sum(size), 0) FROM messages").fetchone()[0]
        excess = sizes * (1 - limit * _LEVEL / used)
    while excess > 0 and (deleted := _delete(connection, 2**63 - 1, excess))[0]:
        total += deleted[0]
        excess -= deleted[1]
        yield f"{deleted[0]} messages were too much"
    if total and is_indexed(connection):
        yield from _merge_index(connection)
    yield from _shrink(connection)


def _delete(connection: sqlite3.Connection, before_ms: int, enough: float = math.inf) -> tuple[int, int]:
    """Delete some of the oldest messages that are over.

    Args:
        connection: the file.
        before_ms: none that is as new as this or newer.
        enough: no more once they have this size.

    Returns:
        How many they were, and their size.
    """
    rows: list[int] = []
    total = 0
    with transaction(connection):
        for row, size in connection.execute(f"SELECT row, size {_OLDEST}", (before_ms,)).fetchall():
            if total >= enough:
                break
            rows.append(row)
            total += size
        connection.execute(f"DELETE FROM messages WHERE row IN ({', '.join('?' * len(rows))})", rows)
    return len(rows), total


def _merge_index(connection: sqlite3.Connection) -> Iterator[str]:
    """Take what was deleted out of the index for good, step by step."""
    pages = -_MERGE_PAGES  # first of all, count every piece of the index as one to be merged
    while True:
        before = connection.total_changes
        connection.execute("INSERT INTO words(words, rank) VALUES ('merge', ?)", (pages,))
        if pages > 0 and connection.total_changes - before < 2:
            return
        pages = _MERGE_PAGES
        yield "the index was merged"


def _shrink(connection: sqlite3.Connection) -> Iterator[str]:
    """Give room that is not used back to the disk, step by step; a little is left for what comes."""
    sql = f"SELECT freelist_count * {_SPARE} > page_count FROM pragma_freelist_count, pragma_page_count"
    while connection.execute(sql).fetchone()[0]:
        connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
        yield "room was given back"
