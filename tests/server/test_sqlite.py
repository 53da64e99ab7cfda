"""What is SQLite's own: other files, newer and older versions, who may read it."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from ipymultichat.server.stores.port import StoreError
from ipymultichat.server.stores.sqlite import APPLICATION_ID, SqliteStore

FIRST = """
CREATE TABLE requests (
    team TEXT NOT NULL, request_id BLOB NOT NULL, kind TEXT NOT NULL, request BLOB NOT NULL,
    digest TEXT NOT NULL, created_ms BIGINT NOT NULL, deadline_ms BIGINT NOT NULL, version BIGINT NOT NULL,
    state TEXT NOT NULL, waiter TEXT NOT NULL, away_until_ms BIGINT, response BLOB NOT NULL,
    answered_by BLOB NOT NULL, answerer TEXT NOT NULL, ended_ms BIGINT, kept BOOLEAN NOT NULL,
    fetched_ms BIGINT, PRIMARY KEY (team, request_id));
CREATE INDEX requests_by_state ON requests (state, ended_ms);
CREATE TABLE processes (process TEXT PRIMARY KEY, beat_ms BIGINT NOT NULL);
INSERT INTO requests VALUES
    ('t', x'7131', 'AskQuestion', x'', 'd', 1, 9000, 1, 'waiting', 'p0', NULL, x'', x'', '', NULL, 0, NULL);
PRAGMA user_version = 1;
"""
"""A file as the first version wrote it; it never changes."""


def write(path: Path, script: str, application: int = APPLICATION_ID) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(f"PRAGMA application_id = {application}; {script}")
    connection.close()


async def test_a_file_of_the_first_version_is_read_with_all_that_waits_in_it(tmp_path: Path) -> None:
    write(tmp_path / "a.db", FIRST)
    store = SqliteStore(tmp_path / "a.db")
    await store.open("p1", 5, 100)
    (record,) = await store.open_records()
    assert (record.request_id, record.state, record.waiter, record.away_until_ms) == ("q1", "waiting", "", 100)
    await store.close()


async def test_a_file_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    write(tmp_path / "a.db", FIRST + "PRAGMA user_version = 9;")
    before = (tmp_path / "a.db").read_bytes()
    with pytest.raises(StoreError, match="it is of version 9, this ipymultichat knows 1"):
        await SqliteStore(tmp_path / "a.db").open("p1", 5, 100)
    assert (tmp_path / "a.db").read_bytes()[100:] == before[100:]


async def test_the_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    write(tmp_path / "a.db", "CREATE TABLE theirs (x)", application=0)
    with pytest.raises(StoreError, match="another program"):
        await SqliteStore(tmp_path / "a.db").open("p1", 5, 100)
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]


async def test_others_cannot_read_what_is_kept(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "new" / "a.db")
    await store.open("p1", 5, 100)
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "new").glob("a.db*") if path.suffix != ".lock")
    await store.close()
