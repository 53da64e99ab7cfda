"""How requests end: each as what it is, with the person's text kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, cast

import pytest
from inboxes import MakeChat, hub_of

from ipymultichat.errors import DeliveryError, NotAnswerableError
from ipymultichat.hub import Chat, Delivery
from ipymultichat.model import Message, MessageKind, TextContent
from ipymultichat.session import events as s
from ipymultichat.wire.events import ChatReceived, Request, RequestAnswered, User

NOW = datetime.now(timezone.utc)
MINE = (TextContent("my answer"),)


class Reported:
    """An inbox whose one server says what a test tells it to."""

    delivery: Delivery

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.server_id = chat.servers[0].id

    def report(self, *events: s.SessionEvent) -> None:
        for event in events:
            hub_of(self.chat).on_event(self.server_id, event)

    def ask(self, request_id: str = "q", *, timeout: int = 600, text: str = "Deploy?") -> Request:
        request = Request(
            MessageKind.QUESTION, request_id, text, timeout, datetime.now(timezone.utc) - timedelta(seconds=5)
        )
        self.report(s.RequestArrived(request))
        return request

    @property
    def message(self) -> Message:
        return self.chat.messages[-1]


@pytest.fixture
async def inbox(make_chat: Callable[..., Chat]) -> Reported:
    return Reported(make_chat({"url": "ws://127.0.0.1:9", "name": "Work"}))


@pytest.fixture
async def replying(inbox: Reported, monkeypatch: pytest.MonkeyPatch) -> Reported:
    """A question whose answer is on its way."""
    monkeypatch.setattr(hub_of(inbox.chat).connections, "act", lambda *_command: None)
    inbox.ask()
    inbox.delivery = inbox.chat.reply(inbox.message, "my answer")
    assert inbox.message.status == "sending"
    return inbox


@pytest.mark.parametrize(
    ("outcome", "timeout", "status"),
    [
        ({"gone": True}, 600, "cancelled"),
        ({"gone": True}, 1, "expired"),
        ({"withdrawn": "hung up", "gone": True}, 600, "cancelled"),
        ({"withdrawn": "timeout", "gone": True}, 1, "expired"),
        ({"rival": RequestAnswered(MessageKind.QUESTION, "q", "bob", MINE), "gone": True}, 600, "replied"),
        ({}, 1, "expired"),
        ({}, 600, "failed"),
    ],
)
async def test_a_reply_to_a_request_that_is_gone_ends_as_what_it_is_with_the_text_kept(
    inbox: Any, monkeypatch: pytest.MonkeyPatch, outcome: Any, timeout: Any, status: Any
) -> None:
    monkeypatch.setattr(hub_of(inbox.chat).connections, "act", lambda *_command: None)
    inbox.ask(timeout=timeout)
    delivery = inbox.chat.reply(inbox.message, "my answer")
    inbox.report(s.ReplyFailed("q", MINE, "why", **outcome))
    assert (inbox.message.status, inbox.message.draft, inbox.message.error) == (status, MINE, "why")
    assert inbox.message.open == (status == "failed")
    with pytest.raises(DeliveryError, match="why"):
        await delivery


async def test_a_failed_one_that_the_server_lists_no_more_is_over_and_its_text_stays(replying: Any) -> None:
    replying.report(s.ReplyFailed("q", MINE, "the server does not answer whether it arrived"))
    assert replying.message.status == "failed"
    replying.report(s.PendingListed((), frozenset()))
    assert (replying.message.status, replying.message.draft) == ("cancelled", MINE)
    assert not replying.message.answerable


async def test_a_failed_one_that_the_server_still_lists_can_be_tried_again(replying: Any) -> None:
    replying.report(s.ReplyFailed("q", MINE, "why"))
    replying.report(s.PendingListed((Request(MessageKind.QUESTION, "q", "Deploy?", 600, None),), frozenset({"q"})))
    assert replying.message.answerable
    replying.chat.reply(replying.message, "again")
    assert replying.message.status == "sending"


async def test_what_is_put_away_leaves_the_pending_list_with_its_text_and_does_not_come_back(replying: Any) -> None:
    replying.report(s.ReplyFailed("q", MINE, "why"))
    put_away = replying.chat.discard(replying.message)
    assert (put_away.status, put_away.draft, put_away.error) == ("cancelled", MINE, "put away by you; why")
    replying.report(s.PendingListed((Request(MessageKind.QUESTION, "q", "Deploy?", 600, None),), frozenset({"q"})))
    assert replying.message.status == "cancelled"
    with pytest.raises(NotAnswerableError, match="nothing to put away: it is cancelled"):
        replying.chat.discard(replying.message)


async def test_what_waits_can_be_put_away_and_what_is_on_its_way_cannot(
    inbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_of(inbox.chat).connections, "act", lambda *_command: None)
    inbox.ask("one")
    assert inbox.chat.discard(inbox.message).status == "cancelled"
    inbox.ask("two")
    inbox.chat.reply(inbox.message, "yes")
    with pytest.raises(NotAnswerableError, match="on its way"):
        inbox.chat.discard(inbox.message.id)


async def test_a_failed_chat_message_can_be_put_away(inbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_of(inbox.chat).connections, "act", lambda *_command: None)
    inbox.report(s.UsersListed(()))
    inbox.report(s.ChatArrived(ChatReceived("c1", "id-1", "ada", "me-1", "me", "hi", NOW)))
    delivery = inbox.chat.send("ada@Work", "lunch?")
    inbox.report(s.ChatFailed(delivery.message_id, "ada is not online"))
    assert inbox.chat.discard(delivery.message_id).status == "cancelled"
    with pytest.raises(DeliveryError):
        await delivery


async def test_two_who_answer_at_the_same_moment_have_the_same_in_their_logs(
    make_chat: MakeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    answers = {"ada": (TextContent("yes"),), "bob": (TextContent("no"),)}
    for me, other in (("ada", "bob"), ("bob", "ada")):
        inbox = Reported(make_chat({"url": "ws://127.0.0.1:9", "name": "Work"}, nickname=me))
        monkeypatch.setattr(hub_of(inbox.chat).connections, "act", lambda *_command: None)
        inbox.ask()
        inbox.chat.reply(inbox.message, *answers[me])
        rival = RequestAnswered(MessageKind.QUESTION, "q", other, answers[other])
        inbox.report(s.ReplyFailed("q", answers[me], f"by you and {other}", rival, gone=True, undecided=True))
        message = inbox.message
        assert (message.status, message.error, message.draft) == ("replied", f"by you and {other}", answers[me])
        assert message.reply is not None
        assert not message.reply.mine
        told.append((message.reply.by, message.reply.text))
    assert told == [("ada, bob", "ada:\nyes\nbob:\nno")] * 2


async def test_a_chat_message_with_a_known_id_and_another_text_or_sender_is_another_message(inbox: Reported) -> None:
    for sender, text in (("ada", "hi"), ("ada", "hi"), ("ada", "and more"), ("bob", "hi")):
        inbox.report(s.ChatArrived(ChatReceived("c1", f"{sender}-1", sender, "me-1", "me", text, NOW)))
    assert [(message.sender, message.text) for message in inbox.chat.messages] == [
        ("ada", "hi"),
        ("ada", "and more"),
        ("bob", "hi"),
    ]


async def test_a_question_that_is_gone_without_a_word_is_gone_and_not_answered(inbox: Reported) -> None:
    inbox.ask()
    inbox.report(s.PendingListed((), frozenset()))
    assert (inbox.message.status, inbox.message.reply) == ("cancelled", None)
    assert "answered elsewhere, or given up" in inbox.message.error


async def test_a_list_in_parts_ends_nothing_before_its_end(inbox: Reported) -> None:
    inbox.ask("old")
    inbox.ask("q2")
    first = Request(MessageKind.QUESTION, "q1", "One?", 600, None)
    inbox.report(s.PendingListed((first,), None))
    assert {message.request_id for message in inbox.chat.messages.pending} == {"old", "q1", "q2"}
    inbox.report(s.PendingListed((), frozenset({"q1", "q2"})))
    assert {message.request_id for message in inbox.chat.messages.pending} == {"q1", "q2"}


async def test_a_list_of_people_in_parts_replaces_the_one_before_at_its_end(inbox: Reported) -> None:
    inbox.report(s.UsersListed((User("1", "ada"),)))
    inbox.report(s.UsersListed((User("2", "bob"),), last=False))
    assert [user.nickname for user in inbox.chat.users] == ["ada"]
    inbox.report(s.UsersListed((User("3", "cyd"),)))
    assert [user.nickname for user in inbox.chat.users] == ["bob", "cyd"]


@pytest.mark.parametrize("listed", [True, False])
async def test_another_question_under_a_known_id_ends_the_old_one_and_is_shown_as_its_own(
    inbox: Reported, listed: bool
) -> None:
    old = inbox.ask("q", text="Delete the temporary files?")
    new = replace(old, text="Delete the PRODUCTION database?")
    inbox.report(s.PendingListed((new,), frozenset({"q"})) if listed else s.RequestArrived(new))
    first, second = sorted(inbox.chat.messages, key=lambda message: message.text, reverse=True)
    assert (first.text, first.status) == ("Delete the temporary files?", "cancelled")
    assert "something else under the same id" in first.error
    assert (second.text, second.status) == ("Delete the PRODUCTION database?", "pending")
    with pytest.raises(NotAnswerableError, match="cancelled"):
        inbox.chat.reply(first, "yes, delete")


async def test_an_answer_on_its_way_to_a_question_that_is_replaced_ends_with_its_text_kept(replying: Reported) -> None:
    replying.report(s.StillPending(Request(MessageKind.QUESTION, "q", "Something else?", 600, None)))
    first, second = replying.chat.messages
    assert (first.status, first.draft, second.status) == ("cancelled", MINE, "pending")
    with pytest.raises(DeliveryError, match="something else under the same id"):
        await replying.delivery


async def test_an_event_that_cannot_be_applied_is_logged_and_shown_and_changes_nothing(
    inbox: Any, caplog: pytest.LogCaptureFixture
) -> None:
    inbox.ask()
    hub_of(inbox.chat).on_event(
        inbox.server_id, s.ReplyVerified("q", cast("Any", None))
    )  # no contents: no session says so
    assert inbox.chat.notices == ("Work: something unexpected came in; see the log",)
    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]
    assert inbox.message.status == "pending"


async def test_every_move_is_logged_with_the_servers_label_and_never_with_a_text(
    replying: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", "ipymultichat"):
        replying.report(s.ReplyVerified("q", MINE))
    (line,) = [r.getMessage() for r in caplog.records if r.name == "ipymultichat.messages"]
    assert line.startswith("Work: question ")
    assert line.endswith("sending → replied")
    assert "my answer" not in caplog.text
    assert "Deploy" not in caplog.text
    await replying.delivery
