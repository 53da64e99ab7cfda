from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from histories import QUICK, WithoutIndex, kept, living, message, migrated_at_once, with_connection

from ipymultichat.model import MessageFilter
from ipymultichat.store.database import VERSION, connect, migrate, transaction
from ipymultichat.store.history import history_path


@pytest.fixture
def path() -> Path:
    """Where the history will be."""
    found = history_path("default")
    found.parent.mkdir(parents=True)
    return found


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_blank_file_becomes_one_of_today(path: Path) -> None:
    path.touch()
    with living() as now:
        assert now.history.usable
    assert version(path) == VERSION == 3


def test_a_file_of_a_newer_version_is_left_alone_and_said(path: Path) -> None:
    with living() as now:
        now.put(message(1))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with living() as now:
        now.put(message(2))
        assert not now.history.usable
        assert now.stored() == []
    assert len(now.troubles) == 1
    assert "newer version" in now.troubles[0]
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*corrupt*"))


def test_many_kernels_that_open_a_new_file_at_once_all_can_use_it(path: Path) -> None:
    path.touch()
    with closing(connect(path, 10)):  # the file is not a new one for those that follow
        pass
    assert migrated_at_once(path) == []
    assert kept() == []


def test_a_kernel_that_knows_no_index_and_one_that_does_can_share_a_file(path: Path) -> None:
    with living() as now:
        now.put(message(1, "with an index"))
    with living(connect=with_connection(WithoutIndex)) as now:
        now.put(message(1, "changed without"), message(2, "new without"))
        now.flush()
        assert now.stored(MessageFilter(search="without")) == ["1", "2"]
    with living() as now:
        assert now.stored(MessageFilter(search="without")) == ["1", "2"]
        assert now.stored(MessageFilter(search="with an index")) == []


def test_a_kernel_without_an_index_can_join_one_that_writes_with_it(path: Path) -> None:
    with living() as first, living(connect=with_connection(WithoutIndex)) as second:
        first.put(message(1, "said by one"))
        second.put(message(2, "said by two"))
        first.flush()
        second.flush()
        assert set(first.stored(MessageFilter(search="said by"))) == {"1", "2"}  # whoever comes first
        assert (first.troubles, second.troubles) == ([], [])
    with living() as now:
        assert set(now.stored(MessageFilter(search="said by"))) == {"1", "2"}


def test_a_transaction_is_written_whole_or_not_at_all(path: Path) -> None:
    path.touch()

    def write_half(connection: sqlite3.Connection) -> None:
        with transaction(connection):
            connection.execute("PRAGMA user_version = 7")
            connection.execute("INSERT INTO nowhere VALUES (1)")

    with closing(connect(path, QUICK.busy)) as connection:
        migrate(connection)
        with pytest.raises(sqlite3.OperationalError):
            write_half(connection)
    assert version(path) == VERSION
