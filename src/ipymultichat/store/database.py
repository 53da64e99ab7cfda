"""The history's file: its tables, how an older one is brought up to date, and what its errors mean."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from ipymultichat.errors import StoreError
from ipymultichat.model import OPEN
from ipymultichat.store.body import entries_of_version_2, insert

logger: logging.Logger = logging.getLogger("ipymultichat.store")

Connect = Callable[[Path, float], sqlite3.Connection]

VERSION = 3
"""Of the file. It counts what is in columns; a new field of a message stands in the body and needs no new one."""

_OPEN_STATUSES = sorted({status.value for statuses in OPEN.values() for status in statuses})
IS_OPEN = f"status IN ({', '.join(map(repr, _OPEN_STATUSES))})"
"""The condition on rows that are not over, as the index on them has it."""

_TABLES = f"""
CREATE TABLE messages (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    timestamp_ms INTEGER NOT NULL,   -- since the epoch
    sequence INTEGER NOT NULL,       -- tells those of one millisecond apart
    unread INTEGER NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    server_id TEXT NOT NULL,
    server_name TEXT NOT NULL,
    peer TEXT NOT NULL,
    search TEXT NOT NULL,            -- what a search looks at, in one case: the beginning of each text
    size INTEGER NOT NULL,           -- bytes with attachments, roughly
    body TEXT NOT NULL               -- JSON: every other field, see `body`
);
CREATE UNIQUE INDEX by_order ON messages (timestamp_ms, sequence);
CREATE INDEX by_server ON messages (server_id, timestamp_ms, sequence);
CREATE INDEX chats ON messages (server_id, peer, timestamp_ms, sequence, unread) WHERE kind = 'chat';
CREATE INDEX open ON messages (timestamp_ms, sequence) WHERE {IS_OPEN};
CREATE INDEX unread ON messages (timestamp_ms, sequence) WHERE unread = 1;
CREATE TABLE attachments (
    row INTEGER NOT NULL REFERENCES messages (row) ON DELETE CASCADE,
    position INTEGER NOT NULL,       -- how the body refers to it
    data BLOB NOT NULL,
    PRIMARY KEY (row, position)
);
"""

# New rows are put into the index by whoever adds them, many at once: a trigger would have it written for each one.
_INDEX = (
    """CREATE VIRTUAL TABLE words USING fts5(search, content='messages', content_rowid='row', columnsize=0,
       detail=none, tokenize='trigram case_sensitive 1')""",
    "INSERT INTO words(words) VALUES ('rebuild')",
    """CREATE TRIGGER words_gone AFTER DELETE ON messages BEGIN
       INSERT INTO words(words, rowid, search) VALUES ('delete', old.row, old.search); END""",
    """CREATE TRIGGER words_changed AFTER UPDATE OF search ON messages WHEN old.search IS NOT new.search BEGIN
       INSERT INTO words(words, rowid, search) VALUES ('delete', old.row, old.search);
       INSERT INTO words(rowid, search) VALUES (new.row, new.search); END""",
)
_TRIGGERS = ("words_gone", "words_changed")
_JOURNAL_LIMIT = f"journal_size_limit = {16 * 2**20}"  # bytes
_ERRORS = {
    "is locked": "another program holds it locked",
    "is full": "the disk is full",
    "readonly": "it may not be written",
    "unable to open": "it cannot be opened",
    "disk I/O error": "the disk reports an error",
    "malformed": "it is damaged",
    "not a database": "it is no history",
}


def is_damage(error: Exception) -> bool:
    """Whether the file is damaged, or is no database at all."""
    return type(error) is sqlite3.DatabaseError


def reason(error: Exception) -> str:
    """An error in plain words."""
    if isinstance(error, OSError) and not isinstance(error, StoreError):
        return error.strerror or type(error).__name__
    text = str(error)
    return next((words for part, words in _ERRORS.items() if part in text), text)


def connect(path: Path, busy: float, factory: type[sqlite3.Connection] = sqlite3.Connection) -> sqlite3.Connection:
    """Open a file that exists.

    Args:
        path: the file; an empty one is a new history.
        busy: seconds to wait for another kernel that writes.
        factory: class of the connection.

    Raises:
        sqlite3.Error: it cannot be opened, or is no such file.
    """
    uri = f"{path.absolute().as_uri()}?mode=rw"
    # Whoever reads the whole file does so in slices, each in another thread; SQLite itself allows that.
    connection = sqlite3.connect(
        uri, timeout=busy, isolation_level=None, uri=True, factory=factory, check_same_thread=False
    )
    try:
        # One damaged letter must not hide a message.
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        if not connection.execute("PRAGMA page_count").fetchone()[0]:
            # The file remembers both. The first is heard only before there is a table.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
        for setting in ("synchronous = NORMAL", "foreign_keys = ON", "temp_store = MEMORY", _JOURNAL_LIMIT):
            connection.execute(f"PRAGMA {setting}")
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


def check_pages(connection: sqlite3.Connection, pragma: str = "quick_check(1)") -> None:
    """Look at every page, or at what another pragma of SQLite looks at.

    Raises:
        sqlite3.DatabaseError: something is damaged.
    """
    if connection.execute(f"PRAGMA {pragma}").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("malformed")


def migrate(connection: sqlite3.Connection) -> int:
    """Make a file one of today's; several kernels may do so at once.

    Returns:
        The version it had.

    Raises:
        StoreError: it was written by a later version; it is left as it is.
        sqlite3.Error: it could not be done, and the file is as it was.
    """

    def version() -> int:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])

    before = version()
    if before > VERSION:
        raise StoreError("it was written by a newer version of ipymultichat")
    # Whoever has nothing to change does not wait for another kernel that writes.
    if before < VERSION:
        with transaction(connection):
            if (found := version()) < VERSION:
                remake_index(connection, lambda: _make_tables(connection, found))
    if is_indexed(connection) != _knows_index(connection):
        with transaction(connection):
            remake_index(connection)  # a kernel that knows no index wrote to the file, or this is one
    return before


def is_indexed(connection: sqlite3.Connection) -> bool:
    """Whether the index of words is kept up to date."""
    names = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'words_%'")
    return bool(names.fetchone()[0] == len(_TRIGGERS))


def remake_index(connection: sqlite3.Connection, change: Callable[[], object] = lambda: None) -> None:
    """Make the index of words anew, within a transaction; where SQLite has none, see that nothing refers to it.

    Args:
        connection: the file.
        change: called while there is none; changes many rows at once.
    """
    known = _knows_index(connection)
    for name in ("words_added", *_TRIGGERS):  # versions 1 and 2 had one more
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
    if known:
        connection.execute("DROP TABLE IF EXISTS words")
    change()
    for statement in _INDEX if known else ():
        connection.execute(statement)


def _knows_index(connection: sqlite3.Connection) -> bool:
    """Whether this build of SQLite can keep an index of words."""
    try:
        connection.execute("CREATE VIRTUAL TABLE temp.probe USING fts5(word, tokenize='trigram case_sensitive 1')")
        connection.execute("DROP TABLE temp.probe")
    except sqlite3.OperationalError:
        return False
    return True


def _make_tables(connection: sqlite3.Connection, version: int) -> None:
    """Make the tables of today, with what is in those of an older version; 0: there are none."""
    if version:
        for name in ("by_order", "by_server", "chats", "unsettled", "unseen"):
            connection.execute(f"DROP INDEX IF EXISTS {name}")
        connection.execute("ALTER TABLE messages RENAME TO old_messages")
    for statement in filter(None, map(str.strip, _TABLES.split(";\n"))):
        connection.execute(statement)
    if version:
        insert(connection, entries_of_version_2(connection))
        connection.execute("DROP TABLE parts")
        connection.execute("DROP TABLE old_messages")
    connection.execute(f"PRAGMA user_version = {VERSION}")
