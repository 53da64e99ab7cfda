import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import histories
import pytest
from histories import QUICK, answered, chat, eventually, kept, living, message

from ipymultichat.model import MessageFilter, TextContent
from ipymultichat.store import Retention, Timing, backlog, files, history_path, schema
from ipymultichat.store.reports import Reports

ALL = MessageFilter()


class Small(sqlite3.Connection):
    """A connection to a disk of so many pages."""

    pages = 2**30

    def execute(self, sql, *values):
        if sql == "BEGIN IMMEDIATE":
            super().execute(f"PRAGMA max_page_count = {Small.pages}")
        return super().execute(sql, *values)


@pytest.fixture
def small_disk(monkeypatch):
    """Sets how many pages the disk has room for."""
    monkeypatch.setattr(Small, "pages", 2**30)
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **options: real(*args, **{"factory": Small, **options}))
    return lambda pages: monkeypatch.setattr(Small, "pages", pages)


@contextmanager
def locked():
    """Another program that writes, and does not come to an end."""
    with closing(sqlite3.connect(history_path("default"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def stored(now):
    return [entry.message.request_id for entry in now.history.page(None, 1_000, ALL).result(10)[0]]


def test_a_locked_file_is_said_once_tried_again_and_said_once_more_when_it_works():
    with living() as now:
        with locked():
            now.put(message(1))
            eventually(lambda: now.troubles)
            now.put(message(2))
            time.sleep(4 * QUICK.pause)
            assert not now.history.stored("work/request/1")
            assert stored(now) == []
        now.flush()
        assert stored(now) == ["1", "2"]
    assert len(now.troubles) == 2
    assert "default.sqlite3 cannot be written: another program holds it locked; it is tried again" in now.troubles[0]
    assert "default.sqlite3 is being written again" in now.troubles[1]


def test_what_was_asked_for_while_the_file_was_locked_is_done_once_it_is_free():
    with living() as now:
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
            time.sleep(3 * QUICK.pause)
        now.flush()
        assert stored(now) == []


def test_a_full_disk_holds_nothing_half_and_everything_once_there_is_room(small_disk):
    with living() as now:
        now.put(message(1))
        now.flush()
        small_disk(1)
        now.put(*[message(number, "x" * 5_000) for number in range(2, 30)])
        eventually(lambda: now.troubles)
        assert stored(now) == ["1"]
        assert len(kept()) == 1
        small_disk(2**30)
        now.flush()
        assert len(stored(now)) == 29
        assert "the disk is full" in now.troubles[0]
        assert "written again" in now.troubles[1]
    assert len(now.troubles) == 2
    with closing(sqlite3.connect(history_path("default"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


LIMITED = """
import resource, sys, time
sys.path[:0] = sys.argv[1:]
from histories import Living, message
now = Living()
now.history.open(0)
now.put(message(1))
assert now.history.flush(10)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
for number in range(2, 200):
    now.put(message(number, "x" * 5_000))
while not now.troubles:
    time.sleep(0.01)
print(now.troubles[0], flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert now.history.flush(10), now.troubles
now.history.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files")
def test_a_disk_that_takes_no_more_from_the_operating_system_s_side_loses_nothing():
    child = subprocess.run(
        [sys.executable, "-c", LIMITED, str(Path(histories.__file__).parent)],
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert child.returncode == 0, child.stderr
    assert "cannot be written" in child.stdout
    assert len(kept()) == 199


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"\x00" * 5_000])
def test_a_file_that_is_no_history_is_set_aside_and_a_new_one_begun(content):
    path = history_path("default")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with living() as now:
        now.put(message(1))
        now.flush()
        assert stored(now) == ["1"]
    (aside,) = path.parent.glob("default.corrupt-*.sqlite3")
    assert aside.read_bytes() == content
    assert len(now.troubles) == 1
    assert f"was damaged: it now stands in {aside.name}" in now.troubles[0]
    assert len(kept()) == 1


def test_what_belongs_to_a_damaged_file_is_set_aside_with_it(tmp_path):
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"x.sqlite3{suffix}").write_text(suffix)
    name = files._set_aside(tmp_path / "x.sqlite3")
    assert {found.name: found.read_text() for found in tmp_path.iterdir()} == {
        name + suffix: suffix for suffix in ("", "-wal", "-shm")
    }


def damage(path):
    """Overwrite everything but the first page."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


def test_a_file_that_is_damaged_further_on_is_set_aside_at_the_start():
    with living() as now:
        now.put(*[message(number) for number in range(200)])
    damage(history_path("default"))
    with living() as now:
        now.put(message(1))
        now.flush()
        assert stored(now) == ["1"]
    (trouble,) = now.troubles
    assert "was damaged" in trouble


def test_damage_while_it_runs_ends_the_writing_and_the_next_start_begins_anew():
    with living() as now:
        now.put(*[message(number) for number in range(200)])
        now.flush()
        damage(history_path("default"))
        deadline = time.monotonic() + 10
        while not now.troubles and time.monotonic() < deadline:
            now.put(*[message(number, "x" * 2_000) for number in range(300)])
            time.sleep(0.01)
        eventually(lambda: not now.history.usable)
        assert stored(now) == []
        assert not now.history.flush(1)
        assert "is damaged: nothing more is written to it, and the next start sets it aside" in now.troubles[0]
    with living() as now:
        now.put(message(1))
        now.flush()
        assert stored(now) == ["1"]
    assert len(list(history_path("default").parent.glob("default.corrupt-*.sqlite3"))) == 1
    assert len(kept()) == 1


def test_a_damaged_index_of_words_is_made_anew_and_no_message_is_lost():
    with living() as now:
        now.put(*[message(number, f"text {number}") for number in range(50)])
    with closing(schema.connect(history_path("default"), 1)) as connection:
        connection.execute("UPDATE words_data SET block = x'' WHERE id > 10")
    with living() as now:
        now.history.page(None, 5, MessageFilter(text="text 7")).result(10)
        eventually(lambda: not now.history.usable)
        assert len(now.troubles) == 1
    with living() as now:
        assert now.troubles == []
        assert len(stored(now)) == 50
        (entry,), _more = now.history.page(None, 5, MessageFilter(text="text 7")).result(10)
        assert entry.message.request_id == "7"
    assert not list(history_path("default").parent.glob("*.damaged"))


def test_two_kernels_that_find_a_damaged_file_set_it_aside_once():
    path = history_path("default")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged" * 1_000)
    with living() as first, living() as second:
        first.put(message(1))
        second.put(message(2))
        first.flush()
        second.flush()
    assert len(list(path.parent.glob("default.corrupt-*.sqlite3"))) == 1
    assert len(kept()) == 2


def make_folder_a_file():
    history_path("default").parent.write_text("in the way")


def make_file_a_folder():
    history_path("default").mkdir(parents=True)


@pytest.mark.parametrize("block", [make_folder_a_file, make_file_a_folder])
def test_where_nothing_can_be_written_it_is_said_once_and_the_chat_goes_on(block):
    block()
    with living() as now:
        now.put(message(1))
        now.history.clear()
        assert not now.history.usable
        assert not now.history.stored("work/request/1")
        assert stored(now) == []
        assert now.history.conversations() == list(now.history.everything()) == []
    (trouble,) = now.troubles
    assert "default.sqlite3 cannot be used: " in trouble
    assert trouble.endswith("; the chat goes on without it")


def test_what_leaves_memory_before_it_is_written_is_counted_and_said_once():
    with living() as now:
        with locked():
            now.put(*[message(number) for number in range(500)])
            eventually(lambda: now.troubles)
            for number in range(1, 500):
                del now.entries[f"work/request/{number}"]
        now.flush()
        assert stored(now) == ["0"]
    assert [trouble for trouble in now.troubles if "lacks" in trouble] == [now.troubles[-1]]
    assert "lacks 499 messages: they left memory" in now.troubles[-1]


def test_a_disk_that_hangs_costs_no_more_memory_than_the_messages_there_are(monkeypatch):
    monkeypatch.setattr(backlog, "_MANY", 100)
    with living() as now, locked():
        for number in range(5_000):
            now.put(message(number))
            now.entries.pop(f"work/request/{number - 50}", None)
        assert now.history._backlog.left() <= 300


def test_closing_does_not_wait_for_a_disk_that_hangs():
    asked, answer = threading.Event(), threading.Event()
    with living() as now:
        known = now.entries.get

        def hang(key):
            asked.set()
            answer.wait(20)
            return known(key)

        now.history._writer._entry = hang
        now.put(*[message(number) for number in range(600)])
        assert asked.wait(10)
        began = time.monotonic()
        now.history.close(0.1)
        assert time.monotonic() - began < 5
        answer.set()
        eventually(lambda: not now.history._writer._thread.is_alive())
        assert "lacks the last" in now.troubles[-1]
        now.history.close()


def test_a_question_asked_while_it_closes_is_answered_with_nothing():
    asked = []
    with living(timing=Timing(delay=60)) as now:
        known = now.entries.get

        def ask(key):
            asked.append(now.history.page(None, 1, ALL))
            return known(key)

        now.history._writer._entry = ask
        now.put(message(1))
    assert asked[0].result(1) == ([], False)


def test_a_file_that_takes_long_to_open_holds_nobody_up_and_is_written_later():
    go_on = threading.Event()

    def slow(path, busy):
        go_on.wait(20)
        return schema.connect(path, busy)

    with living() as now:
        now.put(message(1))
    with living(connect=slow, timing=Timing(delay=0.005, patience=0.05)) as now:
        assert "takes long to open" in now.troubles[0]
        now.put(message(2))
        go_on.set()
        eventually(lambda: now.history.usable)
        now.flush()
        assert stored(now) == ["2", "1"] or stored(now) == ["1", "2"]


def test_a_question_that_fails_is_answered_with_nothing_and_said():
    with living() as now:
        now.put(message(1))
        now.flush()
        real = now.history._connect
        with closing(real(history_path("default"), 1)) as other:
            other.execute("ALTER TABLE messages RENAME TO elsewhere")
            assert now.history.page(None, 1, ALL).result(10) == ([], False)
            eventually(lambda: now.troubles)
            other.execute("ALTER TABLE elsewhere RENAME TO messages")
        eventually(lambda: len(now.troubles) == 2)
    assert "cannot be read" in now.troubles[0]
    assert "written again" in now.troubles[1]


def test_a_failure_of_our_own_ends_the_history_and_not_the_chat(caplog):
    with living() as now:

        def fail(_key):
            raise ValueError("a bug")

        now.history._writer._entry = fail
        now.put(message(1))
        eventually(lambda: not now.history.usable)
        assert not now.history.flush(1)
    (trouble,) = now.troubles
    assert "is not written any more: ValueError" in trouble


def test_trouble_that_nobody_can_be_told_of_stops_nothing(tmp_path):
    def fail(_text):
        raise RuntimeError("the loop is closed")

    Reports(tmp_path, fail).say("is full")


def test_no_text_of_a_message_is_logged(caplog):
    with living() as now:
        now.put(
            message(1, "a secret \ud800", created_at=None), message(2, "another secret", draft=(TextContent("third"),))
        )
        now.place(message(3, "fourth secret"), (2**80, 1))
        now.flush()
        with locked():
            now.put(message(4, "fifth secret"))
            eventually(lambda: len(now.troubles) > 1)
        now.history.set_retention(Retention(days=1))
        now.flush()
    assert caplog.text
    assert "secret" not in caplog.text
    assert "secret" not in "".join(now.troubles)
