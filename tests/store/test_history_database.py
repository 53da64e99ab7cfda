from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from histories import QUICK, WithoutIndex, eventually, kept, living, message, migrated_at_once, with_connection

from ipymultichat.model import MessageFilter
from ipymultichat.store.database import VERSION, connect, is_indexed, migrate, set_aside, transaction
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


def damage(path: Path) -> None:
    """Overwrite everything but the first page."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


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
        assert first.stored(MessageFilter(search="said by")) == ["1", "2"]
        assert (first.troubles, second.troubles) == ([], [])
    with living() as now:
        assert now.stored(MessageFilter(search="said by")) == ["1", "2"]


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"\x00" * 5_000])
def test_a_file_that_is_no_history_is_set_aside_and_a_new_one_begun(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with living() as now:
        now.put(message(1))
        now.flush()
        assert now.stored() == ["1"]
    (aside,) = path.parent.glob("default.corrupt-*.sqlite3")
    assert aside.read_bytes() == content
    assert len(now.troubles) == 1
    assert f"was damaged: it now stands in {aside.name}" in now.troubles[0]
    assert len(kept()) == 1


def test_what_belongs_to_a_damaged_file_is_set_aside_with_it(tmp_path: Path) -> None:
    for suffix in ("", "-wal", "-shm", ".damaged"):
        (tmp_path / f"x.sqlite3{suffix}").write_text(suffix)
    name = set_aside(tmp_path / "x.sqlite3")
    assert {found.name: found.read_text() for found in tmp_path.iterdir()} == {
        name + suffix: suffix for suffix in ("", "-wal", "-shm")
    }


def test_a_file_that_is_damaged_further_on_is_set_aside_at_the_start(path: Path) -> None:
    with living() as now:
        now.put(*[message(number) for number in range(200)])
    damage(path)
    with living() as now:
        now.put(message(1))
        now.flush()
        assert now.stored() == ["1"]
    (trouble,) = now.troubles
    assert "was damaged" in trouble


def test_damage_while_it_runs_ends_the_writing_and_the_next_start_begins_anew(path: Path) -> None:
    with living() as now:
        now.put(*[message(number) for number in range(200)])
        now.flush()
        damage(path)
        for turn in range(1_000):
            now.put(*[message(number, f"{turn} " * 500) for number in range(300)])
            if not now.history.flush(10):
                break
        assert not now.history.usable
        assert now.stored() == []
        assert "is damaged: nothing more is written to it, and the next start sets it aside" in now.troubles[0]
    with living() as now:
        now.put(message(1))
        now.flush()
        assert now.stored() == ["1"]
    assert len(list(path.parent.glob("default.corrupt-*.sqlite3"))) == 1
    assert len(kept()) == 1


def test_a_damaged_index_of_words_is_made_anew_and_no_message_is_lost(path: Path) -> None:
    with living() as now:
        now.put(*[message(number, f"text {number}") for number in range(50)])
    with closing(connect(path, 1)) as connection:
        if not is_indexed(connection):
            pytest.skip("this SQLite keeps no index of words")
        connection.execute("UPDATE words_data SET block = x'' WHERE id > 10")
    with living() as now:
        assert now.stored(MessageFilter(search="text 7")) == []
        eventually(lambda: not now.history.usable)
        assert len(now.troubles) == 1
    with living() as now:
        assert now.troubles == []
        assert len(now.stored()) == 50
        assert now.stored(MessageFilter(search="text 7")) == ["7"]
    assert not list(path.parent.glob("*.damaged"))


def test_two_kernels_that_find_a_damaged_file_set_it_aside_once(path: Path) -> None:
    path.write_bytes(b"damaged" * 1_000)
    with living() as first, living() as second:
        first.put(message(1))
        second.put(message(2))
        first.flush()
        second.flush()
    assert len(list(path.parent.glob("default.corrupt-*.sqlite3"))) == 1
    assert len(kept()) == 2


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
