from __future__ import annotations

import logging
import os
import stat
import sys
from dataclasses import replace

import pytest
from histories import (
    ALL,
    Living,
    answered,
    chat,
    eventually,
    kept,
    living,
    message,
    on_disk,
    writers,
)

from ipymultichat.errors import ConfigError, StoreError
from ipymultichat.model import Conversation, ImageContent, Message, MessageFilter, MessageStatus, Retention
from ipymultichat.store import MEMORY, config_path
from ipymultichat.store.history import History, history_path
from ipymultichat.store.writer import WriterTiming

SLOW = WriterTiming(delay=60, busy=1)


def test_what_was_written_is_there_for_the_next_kernel() -> None:
    items = (message(1, "first"), answered(2), chat(3), message(4, draft=(ImageContent(b"\x00", "image/png"),)))
    with living() as now:
        now.put(*items)
    assert [entry.message for entry in kept()] == [on_disk(item) for item in items]
    assert [(entry.order, entry.unread) for entry in kept(limit=0)] == [((1000, 1), True), ((4000, 4), True)]


def test_a_message_is_stored_once_it_is_on_disk_and_not_before() -> None:
    with living() as now:
        asked, answer = now.hold_up()
        now.put(message(1))
        assert not now.history.stored("work/request/1")
        assert asked.wait(10)
        assert not now.history.stored("work/request/1")
        assert kept() == []
        answer.set()
        now.flush()
        assert now.history.stored("work/request/1")
        assert len(kept()) == 1


def test_a_message_that_changes_often_is_written_once_and_as_it_is_at_last() -> None:
    asked: list[str] = []
    with living(timing=SLOW) as now:
        now.asked = asked.append
        for number in range(500):
            now.put(message(1, f"version {number}"))
        now.flush()
        found = now.history.find("work/request/1").result(10)
        assert found
        assert found.message.text == "version 499"
        assert asked == ["work/request/1"]


def test_a_message_costs_its_caller_one_python_call() -> None:
    calls: list[str] = []
    with living(timing=SLOW) as now:
        now.history.touch("first")  # it wakes the thread; those that follow find it awake
        touch = now.history.touch
        sys.setprofile(lambda frame, event, _arg: calls.append(frame.f_code.co_name) if event == "call" else None)
        touch("second")
        sys.setprofile(None)
    assert calls == ["touch"]


def test_pages_are_read_from_the_file() -> None:
    with living() as now:
        now.put(*[message(number) for number in range(1, 8)])
        now.flush()
        entries, more = now.history.page((6000, 6), 3, MessageFilter(search="deploy")).result(10)
        assert [entry.message.request_id for entry in entries] == ["3", "4", "5"]
        assert more


def test_reading_goes_before_writing() -> None:
    with living(timing=SLOW) as now:
        now.put(message(1))
        assert now.stored() == []
        now.flush()
        assert now.stored() == ["1"]


def test_what_was_seen_is_seen_for_the_next_kernel() -> None:
    with living() as now:
        now.put(message(1), chat(2), chat(3, sender="bob"), chat(4), message(5))
        now.flush()
        now.read((3000, 3), "work", "ada")
        now.flush()
        assert [entry.unread for entry in kept()] == [True, False, True, True, True]
        now.read((4000, 4))
        now.flush()
        assert [entry.unread for entry in kept()] == [False, False, False, False, True]


def test_what_left_memory_can_be_seen_too() -> None:
    with living() as now:
        now.put(message(1))
        now.flush()
        order = now.entries.pop("work/request/1").order
        now.history.mark_read(order)
    assert [entry.unread for entry in kept()] == [False]


def test_what_has_another_order_in_the_file_than_in_memory_is_seen_with_the_one_it_has_in_memory() -> None:
    with living() as now:
        for number in range(3):
            now.place(message(number), (5, 1))
        now.flush()
        now.read((5, 1))
        now.flush()
        assert not any(entry.unread for entry in kept())


def test_a_server_s_new_label_is_on_all_its_messages() -> None:
    with living() as now:
        now.put(message(1), message(2, server_id="home", server_name="Home"))
        now.flush()
        now.history.rename("work", "Office")
        now.put(message(3, server_name="Office"))
    assert [entry.message.server_name for entry in kept()] == ["Office", "Home", "Office"]


def test_clearing_forgets_everything_but_what_is_not_over() -> None:
    with living() as now:
        now.put(message(1), answered(2), chat(3), chat(4, status=MessageStatus.FAILED))
        now.flush()
        del now.entries["work/request/2"], now.entries["work/request/3"]
        now.history.clear()
        now.put(answered(5))
        now.flush()
        assert now.stored() == ["1", "4", "5"]
        assert now.stored(MessageFilter(search="yes")) == ["5"]


def test_clearing_forgets_what_was_over_a_moment_before_and_reports_no_loss() -> None:
    with living(timing=SLOW) as now:
        now.put(message(1))
        now.flush()
        now.put(answered(1))  # not written yet: on disk, it still waits
        now.put(chat(2))  # not on disk at all
        now.entries.clear()
        now.history.clear()
        now.flush()
        assert now.stored() == []
    assert now.troubles == []


def test_conversations_are_known_from_the_start() -> None:
    with living() as now:
        now.put(chat(1), chat(2, sender="bob"))
    with living() as now:
        assert now.history.conversations() == [
            Conversation("work", "bob", 1, 2000),
            Conversation("work", "ada", 1, 1000),
        ]


def test_all_entries_can_be_read_while_more_is_written() -> None:
    with living() as now:
        now.put(*[answered(number) for number in range(1, 301)])
        now.flush()
        walk = now.history.entries()
        first = next(walk)
        now.put(answered(301))
        now.flush()
        assert [entry.order for entry in (first, *walk)] == [(1000 * number, number) for number in range(1, 302)]
        assert [entry.order for entry in now.history.entries((3000, 3))] == [(1000, 1), (2000, 2)]


def test_a_file_that_went_away_is_an_error_for_whoever_exports_it() -> None:
    with living() as now:
        now.put(message(1))
        now.flush()
        history_path("default").rename(history_path("other"))
        with pytest.raises(StoreError, match=r"default\.sqlite3 cannot be read"):
            list(now.history.entries())
        assert not history_path("default").exists()


@pytest.mark.skipif(os.name == "nt", reason="needs the rights of POSIX")
def test_files_are_for_their_owner_only_whatever_the_umask() -> None:
    before = os.umask(0)
    try:
        with living() as now:
            now.put(message(1))
            now.flush()
            path = history_path("default")
            modes = {name.name: stat.S_IMODE(name.stat().st_mode) for name in path.parent.glob("default.sqlite3*")}
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)
    modes.pop("default.sqlite3.lock")
    assert modes == dict.fromkeys(("default.sqlite3", "default.sqlite3-wal", "default.sqlite3-shm"), 0o600)


def test_the_history_is_beside_the_settings_under_the_same_names() -> None:
    assert history_path("a.b c") == config_path("a.b c").with_name("a.b c.sqlite3")
    with pytest.raises(ConfigError, match="a/b"):
        history_path("a/b")


def nothing_is_in(history: History) -> None:
    """It answers like an empty history that is never written."""
    history.touch("x")
    history.mark_read((9, 9), "work")
    history.rename("work", "Office")
    history.clear()
    history.set_retention(Retention(days=1))
    assert history.page(None, 1, ALL).result(0) == ([], False)
    assert history.find("x").result(0) is None
    assert history.conversations() == []
    assert list(history.entries()) == []
    assert (history.usable, history.stored("x"), history.flush(1)) == (False, False, False)


def test_in_memory_nothing_is_kept_no_disk_is_touched_and_every_method_works() -> None:
    with living(MEMORY) as now:
        now.put(message(1))
        nothing_is_in(now.history)
        assert writers() == []
    nothing_is_in(now.history)
    assert now.troubles == []
    assert not history_path("default").parent.exists()


def test_a_closed_history_answers_with_nothing_and_takes_nothing() -> None:
    with living() as now:
        now.put(message(1))
    now.history.close()
    now.put(message(2))
    nothing_is_in(now.history)
    assert len(kept()) == 1


def test_closing_writes_what_was_said_a_moment_before() -> None:
    with living(timing=SLOW) as now:
        now.put(*[message(number) for number in range(2_500)])
    assert len(kept(limit=5_000)) == 2_500


def test_the_thread_ends_when_the_history_is_closed() -> None:
    with living():
        (thread,) = writers()
        assert thread.daemon
    eventually(lambda: not thread.is_alive())


def test_other_retention_counts_at_once() -> None:
    with living(clock=lambda: 100 * 86_400.0) as now:
        now.place(answered(1), (0, 1))
        for day in (98, 99, 100):
            now.place(answered(day), (day * 86_400_000, 2))
        now.flush()
        now.history.set_retention(Retention(days=2.5))
        eventually(lambda: now.stored() == ["98", "99", "100"])


def test_a_clock_that_is_years_ahead_deletes_nothing_and_is_said_once() -> None:
    day = 86_400.0
    clock = [100 * day]
    with living(clock=lambda: clock[0]) as now:
        for number in range(60, 100):
            now.place(answered(number), (number * 86_400_000, number))
        now.flush()
        now.history.set_retention(Retention(days=30))
        eventually(lambda: len(now.stored()) == 30)
        clock[0] += 5 * 365 * day
        now.place(answered("new"), (int(clock[0] * 1000), 1))
        eventually(lambda: now.troubles)
        now.history.set_retention(Retention(days=20))
        now.flush()
        assert len(now.stored()) == 31
        clock[0] -= 5 * 365 * day  # somebody has set it right
        now.history.set_retention(Retention(days=10))
        eventually(lambda: len(now.stored()) == 11)
    (trouble,) = now.troubles
    assert "keeps for now what is older than 30 days" in trouble
    assert "it is 1975-04-10, as this computer's clock says" in trouble


def odd(number: int) -> Message:
    return replace(message(number, "a secret \ud800"), created_at=None)  # type: ignore[arg-type]


def test_what_happens_is_logged_without_a_text_of_a_message(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "ipymultichat.store")
    with living(clock=lambda: 100 * 86_400.0) as now:
        now.put(odd(1), message(2, "another secret", draft=(ImageContent(b"third secret", "image/png"),)))
        now.place(message(3, "fourth secret"), (2**80, 1))
        now.place(answered(4, "fifth secret"), (5, 5))
        for day in (98, 99, 100):
            now.place(answered(day), (day * 86_400_000, 0))
        now.flush()
        now.history.page(None, 5, MessageFilter(search="sixth secret")).result(10)
        now.history.set_retention(Retention(days=1))
        eventually(lambda: "pruned" in caplog.text)
    assert "default.sqlite3 is open, version 3" in caplog.text
    assert "messages written in" in caplog.text
    assert "2 messages were too old" in caplog.text
    assert "secret" not in caplog.text + "".join(now.troubles)


def test_a_history_that_was_never_opened_can_be_closed() -> None:
    now = Living()
    now.put(message(1))
    now.history.close()
    nothing_is_in(now.history)
