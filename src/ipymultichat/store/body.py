"""Messages as rows of the history: columns for what is searched or sorted by, one JSON body for everything else.

The body is made by `model.forms`, so a new field of `Message` needs no line here and no new version of the file.
"""

# ruff: noqa: S608  what is put together is constants; every value is a parameter

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any

from ipymultichat.model import Entry, TextContent, searchable
from ipymultichat.model.forms import FIELDS, Fetch, from_json, to_sparse_json

logger: logging.Logger = logging.getLogger("ipymultichat.store")

Row = tuple[Any, ...]

COLUMNS = (
    "id", "timestamp_ms", "sequence", "unread", "kind", "status", "server_id", "server_name", "peer", "search", "size",
    "body",
)  # fmt: skip
"""Columns of the table `messages` besides its key `row`, in the order of the values `row_of` makes."""

READ = ("id", "timestamp_ms", "sequence", "unread", "kind", "status", "server_id", "server_name", "body")
"""The columns an entry is made from again, in the order of the values `entry_of` takes."""

MISFITS = (ValueError, TypeError, KeyError, AttributeError, OverflowError)
"""What is raised for a message that no row can hold, and for a row that holds no message."""

_APART = frozenset({"id", "kind", "status", "server_id", "server_name", "live"})
"""Fields the body does not hold: they have columns, and `live` is False for whatever comes from the history. It leaves
out, too, what has its default, which therefore stays as it is for good, and contents that are the text."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
"""Times are counted from here in files of version 1 and 2."""

_OVERHEAD = 300
"""Bytes a row takes beyond its texts, roughly."""

MAX_SEARCHED = 100_000
"""Characters of a text that a search of the history looks at: to index one of 20 MB takes seconds."""

_CHUNK = 75
"""Rows in one statement: some SQLites take no more than 999 values."""

_VALUES = f"({', '.join('?' * (len(COLUMNS) + 1))})"
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode  # half a surrogate pair survives as \ud800


def row_of(entry: Entry) -> tuple[Row, list[bytes]]:
    """Make a row of an entry.

    Returns:
        The values, as `COLUMNS` names them, and the bytes of its attachments: the body refers to them by position.

    Raises:
        MISFITS: a field holds what it must not.
    """
    message = entry.message
    attachments: list[bytes] = []

    def keep(data: bytes) -> int:
        attachments.append(data)
        return len(attachments) - 1

    plain = message.contents == (TextContent(message.text),)
    form = to_sparse_json(message, keep=keep, without=_APART | {"contents"} if plain else _APART)
    if not (plain or message.contents):
        form["contents"] = []
    body = _encode(form)
    search = comparable(searchable(message, MAX_SEARCHED))
    values = (
        packed(message.id), *entry.order, entry.unread, message.kind.value, message.status.value,
        packed(message.server_id), packed(message.server_name), packed(message.peer), search,
        _OVERHEAD + len(body) + len(search) + sum(map(len, attachments)), body,
    )  # fmt: skip
    return values, attachments


def entry_of(row: Row, fetch: Fetch) -> Entry:
    """Make an entry of a row again; its message is not `live`.

    Args:
        row: the values, as `READ` names them.
        fetch: returns the bytes of the attachment at a position.

    Raises:
        MISFITS: the row was not made by `row_of`.
    """
    message_id, timestamp_ms, sequence, unread, kind, status, server_id, server_name, body = row
    form = json.loads(body)
    form.setdefault("contents", _contents_of(form["text"]))
    form.update(id=unpacked(message_id), kind=kind, status=status, live=False)
    form.update(server_id=unpacked(server_id), server_name=unpacked(server_name))
    return Entry((timestamp_ms, sequence), from_json(form, fetch=fetch), bool(unread))


def insert(connection: sqlite3.Connection, entries: Iterable[Entry]) -> int:
    """Add entries that are not there yet, within a transaction; returns the last row that was there before.

    Raises:
        MISFITS, sqlite3.Error: one cannot be written; others may have been.
    """
    row = last = int(connection.execute("SELECT coalesce(max(row), 0) FROM messages").fetchone()[0])
    left = iter(entries)
    # After each statement this thread has to wait for its turn with the others: as few of them as can be.
    while chunk := list(islice(left, _CHUNK)):
        values: list[object] = []
        attachments: dict[int, list[bytes]] = {}
        for entry in chunk:
            row += 1
            columns, data = row_of(entry)
            values += (row, *columns)
            if data:
                attachments[row] = data
        connection.execute(f"INSERT INTO messages VALUES {', '.join([_VALUES] * len(chunk))}", values)
        for key, data in attachments.items():
            attach(connection, key, data)
    return last


def attach(connection: sqlite3.Connection, row: int, attachments: Iterable[bytes]) -> None:
    """Add the attachments of a row that has none, within a transaction."""
    parts = ((row, position, data) for position, data in enumerate(attachments))
    connection.executemany("INSERT INTO attachments VALUES (?, ?, ?)", parts)


def merged(old: Entry, new: Entry) -> Entry:
    """What stands for a message that is written again, maybe by another kernel.

    The later one wins, but nothing a person typed is lost, a proved reply stays one, what was seen stays seen, and
    the order does not change.
    """
    was, now = old.message, new.message
    proved = now.reply is not None and now.reply.mine
    changes: dict[str, Any] = {"live": False}
    if was.reply is not None and was.reply.mine and not proved:
        changes |= {"reply": was.reply, "status": was.status, "error": was.error, "agent_state": was.agent_state}
    if was.draft and not now.draft and not proved:
        changes["draft"] = was.draft
    return Entry(old.order, replace(now, **changes), old.unread and new.unread)


def packed(text: str) -> str | bytes:
    """A text as SQLite can take it: half a surrogate pair, which agents do send, has no form in its encoding."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def unpacked(value: str | bytes) -> str:
    """Undo `packed`."""
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value


def comparable(text: str) -> str:
    """A text as it is searched: without what SQLite cannot encode, or ends a text at.

    They are replaced one by one, so that a text that holds another one does so afterwards.
    """
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _contents_of(text: str) -> list[dict[str, str]]:
    """The contents of a message that is one text, as nearly all are, in JSON."""
    return [{"type": "text", "text": text}]


def entries_of_version_2(connection: sqlite3.Connection) -> Iterator[Entry]:
    """What a file of version 1 or 2 holds, whose messages stand in `old_messages` now; what makes no sense is left out.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    rows = connection.execute("SELECT * FROM old_messages ORDER BY row")
    names = [column[0] for column in rows.description]
    sql = "SELECT role, type, text, mime_type, uri, data FROM parts WHERE row = ? ORDER BY role, position"
    for row in rows:
        old = dict(zip(names, row, strict=True))
        try:
            yield _entry_of_version_2(old, connection.execute(sql, (old["row"],)))
        except MISFITS as error:
            logger.warning("a message of the history cannot be read: %s", type(error).__name__)


def _entry_of_version_2(row: Mapping[str, Any], parts: Iterable[Row]) -> Entry:
    contents: dict[str, list[Any]] = {"body": [], "reply": [], "draft": []}
    for role, kind, text, mime_type, uri, data in parts:
        part = {"type": kind, "text": unpacked(text), "mime_type": unpacked(mime_type), "uri": unpacked(uri)}
        contents[role].append({**part, "data": data})
    for role in ("reply", "draft"):
        if (text := row[f"{role}_text"]) is not None:
            contents[role] = _contents_of(unpacked(text))
    form: dict[str, Any] = {name: unpacked(row[name]) for name in FIELDS if isinstance(row.get(name), (str, bytes))}
    form |= {
        "created_at": _time(row["created"]),
        "deadline": _time(row["deadline"]),
        "mine": bool(row["mine"]),
        "options": [_question(*values) for values in json.loads(row["options"] or "[]")],
        "contents": _contents_of(form["text"]) if row["plain"] else contents["body"],
        "draft": contents["draft"],
        "live": False,
    }
    if row["reply_at"] is not None:
        reply = {"by": unpacked(row["reply_by"]), "at": _time(row["reply_at"]), "mine": bool(row["reply_mine"])}
        form["reply"] = {**reply, "contents": contents["reply"]}
    return Entry((row["place"], row["number"]), from_json(form, fetch=bytes), bool(row["unread"]))


def _time(microseconds: int | None) -> str | None:
    return None if microseconds is None else (_EPOCH + timedelta(microseconds=microseconds)).isoformat()


def _question(question: str, header: str, options: list[list[str]], multiple: bool, custom: bool) -> dict[str, Any]:
    choices = [{"label": label, "description": description} for label, description in options]
    return {"question": question, "header": header, "options": choices, "multiple": multiple, "custom": custom}
