import os
import stat
import threading
from dataclasses import replace

import pytest
from histories import NOON, Living, answered, chat, eventually, kept, living, message, on_disk

from ipymultichat.errors import ConfigError, StoreError
from ipymultichat.model import (
    Conversation,
    ImageContent,
    MessageFilter,
    MessageStatus,
    Reply,
    TextContent,
)
from ipymultichat.store import NoHistory, Retention, Timing, config_path, history_path, read_retention

ALL = MessageFilter()


def page(history, before=None, limit=10, wanted=ALL):
    entries, more = history.page(before, limit, wanted).result(10)
    return [entry.message.request_id for entry in entries], more


def test_what_was_written_is_there_for_the_next_kernel():
    with living() as now:
        now.put(message(1, "first"), answered(2), chat(3), unread=True)
    assert [entry.message for entry in kept()] == [on_disk(message(1, "first")), on_disk(answered(2)), on_disk(chat(3))]
    assert [(entry.order, entry.unread) for entry in kept()] == [
        ((1000, 1), True),
        ((2000, 2), True),
        ((3000, 3), True),
    ]


def test_a_message_is_stored_once_it_is_on_disk_and_not_before():
    asked, answer = threading.Event(), threading.Event()
    with living() as now:
        known = now.entries.get

        def slow(key):
            asked.set()
            answer.wait(10)
            return known(key)

        now.history._writer._entry = slow
        now.put(message(1))
        assert not now.history.stored("work/request/1")
        assert asked.wait(10)
        assert not now.history.stored("work/request/1")
        assert kept() == []
        answer.set()
        now.flush()
        assert now.history.stored("work/request/1")
        assert len(kept()) == 1


def test_a_message_that_changes_often_is_written_as_it_is_at_last():
    with living() as now:
        now.put(message(1))
        for number in range(500):
            now.put(message(1, f"version {number}"))
        now.flush()
        assert now.history.find("work/request/1").result(10).message.text == "version 499"


def test_attachments_of_body_reply_and_draft_come_back_and_can_change():
    picture, other = ImageContent(b"\x00\xff" * 1000, "image/png"), ImageContent(b"other", "image/gif")
    first = message(
        1,
        contents=(TextContent("see"), picture),
        reply=Reply((picture, TextContent("yes")), "me", NOON, mine=True),
        draft=(other, TextContent("no")),
    )
    second = replace(first, reply=Reply((other,), "me", NOON, mine=True), draft=())
    with living() as now:
        now.put(first)
        now.flush()
        assert now.history.find(first.id).result(10).message == on_disk(first)
        now.put(second)
        now.flush()
        assert now.history.find(first.id).result(10).message == on_disk(second)


def test_opening_brings_the_newest_and_everything_that_is_not_over():
    with living() as now:
        now.put(message(1), chat(2, status=MessageStatus.FAILED), answered(3), answered(4), answered(5))
    assert [entry.message.request_id for entry in kept(limit=2)] == ["1", "2", "4", "5"]


def test_pages_go_back_from_the_newest_and_say_whether_there_is_more():
    with living() as now:
        now.put(*[message(number) for number in range(1, 8)])
        now.flush()
        assert page(now.history, limit=3) == (["5", "6", "7"], True)
        assert page(now.history, before=now.entries["work/request/5"].order, limit=3) == (["2", "3", "4"], True)
        assert page(now.history, before=now.entries["work/request/2"].order, limit=3) == (["1"], False)
        assert page(now.history, limit=7) == (["1", "2", "3", "4", "5", "6", "7"], False)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (MessageFilter(text="ROLL"), ["1", "3"]),
        (MessageFilter(text="ro"), ["1", "3"]),
        (MessageFilter(text="100%"), ["4"]),
        (MessageFilter(text='say "hi"'), ["5"]),
        (MessageFilter(text="strasse"), ["6"]),
        (MessageFilter(text="OPUS"), ["2"]),
        (MessageFilter(text="never"), ["7"]),
        (MessageFilter(text="/home/ada"), ["8"]),
        (MessageFilter(text="bob"), ["9"]),
        (MessageFilter(text="gone"), []),
        (MessageFilter(text="opera"), []),  # though each three letters of it are there
        (MessageFilter(kind="chat"), ["9", "10"]),
        (MessageFilter(server_id="home"), ["10"]),
        (MessageFilter(server_id="work", peer="bob"), ["9"]),
        (MessageFilter(pending=True, text="roll"), ["1"]),
    ],
)
def test_search_and_filters_find_what_fits(wanted, numbers):
    with living() as now:
        now.put(
            message(1, "Roll back?"),
            message(2, "x", model_name="Opus"),
            answered(3, text="roll on", contents=(TextContent("roll on"),)),
            message(4, "done 100%"),
            message(5, 'did you say "hi"? ope per era'),
            message(6, "Straße"),
            answered(7, "Never!"),
            message(8, "y", project_directory="/home/ada"),
            chat(9, "z", sender="Bob" if wanted.text else "bob"),
            chat(10, "z", server_id="home"),
        )
        now.flush()
        assert page(now.history, limit=20, wanted=wanted) == (numbers, False)


def test_a_changed_text_is_found_by_what_it_is_now_only():
    with living() as now:
        now.put(message(1, "before"))
        now.flush()
        now.put(message(1, "afterwards"))
        now.flush()
        assert page(now.history, wanted=MessageFilter(text="afterwards")) == (["1"], False)
        assert page(now.history, wanted=MessageFilter(text="before")) == ([], False)


def test_what_was_seen_is_seen_for_the_next_kernel():
    with living() as now:
        now.put(message(1), chat(2), chat(3, sender="bob"), chat(4), message(5))
        now.flush()
        now.read(now.entries["work/request/3"].order, "work", "ada")
        now.flush()
        assert [entry.unread for entry in kept()] == [True, False, True, True, True]
        now.read(now.entries["work/request/4"].order)
        now.flush()
        assert [entry.unread for entry in kept()] == [False, False, False, False, True]


def test_what_left_memory_can_be_seen_too():
    with living() as now:
        now.put(message(1))
        now.flush()
        order = now.entries.pop("work/request/1").order
        now.history.mark_read(order)
    assert [entry.unread for entry in kept()] == [False]


def test_a_server_s_new_label_is_on_all_its_messages():
    with living() as now:
        now.put(message(1), message(2, server_id="home"))
        now.flush()
        now.history.rename("work", "Office")
    assert [entry.message.server_name for entry in kept()] == ["Office", "Work"]


def test_clearing_keeps_what_is_not_over_and_what_comes_after():
    with living() as now:
        now.put(message(1), answered(2), chat(3), chat(4, status=MessageStatus.FAILED))
        now.flush()
        for key in ("work/request/2", "work/request/3"):
            del now.entries[key]
        now.history.clear()
        now.put(chat(5, "after"))
        now.flush()
        assert page(now.history) == (["1", "4", "5"], False)
        assert page(now.history, wanted=MessageFilter(text="after")) == (["5"], False)
        assert page(now.history, wanted=MessageFilter(text="lunch")) == (["4"], False)
    assert now.troubles == []


def test_clearing_forgets_what_was_settled_a_moment_before_and_reports_no_loss():
    with living(timing=Timing(delay=60, busy=1)) as now:
        now.put(message(1))
        now.flush()
        now.put(answered(1))  # not written yet: on disk, it still waits
        now.put(chat(2))  # not on disk at all
        now.entries.clear()
        now.history.clear()
        now.flush()
        assert page(now.history) == ([], False)
    assert now.troubles == []


def test_conversations_name_everybody_with_the_newest_first():
    with living() as now:
        now.put(chat(1), chat(2, sender="bob"), chat(3), message(4), chat(5, sender="", receiver="cy", mine=True))
        now.read((1000, 1))
        now.flush()
        assert now.history.conversations() == [
            Conversation("work", "cy", 1, 5000),
            Conversation("work", "ada", 1, 3000),
            Conversation("work", "bob", 1, 2000),
        ]


def test_everything_is_read_while_more_is_written():
    with living() as now:
        for number in range(450):
            now.place(answered(number), (5, number))
        now.flush()
        walk = now.history.everything()
        first = next(walk)
        now.put(message(1000))
        now.flush()
        rest = list(walk)
        assert [int(item.request_id) for item in (first, *rest)] == [*range(450), 1000]
        before = (5, 3)
        assert [item.request_id for item in now.history.everything(before)] == ["0", "1", "2"]


def test_a_file_that_went_away_is_an_error_for_whoever_exports_it():
    with living() as now:
        now.put(message(1))
        now.flush()
        history_path("default").rename(history_path("other"))
        with pytest.raises(StoreError, match=r"default\.sqlite3 cannot be read"):
            list(now.history.everything())
        assert not history_path("default").exists()


def test_one_message_that_no_file_can_hold_does_not_stop_the_others():
    with living() as now:
        now.put(message(1), message(2, created_at=NOON.replace(tzinfo=None)), message(3))
        now.place(message(4), (2**70, 1))
        now.put(message(5, draft=(ImageContent(b"", None),)))  # which is seen only once its row is written
        now.flush()
        assert page(now.history) == (["1", "3"], False)
    assert len(now.troubles) == 1
    assert "lacks 3 messages" in now.troubles[0]


def test_two_messages_of_one_place_are_both_kept_and_both_paged():
    with living() as now:
        now.place(message(1), (5, 1))
        now.place(message(2), (5, 1))
        now.place(message(3), (5, 1))
        now.flush()
        found, before = [], None
        for _ in range(3):
            ((entry,), _more) = now.history.page(before, 1, ALL).result(10)
            found.append(entry.message.request_id)
            before = entry.order
        assert found == ["3", "2", "1"]
        # They stand elsewhere than in memory, and are seen with the place they have there.
        now.read((5, 1))
        now.flush()
        assert not any(entry.unread for entry in kept())


def test_files_are_for_their_owner_only_whatever_the_umask():
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


def test_the_history_is_beside_the_settings_under_the_same_names():
    assert history_path("a.b c") == config_path("a.b c").with_name("a.b c.sqlite3")
    with pytest.raises(ConfigError, match="a/b"):
        history_path("a/b")


def test_a_closed_history_answers_with_nothing_and_takes_nothing():
    with living() as now:
        now.put(message(1))
    now.history.close()
    now.put(message(2))
    now.history.mark_read((9, 9))
    now.history.clear()
    assert now.history._backlog.empty()
    assert not now.history.usable
    assert not now.history.stored("work/request/1")
    assert page(now.history) == ([], False)
    assert now.history.find("work/request/1").result(1) is None
    assert list(now.history.everything()) == []
    assert not now.history.flush(1)
    assert len(kept()) == 1


def test_closing_writes_what_was_said_a_moment_before():
    with living(timing=Timing(delay=60)) as now:
        now.put(*[message(number) for number in range(2_500)])
    assert len(kept(limit=5_000)) == 2_500


def test_a_question_that_is_given_up_or_makes_no_sense_harms_nobody_else():
    with living() as now:
        with now.history._writer._changed:  # holds up the thread
            given_up = now.history.page(None, 1, ALL)
            other = now.history.page(None, 1, ALL)
            assert given_up.cancel()
        assert other.result(10) == ([], False)
        with pytest.raises(AttributeError):
            now.history.page(None, 1, None).result(10)
        assert now.history.usable


def test_no_history_touches_no_disk_and_has_the_same_methods():
    nothing = NoHistory()
    nothing.touch("x")
    nothing.mark_read((1, 1), "work")
    nothing.rename("work", "Office")
    nothing.clear()
    nothing.set_retention(Retention())
    assert nothing.open(10) == nothing.conversations() == list(nothing.everything()) == []
    assert nothing.page(None, 1, ALL).result(0) == ([], False)
    assert nothing.find("x").result(0) is None
    assert (nothing.usable, nothing.stored("x"), nothing.flush(1)) == (False, False, False)
    nothing.close()
    public = {name for name in vars(type(Living().history)) if not name.startswith("_")}
    assert public <= set(vars(NoHistory))
    assert not history_path("default").parent.exists()


@pytest.mark.parametrize(
    "values",
    [
        *({"days": value} for value in (-1, float("nan"), "7", True, 10**9)),
        *({"mebibytes": value} for value in (-1, 0.5, None, True, 2**40)),
    ],
)
def test_a_retention_that_means_nothing_is_refused_with_the_value_and_a_remedy(values):
    (value,) = values.values()
    with pytest.raises(ConfigError, match=r"write 0") as caught:
        Retention(**values)
    assert repr(value) in str(caught.value)
    assert read_retention(
        {"history_days": values.get("days", 7), "history_mib": values.get("mebibytes", 7)}
    ) == Retention(days=0 if "days" in values else 7, mebibytes=1024 if "mebibytes" in values else 7)


def test_a_retention_survives_the_config_file_and_a_missing_one_is_the_usual():
    kept_so = Retention(days=1.5, mebibytes=10)
    assert read_retention(kept_so.to_json()) == kept_so
    assert read_retention(None) == read_retention({}) == Retention(days=0, mebibytes=1024)
    assert Retention().changed({"days": 3}) == Retention(days=3)
    with pytest.raises(ConfigError, match="years"):
        Retention().changed({"years": 3})


def test_reading_goes_before_writing():
    with living(timing=Timing(delay=60)) as now:
        now.put(message(1))
        assert page(now.history) == ([], False)
        now.flush()
        assert page(now.history) == (["1"], False)


def test_the_thread_ends_when_the_history_is_closed():
    with living() as now:
        thread = now.history._writer._thread
        assert thread.daemon
    eventually(lambda: not thread.is_alive())
