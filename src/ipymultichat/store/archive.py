"""What is asked of and written to the tables of the history. It knows nothing of threads and troubles."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ipymultichat.model import Conversation, Entry, MessageFilter, Order
from ipymultichat.store import words
from ipymultichat.store.faults import is_trouble
from ipymultichat.store.rows import COLUMNS, PARTS, Row, entry_of, merged, packed, parts_of, row_of, unpacked
from ipymultichat.store.schema import UNSETTLED_ROWS, indexed, parts, remake_index, transaction

logger = logging.getLogger("ipymultichat.store")

_SELECT = " ".join(("SELECT row,", ", ".join(COLUMNS), "FROM messages"))
_INSERT = " ".join(
    ("INSERT INTO messages (", ", ".join((*COLUMNS, "search")), ") VALUES (", ", ".join("?" * (len(COLUMNS) + 1)), ")")
)
_UPDATE = " ".join(("UPDATE messages SET", ", ".join(f"{name} = ?" for name in (*COLUMNS, "search")), "WHERE row = ?"))
_INSERT_PART = " ".join(
    ("INSERT INTO parts (row,", ", ".join(PARTS), ") VALUES (", ", ".join("?" * (len(PARTS) + 1)), ")")
)
_NEWEST_FIRST = "ORDER BY place DESC, number DESC"
_SEEN = "UPDATE messages SET unread = 0 WHERE unread = 1 AND (place, number) <= (?, ?)"
_CLEAR = f"DELETE FROM messages WHERE NOT {UNSETTLED_ROWS}"  # noqa: S608
_FEW = 200
"""Messages that are read at once where many are: attachments are fetched one by one."""

_MISFITS = (sqlite3.Error, ValueError, TypeError, AttributeError, OverflowError)


class Archive:
    """The messages in one open file.

    Args:
        connection: as `schema.connect` makes it, migrated; closing it is the caller's.

    Every method raises `sqlite3.Error` when the file cannot be used.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        """Everything that is written within it is written, or nothing."""
        return transaction(self._connection)

    def write(self, entries: Iterable[Entry]) -> tuple[list[Entry], int]:
        """Write entries, within a transaction.

        Returns:
            Those that stand at another place than their own, since their place was taken or they were there already;
            and how many no file can hold.
        """
        moved: list[Entry] = []
        misfits = 0
        for entry in entries:
            self._connection.execute("SAVEPOINT one")
            try:
                if self._write(entry) != entry.order:
                    moved.append(entry)
            except _MISFITS as error:
                if is_trouble(error):
                    raise
                self._connection.execute("ROLLBACK TO one")
                logger.warning("a message cannot be written to the history: %s", type(error).__name__)
                misfits += 1
            self._connection.execute("RELEASE one")
        return moved, misfits

    def find(self, message_id: str) -> Entry | None:
        """A message with its place, or None."""
        row = self._connection.execute(f"{_SELECT} WHERE id = ?", (packed(message_id),)).fetchone()
        return self._entry(row) if row else None

    def page(self, before: Order | None, limit: int, wanted: MessageFilter) -> tuple[list[Entry], bool]:
        """The newest entries before a place, oldest first, and whether older ones fit."""
        conditions, values = _conditions(wanted, indexed=bool(wanted.text) and indexed(self._connection))
        if before is not None:
            conditions.append("(place, number) < (?, ?)")
            values.extend(before)
        found: list[Entry] = []
        for entry in self._select(conditions, values, _NEWEST_FIRST):
            if wanted.fits(entry.message):
                if len(found) == limit:
                    return found[::-1], True
                found.append(entry)
        return found[::-1], False

    def newest(self, limit: int) -> list[Entry]:
        """The newest entries and everything that is not over yet, oldest first."""
        found = {entry.message.id: entry for entry in self._select([UNSETTLED_ROWS], [], _NEWEST_FIRST)}
        rows = self._connection.execute(f"{_SELECT} {_NEWEST_FIRST} LIMIT ?", (limit,))
        found |= {entry.message.id: entry for entry in filter(None, map(self._entry, rows))}
        return sorted(found.values())

    def walk(self, before: Order | None) -> Iterator[Entry]:
        """Everything before a place, oldest first, without holding up who writes meanwhile."""
        last: Order = (-(2**63), 0)
        end = before or (2**63 - 1, 2**63 - 1)
        sql = f"{_SELECT} WHERE (place, number) > (?, ?) AND (place, number) < (?, ?) ORDER BY place, number LIMIT ?"
        while rows := self._connection.execute(sql, (*last, *end, _FEW)).fetchall():
            yield from filter(None, map(self._entry, rows))
            last = rows[-1][2], rows[-1][3]

    def conversations(self) -> list[Conversation]:
        """Every chat, the one with the newest message first."""
        rows = self._connection.execute(
            """SELECT server_id, peer, sum(unread), max(place) AS last FROM messages WHERE kind = 'chat'
               GROUP BY server_id, peer ORDER BY last DESC"""
        )
        return [Conversation(unpacked(server_id), unpacked(peer), *rest) for server_id, peer, *rest in rows]

    def clear(self, gone: Iterable[str]) -> None:
        """Forget everything that is settled, within a transaction.

        Args:
            gone: ids of what is settled too, though the file does not know it yet.
        """

        def drop() -> None:
            self._connection.execute(_CLEAR)
            self._connection.executemany("DELETE FROM messages WHERE id = ?", ((packed(key),) for key in gone))

        # Taking thousands of messages out of the index one by one takes far longer than to make a new one.
        remake_index(self._connection, drop)

    def change(self, labels: Mapping[str, str], read: Mapping[tuple[str, str], Order]) -> None:
        """Make the changes that are not about one message, within a transaction.

        Args:
            labels: new labels of servers, by id.
            read: up to where all messages are read, by server and peer; ("", "") stands for all of them.
        """
        for server_id, label in labels.items():
            values = (packed(label), packed(server_id))
            self._connection.execute("UPDATE messages SET server_name = ? WHERE server_id = ?", values)
        for (server_id, peer), upto in read.items():
            chat, names = _conditions(MessageFilter(server_id=server_id, peer=peer), indexed=False)
            self._connection.execute(" AND ".join((_SEEN, *chat)), (*upto, *names))

    def _write(self, entry: Entry) -> Order:
        """Write a message and its parts; returns its place."""
        new = Entry(entry.order, replace(entry.message, live=False), entry.unread)
        row = self._connection.execute(f"{_SELECT} WHERE id = ?", (packed(new.message.id),)).fetchone()
        if row is None:
            return self._add(new)
        old = self._entry(row)
        new = merged(old, new) if old else Entry((row[2], row[3]), new.message, new.unread)
        if new != old:
            self._connection.execute(_UPDATE, (*row_of(new), words.search_text(new.message), row[0]))
            self._write_parts(row[0], parts_of(old.message) if old else None, parts_of(new.message))
        return new.order

    def _add(self, entry: Entry) -> Order:
        values = (*row_of(entry), words.search_text(entry.message))
        try:
            row = self._connection.execute(_INSERT, values).lastrowid
        except sqlite3.IntegrityError:
            # Another kernel numbers its own messages: one of this very millisecond may have the same number.
            place = entry.order[0]
            last = self._connection.execute("SELECT max(number) FROM messages WHERE place = ?", (place,)).fetchone()[0]
            if last is None:
                raise
            return self._add(Entry((place, last + 1), entry.message, entry.unread))
        self._write_parts(row, {}, parts_of(entry.message))
        return entry.order

    def _write_parts(self, row: int | None, old: dict[str, list[Row]] | None, new: dict[str, list[Row]]) -> None:
        """Write the parts that changed; attachments can be large. Where the old ones are not known, write them all."""
        if old is None:
            self._connection.execute("DELETE FROM parts WHERE row = ?", (row,))
        for role in (old or {}) | new:
            if old is None or old.get(role) != new.get(role):
                self._connection.execute("DELETE FROM parts WHERE row = ? AND role = ?", (row, role))
                self._connection.executemany(_INSERT_PART, ((row, *part) for part in new.get(role, ())))

    def _select(self, conditions: list[str], values: list[Any], order: str) -> Iterator[Entry]:
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        with contextlib.closing(self._connection.execute(f"{_SELECT} {where} {order}", values)) as rows:
            yield from filter(None, map(self._entry, rows))

    def _entry(self, row: Row) -> Entry | None:
        try:
            return entry_of(row[1:], lambda: parts(self._connection, row[0]))
        except (ValueError, TypeError, OverflowError) as error:
            logger.warning("a message of the history cannot be read: %s", type(error).__name__)
            return None


def _conditions(wanted: MessageFilter, *, indexed: bool) -> tuple[list[str], list[Any]]:
    """The conditions on rows that may fit a filter, and their values; a few that do not fit may meet them."""
    conditions: list[str] = []
    values: list[Any] = []
    if wanted.peer:
        conditions.append("kind = 'chat'")  # said for the sake of the index on chats
    for column in ("kind", "server_id", "peer"):
        if value := getattr(wanted, column):
            conditions.append(f"{column} = ?")
            values.append(packed(value))
    if wanted.pending:
        conditions += ["kind <> 'chat'", UNSETTLED_ROWS]
    if wanted.text:
        condition, value = words.condition(wanted.text, indexed=indexed)
        conditions.append(condition)
        values.append(value)
    return conditions, values
