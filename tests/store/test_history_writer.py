"""What the history does when the disk, another program or this package itself gives it trouble."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import histories
import pytest
from histories import (
    ALL,
    answered,
    chat,
    eventually,
    kept,
    living,
    message,
    with_connection,
    writers,
)

from ipymultichat.store.database import connect
from ipymultichat.store.history import history_path
from ipymultichat.store.writer import WriterTiming


@contextmanager
def locked() -> Iterator[None]:
    """Another program that writes, and does not come to an end."""
    with closing(sqlite3.connect(history_path("default"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def counting() -> tuple[type[sqlite3.Connection], list[str]]:
    """A class of connections, and the tries to write that were made with them."""
    tries: list[str] = []

    class Counting(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if sql == "BEGIN IMMEDIATE":
                tries.append(sql)
            return super().execute(sql, *values)

    return Counting, tries


def test_a_locked_file_is_said_once_tried_again_and_said_once_more_when_it_works() -> None:
    connection, tries = counting()
    with living(connect=with_connection(connection)) as now:
        with locked():
            now.put(message(1))
            eventually(lambda: now.troubles)
            now.put(message(2))
            before = len(tries)
            eventually(lambda: len(tries) > before + 2)
            assert not now.history.stored("work/request/1")
            assert now.stored() == []
        now.flush()
        assert now.stored() == ["1", "2"]
    assert len(now.troubles) == 2
    assert "default.sqlite3 cannot be written: another program holds it locked; it is tried again" in now.troubles[0]
    assert "default.sqlite3 is being written again" in now.troubles[1]


def test_what_was_asked_for_while_the_file_was_locked_is_done_once_it_is_free() -> None:
    connection, tries = counting()
    with living(connect=with_connection(connection)) as now:
        now.put(chat(1), chat(2), answered(3), chat(4, sender="bob"))
        now.flush()
        with locked():
            now.read((2000, 2), "work", "ada")
            now.read((1000, 1), "work", "ada")
            now.history.rename("work", "Office")
            eventually(lambda: now.troubles)
            now.history.rename("work", "Studio")
            now.read((4000, 4), "work", "bob")
        now.flush()
        assert [(entry.unread, entry.message.server_name) for entry in kept()] == [
            (False, "Studio"),
            (False, "Studio"),
            (True, "Studio"),
            (False, "Studio"),
        ]
        with locked():
            del now.entries["work/request/1"]
            now.history.clear()
            before = len(tries)
            eventually(lambda: len(tries) > before + 1)
        now.flush()
        assert now.stored() == []


class SmallDisk(sqlite3.Connection):
    """A connection to a disk that has room for so many pages."""

    pages = 2**30

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run a statement."""
        if sql == "BEGIN IMMEDIATE":
            super().execute(f"PRAGMA max_page_count = {self.pages}")
        return super().execute(sql, *values)


def test_a_full_disk_holds_nothing_half_and_everything_once_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    with living(connect=with_connection(SmallDisk)) as now:
        now.put(message(1))
        now.flush()
        monkeypatch.setattr(SmallDisk, "pages", 1)
        now.put(*[message(number, "x" * 5_000) for number in range(2, 30)])
        eventually(lambda: now.troubles)
        assert now.stored() == ["1"]
        assert len(kept()) == 1
        monkeypatch.setattr(SmallDisk, "pages", 2**30)
        now.flush()
        assert len(now.stored()) == 29
        assert "the disk is full" in now.troubles[0]
        assert "written again" in now.troubles[1]
    assert len(now.troubles) == 2
    with closing(sqlite3.connect(history_path("default"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


LIMITED = """
import resource
from histories import Living, eventually, message
now = Living()
now.history.open(0)
now.put(message(1))
now.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
for number in range(2, 200):
    now.put(message(number, "x" * 5_000))
eventually(lambda: now.troubles)
print(now.troubles[0], flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
now.flush()
now.history.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files")
def test_a_disk_that_takes_no_more_from_the_operating_system_s_side_loses_nothing() -> None:
    child = subprocess.run(
        [sys.executable, "-c", LIMITED],
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
        env={**os.environ, "PYTHONPATH": str(Path(histories.__file__).parent)},
    )
    assert child.returncode == 0, child.stderr
    assert "cannot be written" in child.stdout
    assert len(kept()) == 199


def make_folder_a_file() -> None:
    history_path("default").parent.write_text("in the way")


def make_file_a_folder() -> None:
    history_path("default").mkdir(parents=True)


@pytest.mark.parametrize("block", [make_folder_a_file, make_file_a_folder])
def test_where_nothing_can_be_written_it_is_said_once_and_the_chat_goes_on(block: Callable[[], None]) -> None:
    block()
    with living() as now:
        now.put(message(1))
        now.history.clear()
        assert not now.history.usable
        assert not now.history.stored("work/request/1")
        assert now.stored() == []
        assert now.history.conversations() == []
        assert list(now.history.entries()) == []
    (trouble,) = now.troubles
    assert "default.sqlite3 cannot be used: " in trouble
    assert trouble.endswith("; the chat goes on without it")


def test_what_leaves_memory_before_it_is_written_is_counted_and_said_once() -> None:
    with living() as now:
        with locked():
            now.put(*[message(number) for number in range(500)])
            eventually(lambda: now.troubles)
            for number in range(1, 500):
                del now.entries[f"work/request/{number}"]
        now.flush()
        assert now.stored() == ["0"]
    assert [trouble for trouble in now.troubles if "lacks" in trouble] == [now.troubles[-1]]
    assert "lacks 499 messages: they left memory" in now.troubles[-1]


def test_a_message_that_no_file_can_hold_is_said() -> None:
    with living() as now:
        now.put(message(1), message(2, created_at=None), message(3))
        now.flush()
        assert now.stored() == ["1", "3"]
    assert len(now.troubles) == 1
    assert "lacks 1 messages: no file can keep what is in them" in now.troubles[0]


def test_closing_does_not_wait_for_a_disk_that_hangs() -> None:
    with living() as now:
        asked, answer = now.hold_up()
        now.put(*[message(number) for number in range(600)])
        assert asked.wait(10)
        now.history.close(0.1)
        (thread,) = writers()  # it still hangs
        answer.set()
        thread.join(10)
        assert not thread.is_alive()
        assert "lacks the last" in now.troubles[-1]
        now.history.close()


def test_a_question_asked_while_it_closes_is_answered_with_nothing() -> None:
    asked = []
    with living(timing=WriterTiming(delay=60)) as now:
        now.asked = lambda _id: asked.append(now.history.page(None, 1, ALL))
        now.put(message(1))
    assert asked[0].result(1) == ([], False)


def test_a_file_that_takes_long_to_open_holds_nobody_up_and_is_written_later() -> None:
    go_on = threading.Event()

    def slow(path: Path, busy: float) -> sqlite3.Connection:
        go_on.wait(20)
        return connect(path, busy)

    with living() as now:
        now.put(message(1))
    with living(connect=slow, timing=WriterTiming(delay=0.005, patience=0.05)) as now:
        assert "takes long to open" in now.troubles[0]
        now.put(message(2))
        go_on.set()
        eventually(lambda: now.history.usable)
        now.flush()
        assert sorted(now.stored()) == ["1", "2"]


def test_a_question_that_fails_is_answered_with_nothing_and_said() -> None:
    # Pruning, which is not due by this clock, would fail as well, and be told of first.
    with living(clock=lambda: -60.0) as now:
        now.put(message(1))
        now.flush()
        with closing(connect(history_path("default"), 1)) as other:
            other.execute("ALTER TABLE messages RENAME TO elsewhere")
            assert now.stored() == []
            eventually(lambda: now.troubles)
            other.execute("ALTER TABLE elsewhere RENAME TO messages")
        eventually(lambda: len(now.troubles) == 2)
    assert "cannot be read" in now.troubles[0]
    assert "written again" in now.troubles[1]


def test_a_question_that_is_given_up_or_makes_no_sense_harms_nobody_else() -> None:
    with living() as now:
        asked, answer = now.hold_up()
        now.put(message(1))
        assert asked.wait(10)
        given_up, other = (now.history.page(None, 1, ALL) for _ in range(2))
        assert given_up.cancel()
        answer.set()
        assert len(other.result(10)[0]) == 1
        with pytest.raises(AttributeError):
            now.history.page(None, 1, None).result(10)  # type: ignore[arg-type]
        assert now.history.usable


def test_a_failure_of_our_own_ends_the_history_and_not_the_chat(caplog: pytest.LogCaptureFixture) -> None:
    with living() as now:

        def fail(_id: str) -> None:
            raise ValueError("a bug")

        now.asked = fail
        now.put(message(1))
        eventually(lambda: not now.history.usable)
        assert not now.history.flush(1)
    (trouble,) = now.troubles
    assert "is not written any more: ValueError" in trouble
    assert "a bug" in caplog.text


def test_trouble_that_nobody_can_be_told_of_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_text: str) -> None:
        raise RuntimeError("the loop is closed")

    with living(trouble=fail) as now:
        with locked():
            now.put(message(1))
            eventually(lambda: "could not be told" in caplog.text)
        now.flush()
        assert now.stored() == ["1"]
