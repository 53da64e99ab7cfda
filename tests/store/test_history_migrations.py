"""Files of the versions before today's: what was in them is in today's, exactly."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from any_message import messages
from histories import (
    NOON,
    WithoutIndex,
    answered,
    chat,
    kept,
    living,
    message,
    migrated_at_once,
    on_disk,
    with_connection,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ipymultichat.model import (
    AgentState,
    AudioContent,
    Content,
    Entry,
    ImageContent,
    Message,
    MessageFilter,
    Question,
    Reply,
    ResourceContent,
    TextContent,
    UnknownContent,
)
from ipymultichat.store.body import packed
from ipymultichat.store.database import VERSION, connect, migrate
from ipymultichat.store.history import history_path
from ipymultichat.store.queries import MessageTable

VERSION_1 = """
CREATE TABLE messages (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, place INTEGER NOT NULL, number INTEGER NOT NULL,
    unread INTEGER NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, server_id TEXT NOT NULL,
    server_name TEXT NOT NULL, request_id TEXT NOT NULL, peer TEXT NOT NULL, text TEXT NOT NULL,
    created INTEGER NOT NULL, deadline INTEGER, project_directory TEXT NOT NULL, agent_name TEXT NOT NULL,
    model_name TEXT NOT NULL, client_name TEXT NOT NULL, sender TEXT NOT NULL, receiver TEXT NOT NULL,
    sender_id TEXT NOT NULL, receiver_id TEXT NOT NULL, mine INTEGER NOT NULL, options TEXT, error TEXT NOT NULL,
    plain INTEGER NOT NULL, reply_text TEXT, reply_by TEXT, reply_at INTEGER, reply_mine INTEGER, draft_text TEXT,
    parts INTEGER NOT NULL, weight INTEGER NOT NULL);
CREATE UNIQUE INDEX by_order ON messages (place, number);
CREATE INDEX by_server ON messages (server_id, place, number);
CREATE INDEX chats ON messages (server_id, peer, place, number, unread) WHERE kind = 'chat';
CREATE INDEX unsettled ON messages (place, number) WHERE status IN ('pending', 'sending', 'failed');
CREATE INDEX unseen ON messages (place, number) WHERE unread = 1;
CREATE TABLE parts (
    row INTEGER NOT NULL REFERENCES messages (row) ON DELETE CASCADE, role TEXT NOT NULL, position INTEGER NOT NULL,
    type TEXT NOT NULL, text TEXT, mime_type TEXT, uri TEXT, data BLOB, PRIMARY KEY (row, role, position));
PRAGMA user_version = 1;
"""
VERSION_2 = """
ALTER TABLE messages ADD COLUMN search TEXT NOT NULL DEFAULT '';
PRAGMA user_version = 2;
"""
WORDS_2 = """
CREATE VIRTUAL TABLE words USING fts5(search, content='messages', content_rowid='row', columnsize=0,
       detail=none, tokenize='trigram case_sensitive 1');
INSERT INTO words(words) VALUES ('rebuild');
CREATE TRIGGER words_added AFTER INSERT ON messages BEGIN
       INSERT INTO words(rowid, search) VALUES (new.row, new.search); END;
CREATE TRIGGER words_gone AFTER DELETE ON messages BEGIN
       INSERT INTO words(words, rowid, search) VALUES ('delete', old.row, old.search); END;
CREATE TRIGGER words_changed AFTER UPDATE OF search ON messages WHEN old.search IS NOT new.search BEGIN
       INSERT INTO words(words, rowid, search) VALUES ('delete', old.row, old.search);
       INSERT INTO words(rowid, search) VALUES (new.row, new.search); END;
"""
"""The files as the versions made them."""

COLUMNS = (
    "id", "place", "number", "unread", "kind", "status", "server_id", "server_name", "request_id", "peer", "text",
    "created", "deadline", "project_directory", "agent_name", "model_name", "client_name", "sender", "receiver",
    "sender_id", "receiver_id", "mine", "options", "error", "plain", "reply_text", "reply_by", "reply_at", "reply_mine",
    "draft_text", "parts", "weight",
)  # fmt: skip
OLD_TEXTS = (
    "id", "server_id", "server_name", "request_id", "peer", "text", "project_directory", "agent_name", "model_name",
    "client_name", "sender", "receiver", "sender_id", "receiver_id", "error",
)  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
WORDS = {ImageContent: "image", AudioContent: "audio", ResourceContent: "resource"}
PICTURE = Reply((TextContent("see the picture"), ImageContent(b"\x00\xff", "image/png")), "me", NOON, mine=True)
ENTRIES = [
    Entry((1000, 1), message(1, "Roll back?"), unread=True),
    Entry((2000, 2), answered(2, reply=PICTURE), unread=False),
    Entry((3000, 3), chat(3), unread=True),
]


def plain(contents: tuple[Content, ...]) -> str | None:
    """The text of contents that are one text."""
    return contents[0].text if len(contents) == 1 and isinstance(contents[0], TextContent) else None


def ticks(time: datetime | None) -> int | None:
    return None if time is None else (time - EPOCH) // timedelta(microseconds=1)


def maybe(text: str | None) -> str | bytes | None:
    return None if text is None else packed(text)


def write_old(connection: sqlite3.Connection, row: int, entry: Entry) -> None:
    """Write a message as versions 1 and 2 did."""
    item, reply = entry.message, entry.message.reply
    apart: dict[str, tuple[Content, ...]] = {
        "body": () if plain(item.contents) == item.text else item.contents,
        "reply": reply.contents if reply and plain(reply.contents) is None else (),
        "draft": item.draft if plain(item.draft) is None else (),
    }
    values: dict[str, Any] = {
        **{name: packed(getattr(item, name)) for name in OLD_TEXTS},
        "place": entry.order[0],
        "number": entry.order[1],
        "unread": entry.unread,
        "kind": str(item.kind),
        "status": str(item.status),
        "created": ticks(item.created_at),
        "deadline": ticks(item.deadline),
        "mine": item.mine,
        "options": json.dumps([old_question(question) for question in item.options]) if item.options else None,
        "plain": plain(item.contents) == item.text,
        "reply_text": maybe(plain(reply.contents)) if reply else None,
        "reply_by": packed(reply.by) if reply else None,
        "reply_at": ticks(reply.at) if reply else None,
        "reply_mine": reply.mine if reply else None,
        "draft_text": maybe(plain(item.draft)),
        "parts": sum(map(len, apart.values())),
        "weight": 520,
    }
    marks = ", ".join("?" * (len(COLUMNS) + 1))
    sql = f"INSERT INTO messages (row, {', '.join(COLUMNS)}) VALUES ({marks})"
    connection.execute(sql, (row, *(values[name] for name in COLUMNS)))
    for role, contents in apart.items():
        for position, part in enumerate(contents):
            connection.execute(
                "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (row, role, position, *old_part(part))
            )


def old_question(question: Question) -> list[object]:
    options = [[option.label, option.description] for option in question.options]
    return [question.question, question.header, options, question.multiple, question.custom]


def old_part(content: Content) -> tuple[object, ...]:
    if isinstance(content, TextContent):
        return "text", packed(content.text), None, None, None
    if isinstance(content, UnknownContent):
        return str(content.type), None, None, None, None
    uri = packed(content.uri) if isinstance(content, ResourceContent) else None
    return WORDS[type(content)], None, packed(content.mime_type), uri, content.data


def make_old(path: Path, version: int, entries: list[Entry], *, words: bool = True) -> None:
    """Make a file of an old version; `words`: with its index of words."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("PRAGMA journal_mode = WAL;" + VERSION_1)
        for row, entry in enumerate(entries, 1):
            write_old(connection, row, entry)
        if version == 2:
            connection.executescript(VERSION_2)
            if words:
                connection.executescript(WORDS_2)


@pytest.fixture(params=[1, 2])
def old(request: pytest.FixtureRequest) -> Path:
    """A file of the first or second version with three messages."""
    path = history_path("default")
    path.parent.mkdir(parents=True)
    make_old(path, request.param, ENTRIES)
    return path


def state(path: Path) -> tuple[int, object, object]:
    """The version; the tables, the indexes and the triggers; and the columns of all of them."""
    with closing(sqlite3.connect(path)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        made = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()
        columns = [connection.execute(f"PRAGMA table_xinfo({name})").fetchall() for _type, name, _sql in made]
        return version, made, columns


def restored(entries: list[Entry]) -> list[Entry]:
    """What they are once they come from disk."""
    return [Entry(entry.order, on_disk(entry.message), entry.unread) for entry in entries]


def of_old(message: Message) -> Message:
    """A message without what came later."""

    def unnamed(contents: tuple[Content, ...]) -> tuple[Content, ...]:
        pictures = (ImageContent, AudioContent)
        return tuple(replace(part, name="") if isinstance(part, pictures) else part for part in contents)

    reply = message.reply and replace(message.reply, contents=unnamed(message.reply.contents))
    contents, draft = unnamed(message.contents), unnamed(message.draft)
    old = replace(message, contents=contents, draft=draft, reply=reply)
    return replace(old, discarded=False, agent_state=AgentState.NONE, approval=None, rule="")


@settings(max_examples=60, deadline=None)
@given(st.lists(messages, max_size=4, unique_by=lambda item: item.id), st.sampled_from([1, 2]), st.data())
def test_every_message_of_an_old_file_is_exactly_what_it_was(
    tmp_path_factory: pytest.TempPathFactory, items: list[Message], version: int, data: st.DataObject
) -> None:
    items = [of_old(item) for item in items]
    entries = [Entry((-number, number), item, data.draw(st.booleans())) for number, item in enumerate(items)]
    path = tmp_path_factory.mktemp("old") / "h.sqlite3"
    make_old(path, version, entries)
    with closing(connect(path, 1)) as connection:
        assert migrate(connection) == version
        table = MessageTable(connection)
        assert list(table.entries(None)) == sorted(restored(entries))
        for item in items:
            found, _more = table.page(None, 9, MessageFilter(search=item.text))
            assert item.id in [entry.message.id for entry in found]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_an_old_file_can_be_searched_and_written(old: Path) -> None:
    with living() as now:
        assert now.stored(MessageFilter(search="roll")) == ["1"]
        assert now.stored(MessageFilter(search="PICTURE")) == ["2"]
        assert now.stored(MessageFilter(search="ada")) == ["3"]
        now.put(message(1, "Roll on?"))
        now.flush()
        assert now.stored(MessageFilter(search="back")) == []
    assert [entry.message for entry in kept()][1:] == [entry.message for entry in restored(ENTRIES)][1:]
    assert [entry.order for entry in kept()] == [(1000, 1), (2000, 2), (3000, 3)]


def test_an_old_file_has_the_same_shape_as_a_new_one_afterwards(old: Path) -> None:
    kept()
    kept("new")
    assert state(old) == state(history_path("new"))
    assert state(old)[0] == VERSION


def test_a_large_old_file_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite3"
    entries = [Entry((number, 0), answered(number, f"number {number}"), unread=False) for number in range(1_234)]
    make_old(path, 2, entries)
    with closing(connect(path, 1)) as connection:
        migrate(connection)
        assert list(MessageTable(connection).entries(None)) == restored(entries)


def test_a_message_of_an_old_file_that_makes_no_sense_stops_no_other(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE messages SET status = 'odd' WHERE row = 1")
        connection.execute("UPDATE messages SET options = '{' WHERE row = 3")
    assert kept() == restored(ENTRIES[1:2])


class FullDisk(sqlite3.Connection):
    """A connection to a disk that has no room for old tables and new ones."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run a statement."""
        if sql == "DROP TABLE parts":
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(sql, *values)


def test_a_migration_that_fails_leaves_the_file_as_it_was(old: Path) -> None:
    before = state(old)
    with living(connect=with_connection(FullDisk)) as now:
        assert not now.history.usable
        assert "cannot be used: the disk is full" in now.troubles[0]
    assert state(old) == before
    assert kept() == restored(ENTRIES)


def test_many_kernels_that_open_an_old_file_at_once_all_can_use_it(old: Path) -> None:
    assert migrated_at_once(old) == []
    assert kept() == restored(ENTRIES)


def test_an_old_file_can_be_used_without_an_index_of_words_and_with_one_later(old: Path) -> None:
    with living(connect=with_connection(WithoutIndex)) as now:
        now.put(message(4, "Roll over"))
        now.flush()
        assert now.stored(MessageFilter(search="ROLL")) == ["1", "4"]
    with living() as now:
        assert now.stored(MessageFilter(search="ROLL")) == ["1", "4"]
