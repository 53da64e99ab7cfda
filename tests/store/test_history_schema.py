import sqlite3
import threading
from contextlib import closing

import pytest
from histories import NOON, answered, chat, kept, living, message, on_disk

from ipymultichat.model import ImageContent, MessageFilter, Reply, TextContent
from ipymultichat.store import history_path, schema
from ipymultichat.store.schema import MIGRATIONS, connect, migrate

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
INSERT INTO messages VALUES
    (1, 'work/request/1', 1000, 1, 1, 'question', 'pending', 'work', 'Work', '1', '', 'Roll back?', 1715947200000000,
     NULL, '', '', '', '', '', '', '', '', 0, NULL, '', 1, NULL, NULL, NULL, NULL, NULL, 0, 520),
    (2, 'work/request/2', 2000, 2, 0, 'question', 'replied', 'work', 'Work', '2', '', 'Deploy?', 1715947200000000,
     NULL, '', '', '', '', '', '', '', '', 0, NULL, '', 1, NULL, 'me', 1715947200000000, 1, NULL, 2, 520),
    (3, 'work/request/3', 3000, 3, 1, 'chat', 'received', 'work', 'Work', '3', 'ada', 'lunch?', 1715947200000000,
     NULL, '', '', '', '', 'ada', 'me', '', '', 0, NULL, '', 1, NULL, NULL, NULL, NULL, NULL, 0, 520);
INSERT INTO parts VALUES
    (2, 'reply', 0, 'text', 'see the picture', NULL, NULL, NULL),
    (2, 'reply', 1, 'image', NULL, 'image/png', NULL, x'00ff');
PRAGMA user_version = 1;
"""
"""A file of the first version, as it was written then."""

REPLY = Reply((TextContent("see the picture"), ImageContent(b"\x00\xff", "image/png")), "me", NOON, mine=True)
IN_VERSION_1 = [message(1, "Roll back?"), answered(2), chat(3)]


@pytest.fixture
def path():
    found = history_path("default")
    found.parent.mkdir(parents=True)
    return found


@pytest.fixture
def first(path):
    """A file of the first version."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL;" + VERSION_1)
    return path


def version(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def shape(path):
    """The tables and their columns, the indexes and the triggers."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT type, name FROM sqlite_master ORDER BY 1, 2").fetchall()
        columns = [connection.execute(f"PRAGMA table_xinfo({name})").fetchall() for _type, name in names]
        return names, columns


def found(now, text):
    entries, _more = now.history.page(None, 10, MessageFilter(text=text)).result(10)
    return sorted(entry.message.request_id for entry in entries)


def test_a_blank_file_becomes_one_of_today(path):
    path.touch()
    with living() as now:
        assert now.history.usable
    assert version(path) == len(MIGRATIONS) == 2


def test_a_file_of_the_first_version_keeps_its_messages_and_can_be_searched(first):
    with living() as now:
        assert found(now, "roll") == ["1"]
        assert found(now, "PICTURE") == ["2"]
        assert found(now, "ada") == ["3"]
        now.put(message(1, "Roll on?"))
        now.flush()
        assert found(now, "back") == []
    (one, two, three) = (entry.message for entry in kept())
    assert (one, three) == (on_disk(message(1, "Roll on?")), on_disk(chat(3)))
    assert two.reply == REPLY
    assert [(entry.order, entry.unread) for entry in kept()] == [
        ((1000, 1), True),
        ((2000, 2), False),
        ((3000, 3), True),
    ]


def test_an_old_file_has_the_same_shape_as_a_new_one_afterwards(first):
    kept()
    kept("new")
    assert version(first) == 2
    assert shape(first) == shape(history_path("new"))


def test_a_migration_that_fails_leaves_the_file_as_it_was(first, monkeypatch):
    def fail(_message):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "search_text", fail)
        with living() as now:
            assert not now.history.usable
            assert "cannot be used: the disk is full" in now.troubles[0]
    assert version(first) == 1
    assert len(kept()) == 3


def test_a_file_of_a_newer_version_is_left_alone_and_said(path):
    with living() as now:
        now.put(message(1))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with living() as now:
        now.put(message(2))
        assert not now.history.usable
        assert now.history.page(None, 10, MessageFilter()).result(1) == ([], False)
    assert len(now.troubles) == 1
    assert "newer version" in now.troubles[0]
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*corrupt*"))


def test_many_kernels_that_open_an_old_file_at_once_all_can_use_it(first):
    start, failures = threading.Barrier(6), []

    def open_it():
        with closing(connect(first, 10)) as connection:
            start.wait()
            try:
                migrate(connection)
            except Exception as error:  # noqa: BLE001
                failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(kept()) == 3


def test_without_an_index_of_words_search_finds_the_same(first, monkeypatch):
    monkeypatch.setattr(schema, "knows_words", lambda _connection: False)
    with living() as now:
        now.put(message(4, "Roll over"))
        now.flush()
        assert found(now, "ROLL") == ["1", "4"]


def test_a_kernel_that_knows_no_index_and_one_that_does_can_share_a_file(path, monkeypatch):
    with living() as now:
        now.put(message(1, "with an index"))
    with monkeypatch.context() as patch:
        patch.setattr(schema, "knows_words", lambda _connection: False)
        with living() as now:
            now.put(message(1, "changed without"), message(2, "new without"))
            now.flush()
            assert found(now, "without") == ["1", "2"]
    with living() as now:
        assert found(now, "without") == ["1", "2"]
        assert found(now, "with an index") == []


def test_the_index_of_words_is_used_where_sqlite_has_one(path, monkeypatch):
    with closing(sqlite3.connect(":memory:")) as connection:
        options = {row[0] for row in connection.execute("PRAGMA compile_options")}
    if "ENABLE_FTS5" not in options or sqlite3.sqlite_version_info < (3, 34):
        pytest.skip("this SQLite keeps no index of words")
    with living() as now:
        now.put(message(1, "Roll back?"))
        now.flush()
        with closing(connect(path, 1)) as connection:
            assert schema.indexed(connection)
            connection.execute("UPDATE messages SET search = 'else'")  # which takes it out of the index
            connection.execute("DROP TRIGGER words_changed")
            connection.execute("UPDATE messages SET search = 'roll back?'")
            assert not schema.indexed(connection)
        assert found(now, "roll") == ["1"]
        with closing(connect(path, 1)) as connection:
            statement = next(sql for sql in schema._INDEX if "words_changed" in sql)
            connection.execute(statement)
        assert found(now, "roll") == []
