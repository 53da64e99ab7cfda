from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from histories import chat

from ipymultichat.model import Entry
from ipymultichat.store.backlog import Backlog, Work


@pytest.fixture
def entries() -> dict[str, Entry]:
    """The messages in memory."""
    return {}


@pytest.fixture
def backlog(entries: dict[str, Entry]) -> Backlog:
    return Backlog(entries.get)


def test_messages_are_written_in_the_order_of_their_first_change_and_once(backlog: Backlog) -> None:
    for key in "bacab":
        backlog.touch(key)
    assert backlog.take(2) == Work(ids=("b", "a"))
    backlog.touch("b")
    assert backlog.holds("a")
    backlog.done((), ())
    assert not backlog.holds("a")
    assert backlog.take(9) == Work(ids=("c", "b"))


def test_what_could_not_be_written_comes_first_and_later_wishes_win(backlog: Backlog) -> None:
    backlog.touch("a")
    backlog.touch("b")
    backlog.rename("work", "Office")
    backlog.mark_read((5, 5), "", "")
    backlog.mark_read((3, 3), "work", "ada")
    backlog.clear()
    backlog.take(9)
    backlog.touch("c")
    backlog.rename("work", "Studio")
    backlog.mark_read((4, 4), "", "")
    backlog.mark_read((6, 6), "work", "ada")
    backlog.put_back()
    work = backlog.take(1)
    assert work.clear
    assert work.labels == {"work": "Studio"}
    assert work.read == {("", ""): (5, 5), ("work", "ada"): (6, 6)}
    assert work.ids == ("a", "b", "c")  # with a clear, all there are: those that left memory are to be deleted


def test_messages_that_could_not_be_written_are_taken_again_before_newer_ones(backlog: Backlog) -> None:
    for key in "ab":
        backlog.touch(key)
    backlog.take(1)
    backlog.put_back()
    assert backlog.take(9).ids == ("a", "b")


def test_nothing_is_left_once_everything_is_written_and_losses_are_told(backlog: Backlog) -> None:
    assert backlog.empty()
    backlog.touch("a")
    assert not backlog.empty()
    assert backlog.take(1) == Work(ids=("a",))
    assert backlog.left() == 1
    backlog.done(["a"], ())
    assert not backlog.empty()  # the loss is still to be told
    assert backlog.take(1) == Work(lost=1)
    backlog.put_back()
    assert backlog.take(1).lost == 1
    backlog.done((), ())
    assert backlog.empty()


def test_losses_are_told_when_no_more_can_follow(backlog: Backlog) -> None:
    for key in "abc":
        backlog.touch(key)
    for _ in range(3):
        assert backlog.take(1).lost == 0
        backlog.done(["gone"], ())
    assert backlog.take(1).lost == 3


def test_what_is_cleared_while_it_is_being_written_is_no_loss_and_leaves_the_file(backlog: Backlog) -> None:
    backlog.touch("a")
    backlog.take(9)
    backlog.clear()
    backlog.done(["a"], ())
    backlog.touch("b")
    assert backlog.take(1) == Work(ids=("a", "b"), clear=True)
    backlog.done(["a", "b"], ())
    assert backlog.empty()


def test_what_has_another_order_in_the_file_is_written_again_when_it_is_seen(
    backlog: Backlog, entries: dict[str, Entry]
) -> None:
    seen = entries["b"] = Entry((1, 1), chat(1), unread=False)
    moved = entries["a"] = Entry((1, 1), chat(1, id="a"), unread=True)
    backlog.touch("a")
    backlog.take(9)
    backlog.done((), [moved, seen])
    backlog.mark_read((2, 2), "", "")
    assert backlog.take(9).ids == ("a",)
    backlog.done((), ())
    backlog.mark_read((3, 3), "", "")
    assert backlog.take(9).ids == ()


def test_living_messages_are_copied_and_those_that_left_memory_named(
    backlog: Backlog, entries: dict[str, Entry]
) -> None:
    entries["a"] = Entry((1, 1), chat(1), unread=True)
    found, missing = backlog.living(["a", "b"])
    entries["a"].unread = False
    assert found == [Entry((1, 1), chat(1), unread=True)]
    assert missing == ("b",)


def test_a_disk_that_hangs_costs_no_more_memory_than_the_messages_there_are(entries: dict[str, Entry]) -> None:
    backlog = Backlog(entries.get, crowded=100)
    for number in range(5_000):
        entries[str(number)] = Entry((number, 0), chat(number), unread=True)
        entries.pop(str(number - 50), None)
        backlog.touch(str(number))
    assert backlog.left() <= 200
    work = backlog.take(9_999)
    assert set(entries) <= set(work.ids)
    assert len(work.ids) + work.lost == 5_000


def test_a_crowd_of_living_messages_is_kept_whole(entries: dict[str, Entry]) -> None:
    backlog = Backlog(entries.get, crowded=10)
    for number in range(100):
        entries[str(number)] = Entry((number, 0), chat(number), unread=True)
        backlog.touch(str(number))
    assert set(backlog.take(999).ids) == set(entries)


def test_who_answers_for_a_message_may_wait_for_somebody_who_uses_the_backlog() -> None:
    """No lock is held meanwhile: otherwise the two would wait for each other for ever."""
    asked: list[str] = []

    def entry(message_id: str) -> Entry | None:
        asked.append(message_id)
        other = threading.Thread(target=crowd.holds, args=("a",))
        other.start()
        other.join(10)
        assert not other.is_alive()
        return None

    crowd = Backlog(entry, crowded=1)
    crowd.touch("a")
    crowd.touch("b")
    assert asked == ["a", "b"]
    crowd.living(["c"])
    assert asked == ["a", "b", "c"]


@pytest.mark.parametrize(
    "say",
    [
        lambda backlog: backlog.touch("a"),
        lambda backlog: backlog.mark_read((1, 1), "", ""),
        lambda backlog: backlog.rename("work", "Office"),
        lambda backlog: backlog.clear(),
    ],
)
def test_nothing_is_collected_where_nothing_will_be_written(backlog: Backlog, say: Callable[[Backlog], None]) -> None:
    backlog.accepting = False
    say(backlog)
    assert backlog.empty()
    backlog.accepting = True
    say(backlog)
    assert not backlog.empty()
