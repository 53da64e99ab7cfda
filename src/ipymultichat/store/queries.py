"""What is asked of and written to the tables of the history. It knows nothing of threads."""

# ruff: noqa: S608  what is put together is constants; every value is a parameter

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ipymultichat.model import Conversation, Entry, MessageFilter, Order
from ipymultichat.store import body
from ipymultichat.store.body import MISFITS, Row, comparable, packed, unpacked
from ipymultichat.store.database import IS_OPEN, is_damage, is_indexed, remake_index

logger: logging.Logger = logging.getLogger("ipymultichat.store")

_SELECT = f"SELECT row, {', '.join(body.READ)} FROM messages"
_UPDATE = f"UPDATE messages SET {', '.join(f'{name} = ?' for name in body.COLUMNS)} WHERE row = ?"
_INDEX_ROWS = "INSERT INTO words(rowid, search) SELECT row, search FROM messages WHERE row > ?"
_NEWEST_FIRST = "ORDER BY timestamp_ms DESC, sequence DESC"
_MANY = 500
"""Messages that are written or read at once: some SQLites take no more than 999 values in a statement."""

_GRAM = 3
_MAX_GRAMS = 24
"""Beyond so many, more of them hardly make the answer smaller."""


class MisfitError(Exception):
    """A message that no row can hold."""


class MessageTable:
    """The messages in one open file.

    Args:
        connection: as `database.connect` makes it, brought up to date; closing it is the caller's.
        unreadable: called for every row that is read and holds no message any more.

    Every method raises `sqlite3.Error` when the file cannot be used.
    """

    def __init__(self, connection: sqlite3.Connection, unreadable: Callable[[], None] = lambda: None) -> None:
        self._connection = connection
        self._unreadable = unreadable

    def write(self, entries: Sequence[Entry]) -> tuple[list[Entry], int]:
        """Write entries, within a transaction.

        Returns:
            Those that have another order now than their own, since theirs was taken or they were there already; and
            how many no row can hold.
        """
        written: list[Entry] = []
        misfits = 0
        for start in range(0, len(entries), _MANY):
            batch = entries[start : start + _MANY]
            try:
                with self._savepoint():
                    written += self._write(batch)
            except MisfitError:  # one spoils them all, so each has to be tried for itself
                for entry in batch:
                    try:
                        with self._savepoint():
                            written += self._write([self._placed(entry)])
                    except MisfitError as error:
                        logger.warning("a message cannot be written to the history: %s", error)
                        misfits += 1
        orders = {entry.message.id: entry.order for entry in entries}
        return [entry for entry in written if entry.order != orders[entry.message.id]], misfits

    def find(self, message_id: str) -> Entry | None:
        """A message with its order, or None."""
        row = self._connection.execute(f"{_SELECT} WHERE id = ?", (packed(message_id),)).fetchone()
        return self._entry(row) if row else None

    def known(self, message_ids: Sequence[str]) -> set[str]:
        """Which of these messages are here."""
        found: set[str] = set()
        for start in range(0, len(message_ids), _MANY):
            keys = [packed(message_id) for message_id in message_ids[start : start + _MANY]]
            sql = f"SELECT id FROM messages WHERE id IN ({', '.join('?' * len(keys))})"
            found.update(unpacked(row[0]) for row in self._connection.execute(sql, keys))
        return found

    def page(self, before: Order | None, limit: int, wanted: MessageFilter) -> tuple[list[Entry], bool]:
        """The newest entries before an order, oldest first, and whether older ones fit."""
        conditions, values = _conditions(wanted, self._connection)
        if before is not None:
            conditions.append("(timestamp_ms, sequence) < (?, ?)")
            values.extend(before)
        found: list[Entry] = []
        for entry in self._select(conditions, values):
            if wanted.fits(entry.message):
                if len(found) == limit:
                    return found[::-1], True
                found.append(entry)
        return found[::-1], False

    def newest(self, limit: int) -> list[Entry]:
        """The newest entries and everything that is not over yet, oldest first."""
        found = {entry.message.id: entry for entry in self._select([IS_OPEN], [])}
        rows = self._connection.execute(f"{_SELECT} {_NEWEST_FIRST} LIMIT ?", (limit,))
        found |= {entry.message.id: entry for entry in filter(None, map(self._entry, rows))}
        return sorted(found.values())

    def entries(self, before: Order | None, after: Order | None = None) -> Iterator[Entry]:
        """Everything between two orders, oldest first, without holding up who writes meanwhile."""
        last = after or (-(2**63), 0)
        end = before or (2**63 - 1, 2**63 - 1)
        where = "WHERE (timestamp_ms, sequence) > (?, ?) AND (timestamp_ms, sequence) < (?, ?)"
        sql = f"{_SELECT} {where} ORDER BY timestamp_ms, sequence LIMIT ?"
        while rows := self._connection.execute(sql, (*last, *end, _MANY)).fetchall():
            yield from filter(None, map(self._entry, rows))
            last = rows[-1][2], rows[-1][3]

    def conversations(self) -> list[Conversation]:
        """Every chat, the one with the newest message first."""
        rows = self._connection.execute(
            """SELECT server_id, peer, sum(unread), max(timestamp_ms) AS last FROM messages WHERE kind = 'chat'
               GROUP BY server_id, peer ORDER BY last DESC"""
        )
        return [Conversation(unpacked(server_id), unpacked(peer), *rest) for server_id, peer, *rest in rows]

    def clear(self, gone: Iterable[str]) -> None:
        """Forget everything that is over, within a transaction.

        Args:
            gone: ids of what is over too, though the file does not know it yet.
        """

        def drop() -> None:
            self._connection.execute(f"DELETE FROM messages WHERE NOT {IS_OPEN}")
            self._connection.executemany("DELETE FROM messages WHERE id = ?", ((packed(key),) for key in gone))

        # Taking thousands of messages out of the index one by one takes far longer than to make a new one.
        remake_index(self._connection, drop)

    def rename(self, labels: Mapping[str, str]) -> None:
        """Give all messages of servers new labels, by server id."""
        for server_id, label in labels.items():
            values = (packed(label), packed(server_id))
            self._connection.execute("UPDATE messages SET server_name = ? WHERE server_id = ?", values)

    def mark_read(self, read: Mapping[tuple[str, str], Order]) -> None:
        """Mark messages as read up to an order, by server id and peer; ("", "") stands for all of them."""
        for (server_id, peer), upto in read.items():
            conditions, values = _conditions(MessageFilter(server_id=server_id, peer=peer), self._connection)
            seen = ("unread = 1", "(timestamp_ms, sequence) <= (?, ?)", *conditions)
            self._connection.execute(f"UPDATE messages SET unread = 0 WHERE {' AND '.join(seen)}", (*upto, *values))

    @contextlib.contextmanager
    def _savepoint(self) -> Iterator[None]:
        """Write everything or nothing, where a value cannot be written; trouble with the file ends the transaction."""
        self._connection.execute("SAVEPOINT one")
        try:
            yield
        except (sqlite3.Error, *MISFITS) as error:
            if isinstance(error, sqlite3.OperationalError) or is_damage(error):
                raise  # the file or the disk is to blame, not the value
            self._connection.execute("ROLLBACK TO one")
            self._connection.execute("RELEASE one")
            raise MisfitError(type(error).__name__) from error
        self._connection.execute("RELEASE one")

    def _write(self, entries: Sequence[Entry]) -> list[Entry]:
        """Write entries; returns them as they are in the file."""
        keys = [packed(entry.message.id) for entry in entries]
        rows = self._connection.execute(f"{_SELECT} WHERE id IN ({', '.join('?' * len(keys))})", keys)
        known = {row[1]: row for row in rows.fetchall()}
        new = [entry for key, entry in zip(keys, entries, strict=True) if key not in known]
        last = body.insert(self._connection, new)
        if new and is_indexed(self._connection):
            self._connection.execute(_INDEX_ROWS, (last,))
        return new + [self._update(known[key], entry) for key, entry in zip(keys, entries, strict=True) if key in known]

    def _update(self, row: Row, entry: Entry) -> Entry:
        old = self._entry(row)
        new = body.merged(old, entry) if old else Entry((row[2], row[3]), entry.message, entry.unread)
        if new != old:
            values, attachments = body.row_of(new)
            self._connection.execute(_UPDATE, (*values, row[0]))
            if old is None or attachments != body.row_of(old)[1]:
                self._connection.execute("DELETE FROM attachments WHERE row = ?", (row[0],))
                body.attach(self._connection, row[0], attachments)
        return new

    def _placed(self, entry: Entry) -> Entry:
        """An entry with an order that is free.

        Another kernel numbers its own messages: one of this very millisecond may have the same sequence number.
        """
        timestamp_ms, sequence = entry.order
        sql = "SELECT max(sequence), total(sequence = ?) FROM messages WHERE timestamp_ms = ?"
        last, taken = self._connection.execute(sql, (sequence, timestamp_ms)).fetchone()
        return Entry((timestamp_ms, last + 1), entry.message, entry.unread) if taken else entry

    def _select(self, conditions: list[str], values: list[Any]) -> Iterator[Entry]:
        """Entries that meet all conditions, the newest first, read as they are asked for."""
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        with contextlib.closing(self._connection.execute(f"{_SELECT} {where} {_NEWEST_FIRST}", values)) as rows:
            yield from filter(None, map(self._entry, rows))

    def _entry(self, row: Row) -> Entry | None:
        def fetch(position: int) -> bytes:
            sql = "SELECT data FROM attachments WHERE row = ? AND position = ?"
            return bytes(self._connection.execute(sql, (row[0], position)).fetchone()[0])

        try:
            return body.entry_of(row[1:], fetch)
        except MISFITS as error:
            logger.warning("a message of the history cannot be read: %s", type(error).__name__)
            self._unreadable()
            return None


def _conditions(wanted: MessageFilter, connection: sqlite3.Connection) -> tuple[list[str], list[Any]]:
    """The conditions on rows that may fit a filter, and their values; a few that do not fit may meet them."""
    conditions: list[str] = []
    values: list[Any] = []
    if wanted.peer:
        conditions.append("kind = 'chat'")  # said for the sake of the index on chats
    for column in ("kind", "server_id", "status", "peer"):
        if value := getattr(wanted, column):
            conditions.append(f"{column} = ?")
            values.append(packed(value))
    if wanted.pending:
        conditions += ["kind <> 'chat'", IS_OPEN]
    # Whatever these are, the searched text holds them.
    texts = [wanted.search, wanted.sender, wanted.agent, wanted.project.rstrip("/\\")]
    texts += [wanted.text] if isinstance(wanted.text, str) else []
    needles = [comparable(text.casefold()) for text in texts if text]
    indexed = any(len(needle) >= _GRAM for needle in needles) and is_indexed(connection)
    for needle in needles:
        if indexed and len(needle) >= _GRAM:
            grams = list(dict.fromkeys(needle[start : start + _GRAM] for start in range(len(needle) - _GRAM + 1)))
            stride = -(-len(grams) // _MAX_GRAMS)
            quoted = ('"' + gram.replace('"', '""') + '"' for gram in grams[::stride])
            conditions.append("row IN (SELECT rowid FROM words WHERE words MATCH ?)")
            values.append(" AND ".join(quoted))
        else:
            conditions.append("instr(search, ?) > 0")
            values.append(needle)
    return conditions, values
