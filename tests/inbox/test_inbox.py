from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ipymultichat.errors import TransitionError, UnknownMessageError
from ipymultichat.inbox import Inbox
from ipymultichat.model import Message, MessageFilter, MessageKind, MessageStatus

NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


def message(
    key: Any,
    seconds: Any = 0.0,
    *,
    kind: Any = MessageKind.QUESTION,
    status: Any = MessageStatus.PENDING,
    server: str = "s1",
    live: Any = True,
) -> Any:
    return Message(
        id=key,
        kind=kind,
        server_id=server,
        server_name=server.upper(),
        request_id=key,
        text=f"text of {key}",
        created_at=NOW + timedelta(seconds=seconds),
        status=status,
        live=live,
    )


def fill(inbox: Inbox, *messages: Any, received: Any = 0.0) -> None:
    for item in messages:
        inbox.add(item, received_at=NOW + timedelta(seconds=received))


def ids(messages: Any) -> Any:
    return [item.id for item in messages]


@pytest.fixture
def inbox() -> Any:
    return Inbox()


def test_messages_stand_in_order_of_time_whatever_the_order_of_arrival(inbox: Inbox) -> None:
    fill(inbox, message("b", 2), message("c", 3), message("a", 1))
    assert ids(inbox.snapshot()) == ["a", "b", "c"]


def test_messages_of_the_same_moment_keep_their_order_of_arrival(inbox: Inbox) -> None:
    fill(inbox, *(message(f"m{number}") for number in range(5)))
    assert ids(inbox.snapshot()) == ["m0", "m1", "m2", "m3", "m4"]


def test_an_id_stands_in_the_log_once(inbox: Inbox) -> None:
    fill(inbox, message("a"))
    assert inbox.add(message("a", 9), received_at=NOW) is False
    assert len(inbox) == 1


@pytest.mark.parametrize("skew", [-3600, 3600])
def test_a_pushed_message_of_a_server_with_a_wrong_clock_is_found_at_the_end(inbox: Inbox, skew: Any) -> None:
    fill(inbox, message("a", 0))
    fill(inbox, message("b", skew), received=1)
    fill(inbox, message("c", 2), received=2)
    assert ids(inbox.snapshot()) == ["a", "b", "c"]


def test_a_message_found_in_a_list_keeps_its_time(inbox: Inbox) -> None:
    fill(inbox, message("new", 0), message("old", -3600, live=False))
    assert ids(inbox.snapshot()) == ["old", "new"]


def test_counts_follow_the_statuses(inbox: Inbox) -> None:
    fill(inbox, message("a"), message("b"), message("c", kind=MessageKind.CHAT, status=MessageStatus.RECEIVED))
    assert (inbox.pending_count, inbox.unread_count) == (2, 3)
    inbox.move("a", MessageStatus.REPLIED)
    assert inbox.pending_count == 1
    assert [entry.message.id for entry in inbox.open_requests(9)] == ["b"]


def test_a_failed_chat_message_does_not_wait_for_an_answer(inbox: Inbox) -> None:
    fill(inbox, message("c", kind=MessageKind.CHAT, status=MessageStatus.FAILED))
    assert inbox.open_requests(9) == []


def test_a_status_that_does_not_follow_is_refused_and_nothing_changes(inbox: Inbox) -> None:
    fill(inbox, message("a"))
    with pytest.raises(TransitionError, match="pending cannot become failed"):
        inbox.move("a", MessageStatus.FAILED)
    assert inbox.get("a").status == "pending"
    assert inbox.move("nothing", MessageStatus.SENDING) is None


def test_every_change_is_told_once_with_the_id() -> None:
    told: list[str] = []
    inbox = Inbox(changed=told.append)
    fill(inbox, message("a"), message("b"))
    inbox.move("a", MessageStatus.SENDING)
    inbox.move("b", MessageStatus.SENDING, error="why")
    inbox.move("nothing", MessageStatus.SENDING, error="why")
    assert told == ["a", "b", "a", "b"]


def test_unread_chat_is_counted_for_each_person_as_it_comes_and_is_read(inbox: Inbox) -> None:
    for number in range(3):
        item = replace(
            message(f"c{number}", number, kind=MessageKind.CHAT, status=MessageStatus.RECEIVED), sender="ada"
        )
        fill(inbox, item)
    assert [(talk.nickname, talk.unread) for talk in inbox.conversations()] == [("ada", 3)]
    inbox.mark_read(inbox.peek("c1").order, MessageFilter(peer="ada", server_id="s1"))
    assert [(talk.nickname, talk.unread) for talk in inbox.conversations()] == [("ada", 1)]
    version = inbox.conversations_version
    fill(inbox, message("q", 9))
    assert inbox.conversations_version == version


def test_reading_up_to_a_place_leaves_the_rest_unread(inbox: Inbox) -> None:
    fill(inbox, message("a", 1), message("b", 2), message("c", 3))
    assert inbox.mark_read(inbox.peek("b").order, MessageFilter()) == 2
    assert inbox.unread_count == 1
    assert inbox.mark_read(inbox.peek("b").order, MessageFilter()) == 0


def test_pages_walk_the_log_from_the_end_without_gap_or_overlap(inbox: Inbox) -> None:
    fill(inbox, *(message(f"{number:02}", number, live=False) for number in range(25)))
    seen: list[str] = []
    before, more = None, True
    while more:
        entries, more = inbox.page(before, 10, MessageFilter())
        seen = [entry.message.id for entry in entries] + seen
        before = entries[0].order
    assert seen == [f"{number:02}" for number in range(25)]


def test_a_page_holds_only_what_fits_and_knows_whether_more_of_it_exists(inbox: Inbox) -> None:
    fill(inbox, *(message(f"{number}", number, server=f"s{number % 2}", live=False) for number in range(10)))
    entries, more = inbox.page(None, 3, MessageFilter(server_id="s0"))
    assert (ids(entry.message for entry in entries), more) == (["4", "6", "8"], True)
    _, more = inbox.page(entries[0].order, 3, MessageFilter(server_id="s0"))
    assert more is False


def test_a_renamed_server_is_renamed_on_every_message(inbox: Inbox) -> None:
    fill(inbox, message("a"), message("b", server="s2"))
    inbox.rename("s1", "Work")
    assert [item.server_name for item in inbox.snapshot()] == ["Work", "S2"]


def test_an_unknown_message_raises_by_name(inbox: Inbox) -> None:
    with pytest.raises(UnknownMessageError, match="nothing"):
        inbox.get("nothing")
