"""Saves from a damaged history what can be read, and counts what cannot."""

# ruff: noqa: S608  what is put together is constants; every value is a parameter

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path

from ipymultichat.store.body import COLUMNS, MISFITS, READ, entry_of, unpacked
from ipymultichat.store.database import remake_index, transaction
from ipymultichat.store.pages import Pages, Record

logger: logging.Logger = logging.getLogger("ipymultichat.store")

_MESSAGE, _ATTACHMENT = len(COLUMNS) + 1, 3
"""Columns of the two tables; no other table of the file has so many."""

_BY_SERVER, _IDS = 4, 2
"""Columns of two indexes that name every message, the row counted."""

_BATCH = 2_000
"""Records between two looks at the disk: the write-ahead log grows no larger than they are."""

_MAX_ROW = 2**48
"""Beyond it a row was made by the damage: no history has so many messages."""

_KNOWN = """
CREATE TEMP TABLE known (row INTEGER PRIMARY KEY, id, timestamp_ms INTEGER);
CREATE TEMP TABLE needed (row INTEGER, position INTEGER);
CREATE TEMP VIEW lost AS SELECT * FROM known WHERE row NOT IN (SELECT row FROM main.messages);
"""
_NAMED = "INSERT INTO known VALUES (?, ?, NULL) ON CONFLICT (row) DO UPDATE SET id = excluded.id"
_DATED = "INSERT INTO known VALUES (?, NULL, ?) ON CONFLICT (row) DO UPDATE SET timestamp_ms = excluded.timestamp_ms"


@dataclass
class Salvage:
    """What became of a damaged file.

    Attributes:
        aside: the name under which it is kept, or "": it could be repaired, and nothing was lost.
        kept: how many messages the new file has.
        lost: ids of the messages that could not be read.
        unnamed: how many more there were, whose ids could not be read either.
        emptied: how many attachments are empty now, as they could not be read.
        oldest, newest: when the lost ones came, in milliseconds since the epoch, or None.
    """

    aside: str = ""
    kept: int = 0
    lost: tuple[str, ...] = ()
    unnamed: int = 0
    emptied: int = 0
    oldest: int | None = None
    newest: int | None = None

    def told(self, lost: int) -> str:
        """What the person is told, `lost` of whose messages are nowhere any more."""
        if not self.aside:
            return "had a damaged index, which was made anew; no message was lost"
        if not self.kept and not lost:
            return f"was damaged: it now stands in {self.aside}, and a new one begins"
        period = ""
        if lost and self.oldest is not None and self.newest is not None:
            first, last = _day(self.oldest), _day(self.newest)
            period = f" (of {first})" if first == last else f" (of {first} to {last})"
        count = f"{lost:,} could not be read{period}" if lost else "none was lost"
        empty = f", and {self.emptied:,} attachments are empty now" if self.emptied else ""
        return f"was damaged: {self.kept:,} messages were saved, {count}{empty}; the damaged file is {self.aside}"


def salvage(path: Path, copy: sqlite3.Connection) -> Salvage:
    """Copy what can be read of a damaged file of today's version.

    Args:
        path: the file; nobody writes to it meanwhile.
        copy: a new file, brought up to date.

    Raises:
        OSError, sqlite3.Error: the new file cannot be written, or the old one not be opened.
    """
    copy.executescript(_KNOWN)
    copy.execute("PRAGMA foreign_keys = OFF")  # an attachment may be read before its message
    with closing(Pages(path)) as pages:
        records = pages.records(tables=(_MESSAGE, _ATTACHMENT), indexes=(_BY_SERVER, _IDS))
        while batch := list(islice(records, _BATCH)):
            with transaction(copy):
                for record in batch:
                    _take(record, copy)
    with transaction(copy):
        copy.execute("DELETE FROM attachments WHERE row NOT IN (SELECT row FROM messages)")
        emptied = copy.execute("INSERT OR IGNORE INTO attachments SELECT row, position, x'' FROM needed").rowcount
        remake_index(copy)
    (kept,) = copy.execute("SELECT count(*) FROM messages").fetchone()
    lost, oldest, newest = copy.execute("SELECT count(*), min(timestamp_ms), max(timestamp_ms) FROM lost").fetchone()
    ids = tuple(unpacked(key) for (key,) in copy.execute("SELECT id FROM lost WHERE id IS NOT NULL"))
    return Salvage("", kept, ids, lost - len(ids), max(0, emptied), oldest, newest)


def _take(record: Record, copy: sqlite3.Connection) -> None:
    """Copy one record, if it is one of a message."""
    row, values = record
    if row is None:
        *named, listed = values
        if not isinstance(listed, int) or not 0 < listed < _MAX_ROW:
            return
        if len(values) == _BY_SERVER and isinstance(named[1], int) and isinstance(named[2], int):
            copy.execute(_DATED, (listed, named[1]))
        elif len(values) == _IDS and isinstance(named[0], (str, bytes)) and named[0] != "version":  # one of the index
            copy.execute(_NAMED, (listed, named[0]))
    elif len(values) == _ATTACHMENT:
        owner, position, data = values
        if isinstance(owner, int) and isinstance(position, int) and isinstance(data, bytes):
            copy.execute("INSERT OR IGNORE INTO attachments VALUES (?, ?, ?)", values)
    elif 0 < row < _MAX_ROW:
        positions: list[int] = []

        def fetch(position: int) -> bytes:
            positions.append(position)
            return b""

        columns = dict(zip(COLUMNS, values[1:], strict=True))
        try:
            entry_of(tuple(columns[name] for name in READ), fetch)
        except MISFITS as error:
            logger.warning("a message of the damaged history cannot be read: %s", type(error).__name__)
            return
        copy.execute(f"INSERT OR IGNORE INTO messages VALUES (?{', ?' * (_MESSAGE - 1)})", (row, *values[1:]))
        copy.executemany("INSERT INTO needed VALUES (?, ?)", ((row, position) for position in positions))


def _day(timestamp_ms: int) -> str:
    return datetime.fromtimestamp(timestamp_ms / 1000, timezone.utc).strftime("%Y-%m-%d")
