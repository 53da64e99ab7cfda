"""The tables of the history, and how an older file becomes one of today."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ipymultichat.errors import StoreError
from ipymultichat.model import UNSETTLED
from ipymultichat.store.rows import COLUMNS, PARTS, Row, entry_of
from ipymultichat.store.words import search_text

UNSETTLED_ROWS = f"status IN ({', '.join(repr(str(status)) for status in UNSETTLED)})"
"""The condition on rows that are not over yet, as the index on them has it."""

_TABLES = f"""
CREATE TABLE messages (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    place INTEGER NOT NULL,          -- milliseconds since the epoch
    number INTEGER NOT NULL,         -- tells those of one millisecond apart
    unread INTEGER NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    server_id TEXT NOT NULL,
    server_name TEXT NOT NULL,
    request_id TEXT NOT NULL,
    peer TEXT NOT NULL,
    text TEXT NOT NULL,
    created INTEGER NOT NULL,        -- this and other times: microseconds since the epoch
    deadline INTEGER,
    project_directory TEXT NOT NULL,
    agent_name TEXT NOT NULL,
    model_name TEXT NOT NULL,
    client_name TEXT NOT NULL,
    sender TEXT NOT NULL,
    receiver TEXT NOT NULL,
    sender_id TEXT NOT NULL,
    receiver_id TEXT NOT NULL,
    mine INTEGER NOT NULL,
    options TEXT,                    -- JSON
    error TEXT NOT NULL,
    plain INTEGER NOT NULL,          -- the contents are the text
    reply_text TEXT,                 -- the reply, where it is one text; the same for the draft
    reply_by TEXT,
    reply_at INTEGER,
    reply_mine INTEGER,
    draft_text TEXT,
    parts INTEGER NOT NULL,          -- how many rows of the table `parts` belong to it
    weight INTEGER NOT NULL          -- bytes, roughly
);
CREATE UNIQUE INDEX by_order ON messages (place, number);
CREATE INDEX by_server ON messages (server_id, place, number);
CREATE INDEX chats ON messages (server_id, peer, place, number, unread) WHERE kind = 'chat';
CREATE INDEX unsettled ON messages (place, number) WHERE {UNSETTLED_ROWS};
CREATE INDEX unseen ON messages (place, number) WHERE unread = 1;
CREATE TABLE parts (
    row INTEGER NOT NULL REFERENCES messages (row) ON DELETE CASCADE,
    role TEXT NOT NULL,              -- body, reply or draft
    position INTEGER NOT NULL,
    type TEXT NOT NULL,              -- text, image, audio, resource, or the number of an unknown one
    text TEXT,
    mime_type TEXT,
    uri TEXT,
    data BLOB,
    PRIMARY KEY (row, role, position)
);
"""

_INDEX = (
    """CREATE VIRTUAL TABLE words USING fts5(search, content='messages', content_rowid='row', columnsize=0,
       detail=none, tokenize='trigram case_sensitive 1')""",
    "INSERT INTO words(words) VALUES ('rebuild')",
    """CREATE TRIGGER words_added AFTER INSERT ON messages BEGIN
       INSERT INTO words(rowid, search) VALUES (new.row, new.search); END""",
    """CREATE TRIGGER words_gone AFTER DELETE ON messages BEGIN
       INSERT INTO words(words, rowid, search) VALUES ('delete', old.row, old.search); END""",
    """CREATE TRIGGER words_changed AFTER UPDATE OF search ON messages WHEN old.search IS NOT new.search BEGIN
       INSERT INTO words(words, rowid, search) VALUES ('delete', old.row, old.search);
       INSERT INTO words(rowid, search) VALUES (new.row, new.search); END""",
)
_TRIGGERS = ("words_added", "words_gone", "words_changed")
_FILL = 500
_PARTS = " ".join(("SELECT", ", ".join(PARTS), "FROM parts WHERE row = ? ORDER BY role, position"))


class NewerError(StoreError):
    """The file was written by a later version of this package."""


def connect(path: Path, busy: float) -> sqlite3.Connection:
    """Open a file that exists.

    Args:
        path: the file; an empty one is a new history.
        busy: seconds to wait for another kernel that writes.

    Raises:
        sqlite3.Error: it cannot be opened, or is no such file.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", timeout=busy, isolation_level=None, uri=True, check_same_thread=True
    )
    try:
        connection.text_factory = _text
        if not connection.execute("PRAGMA page_count").fetchone()[0]:
            # The file remembers both. The first is heard only before there is a table.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA journal_size_limit = {16 * 2**20}")
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write everything or nothing.

    Raises:
        sqlite3.Error: nothing was written.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk, for one, makes SQLite roll back by itself.
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def migrate(connection: sqlite3.Connection) -> None:
    """Make a file one of today's; several kernels may do so at once.

    Raises:
        NewerError: it was written by a later version; it is left as it is.
        sqlite3.Error: it could not be done, and the file is as it was.
    """
    # Whoever has nothing to change does not wait for another kernel that writes.
    while (version := _version(connection)) < len(MIGRATIONS):
        with transaction(connection):
            if _version(connection) == version:
                MIGRATIONS[version](connection)
                connection.execute(f"PRAGMA user_version = {version + 1}")
    if version > len(MIGRATIONS):
        raise NewerError("it was written by a newer version of ipymultichat")
    if indexed(connection) != knows_words(connection):
        with transaction(connection):
            _match_index(connection)


def indexed(connection: sqlite3.Connection) -> bool:
    """Whether the index of words is kept up to date."""
    names = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'words_%'")
    return bool(names.fetchone()[0] == len(_TRIGGERS))


def remake_index(connection: sqlite3.Connection, change: Callable[[], object]) -> None:
    """Make the index of words anew, within a transaction.

    Args:
        connection: the file.
        change: called while there is none; changes many rows at once.
    """
    known = knows_words(connection)
    _drop_triggers(connection)
    if known:
        connection.execute("DROP TABLE IF EXISTS words")
    change()
    for statement in _INDEX if known else ():
        connection.execute(statement)


def parts(connection: sqlite3.Connection, row: int) -> list[Row]:
    """The parts of a message, in order."""
    return connection.execute(_PARTS, (row,)).fetchall()


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _make_tables(connection: sqlite3.Connection) -> None:
    for statement in filter(None, map(str.strip, _TABLES.split(";\n"))):
        connection.execute(statement)


def _match_index(connection: sqlite3.Connection) -> None:
    """Have an index of words where this SQLite knows how, and nothing that stands in its way where it does not."""
    if not knows_words(connection):
        _drop_triggers(connection)
    elif not indexed(connection):
        # A kernel that knows no index wrote to the file meanwhile: only a new one fits the rows.
        remake_index(connection, lambda: None)


def knows_words(connection: sqlite3.Connection) -> bool:
    """Whether this build of SQLite can keep an index of words."""
    try:
        connection.execute("CREATE VIRTUAL TABLE temp.probe USING fts5(word, tokenize='trigram case_sensitive 1')")
        connection.execute("DROP TABLE temp.probe")
    except sqlite3.OperationalError:
        return False
    return True


def _drop_triggers(connection: sqlite3.Connection) -> None:
    for name in _TRIGGERS:
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")


def _text(data: bytes) -> str:
    """One damaged letter must not hide a message."""
    return data.decode("utf-8", "replace")


def _add_search(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE messages ADD COLUMN search TEXT NOT NULL DEFAULT ''")
    select = " ".join(("SELECT row,", ", ".join(COLUMNS), "FROM messages WHERE row > ? ORDER BY row LIMIT ?"))
    last = 0
    while rows := connection.execute(select, (last, _FILL)).fetchall():
        for number, *values in rows:
            last = number
            text = search_text(entry_of(tuple(values), partial(parts, connection, number)).message)
            connection.execute("UPDATE messages SET search = ? WHERE row = ?", (text, number))


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_make_tables, _add_search)
"""What makes a file of version n one of version n + 1."""
