from threading import Condition

import pytest
from histories import chat

from ipymultichat.model import Entry
from ipymultichat.store.backlog import Backlog, Work


@pytest.fixture
def entries():
    return {}


@pytest.fixture
def backlog(entries):
    return Backlog(entries.get, Condition())


def test_messages_are_written_in_the_order_of_their_first_change_and_once(backlog):
    for key in "bacab":
        backlog.touch(key)
    assert backlog.take(2) == Work(ids=("b", "a"))
    backlog.touch("b")
    assert backlog.holds("a")
    backlog.done((), ())
    assert not backlog.holds("a")
    assert backlog.take(9) == Work(ids=("c", "b"))


def test_what_could_not_be_written_comes_first_and_later_wishes_win(backlog):
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
    work = backlog.take(9)
    assert work.clear
    assert work.labels == {"work": "Studio"}
    assert work.read == {("", ""): (5, 5), ("work", "ada"): (6, 6)}
    assert work.ids == ("c",)


def test_messages_that_could_not_be_written_are_taken_again_before_newer_ones(backlog, entries):
    for key in "ab":
        backlog.touch(key)
    backlog.take(1)
    backlog.put_back()
    assert backlog.take(9).ids == ("a", "b")


def test_nothing_is_left_once_everything_is_written_and_losses_are_told(backlog):
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


def test_losses_are_told_when_no_more_can_follow(backlog):
    for key in "abc":
        backlog.touch(key)
    for _ in range(3):
        assert backlog.take(1).lost == 0
        backlog.done(["gone"], ())
    assert backlog.take(1).lost == 3


def test_what_is_cleared_while_it_is_being_written_is_no_loss_and_leaves_the_file(backlog):
    backlog.touch("a")
    backlog.take(9)
    backlog.clear()
    backlog.done(["a"], ())
    backlog.touch("b")
    assert backlog.take(9) == Work(ids=("b",), clear=True, gone=("a",))
    backlog.done(["b"], ())
    assert backlog.empty()


def test_what_stands_elsewhere_in_the_file_is_written_again_when_it_is_seen(backlog, entries):
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
