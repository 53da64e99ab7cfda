"""What becomes of a profile whose files are removed, or replaced, while a kernel uses them."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from histories import QUICK, eventually, kept, living, message, with_connection

from ipymultichat.model import Secret, ServerConfig, Settings
from ipymultichat.store import ConfigFile, config_path
from ipymultichat.store.history import history_path
from ipymultichat.store.writer import WriterTiming

LOOKING = replace(QUICK, look=0.01)
WORK = ServerConfig(id="w", name="Work", url="ws://work:2000")


def remove() -> None:
    """Remove the folder of the profile with everything in it."""
    shutil.rmtree(history_path("default").parent)


def numbers() -> list[str]:
    """The request ids the next kernel finds."""
    return [entry.message.request_id for entry in kept()]


def test_a_history_that_was_removed_is_made_again_with_all_it_had_and_all_that_comes() -> None:
    with living() as now:
        now.put(message(1), message(2))
        now.flush()
        del now.entries["work/request/1"]
        remove()
        now.put(message(3))
        now.flush()
        (trouble,) = now.troubles
        assert "default.sqlite3 was removed; it was made again, and nothing is missing in it" in trouble
        assert now.stored() == ["1", "2", "3"]
    assert numbers() == ["1", "2", "3"]


def test_that_a_history_was_removed_is_noticed_while_nothing_happens() -> None:
    with living(timing=LOOKING) as now:
        now.put(message(1))
        now.flush()
        remove()
        eventually(lambda: now.troubles)
        eventually(history_path("default").exists)
    assert numbers() == ["1"]


def test_what_is_left_when_a_kernel_ends_is_written_to_a_history_that_was_removed() -> None:
    with living(timing=WriterTiming(delay=60)) as now:
        now.put(message(1))
        now.flush()
        remove()
        now.put(message(2))
    assert numbers() == ["1", "2"]


class Unreadable(sqlite3.Connection):
    """A connection that cannot be copied any more."""

    def backup(self, *_args: Any, **_options: Any) -> None:
        """Copy the file."""
        raise sqlite3.DatabaseError("database disk image is malformed")


def test_where_the_removed_file_cannot_be_read_any_more_memory_is_written() -> None:
    with living(connect=with_connection(Unreadable)) as now:
        now.put(message(1), message(2))
        now.flush()
        del now.entries["work/request/1"]
        remove()
        now.put(message(3))
        now.flush()
        assert "was removed; it was made again, with what is in memory" in now.troubles[0]
    assert numbers() == ["2", "3"]


class NoRoom(sqlite3.Connection):
    """A connection that cannot be copied for want of room."""

    full = True

    def backup(self, target: sqlite3.Connection, **options: Any) -> None:
        """Copy the file."""
        if self.full:
            raise sqlite3.OperationalError("database or disk is full")
        super().backup(target, **options)


def test_where_there_is_no_room_to_make_it_again_it_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with living(timing=replace(QUICK, repair=0.02), connect=with_connection(NoRoom)) as now:
        now.put(message(1))
        now.flush()
        now.entries.clear()
        remove()
        now.put(message(2))
        eventually(lambda: now.troubles)
        assert "is gone, and the disk is full; it is tried again" in now.troubles[0]
        monkeypatch.setattr(NoRoom, "full", False)
        now.flush()
    assert numbers() == ["1", "2"]


def test_what_memory_holds_is_written_to_a_file_that_took_the_place_of_the_history() -> None:
    with living("other") as other:
        other.put(message(9))
    with living() as now:
        now.put(message(1))
        now.flush()
        history_path("other").replace(history_path("default"))
        now.put(message(2))
        now.flush()
        assert "was replaced by another file" in now.troubles[0]
        assert set(now.stored()) == {"1", "2", "9"}


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipymultichat.store.config.LOOK_SECONDS", 0.02)


@contextmanager
def followed() -> Iterator[tuple[ConfigFile, Settings, list[Settings], list[str]]]:
    """A settings file with a server, a token and a name: itself, what it says, what is told of it, and its troubles."""
    news: list[Settings] = []
    troubles: list[str] = []
    file = ConfigFile("default", changed=lambda now: news.append(now()), trouble=troubles.append)
    before = file.load()
    after = before.changed({"servers": (WORK,), "token": Secret("tok"), "nickname": "ada"})
    for name in ("servers", "token", "nickname"):
        file.save(name, before, after)
    assert file.flush(5)
    try:
        yield file, after, news, troubles
    finally:
        file.close()


def stored() -> Settings:
    """What the next kernel finds."""
    file = ConfigFile("default", changed=lambda _now: None, trouble=lambda _text: None)
    try:
        return file.load()
    finally:
        file.close()


def test_settings_that_were_removed_are_written_again_and_stay_in_use() -> None:
    with followed() as (_file, after, news, troubles):
        remove()
        eventually(config_path("default").exists)
        assert "were removed; they are written again as they were" in troubles[0]
        eventually(lambda: stored() == after)
        assert all(now == after for now in news)


def test_a_change_after_the_settings_were_removed_is_written_with_all_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ipymultichat.store.config.LOOK_SECONDS", 60)
    with followed() as (file, after, _news, _troubles):
        remove()
        file.save("nickname", after, after.changed({"nickname": "grace"}))
        assert file.flush(5)
    assert stored() == after.changed({"nickname": "grace"})


def test_a_change_over_settings_that_were_spoilt_keeps_what_was_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipymultichat.store.config.LOOK_SECONDS", 60)
    with followed() as (file, after, _news, troubles):
        config_path("default").write_text("{")
        file.save("nickname", after, after.changed({"nickname": "grace"}))
        assert file.flush(5)
        assert "now stand in" in troubles[0]
    assert stored() == after.changed({"nickname": "grace"})


def test_a_history_made_again_by_one_kernel_is_found_by_the_other() -> None:
    with living(timing=LOOKING) as first, living(timing=LOOKING) as second:
        first.put(message(1))
        second.put(message(2))
        first.flush()
        second.flush()
        remove()
        first.put(message(3))
        second.put(message(4))
        first.flush()
        second.flush()
        assert set(first.stored()) == set(second.stored()) == {"1", "2", "3", "4"}
    assert set(numbers()) == {"1", "2", "3", "4"}


def test_the_file_made_again_is_sound() -> None:
    with living() as now:
        now.put(*[message(number) for number in range(50)])
        now.flush()
        remove()
        now.put(message(51))
        now.flush()
    with closing(sqlite3.connect(history_path("default"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
        assert connection.execute("PRAGMA auto_vacuum").fetchall() == [(2,)]
