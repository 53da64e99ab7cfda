"""Session events in any order, from two servers, against one inbox."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from effort import effort
from frames_of_any_kind import IDS, PEOPLE
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ipymultichat.errors import DeliveryError
from ipymultichat.hub.inbound import Inbound
from ipymultichat.hub.loop import KernelLoop
from ipymultichat.hub.messages import Messages
from ipymultichat.hub.settings import Given, SettingsInUse
from ipymultichat.inbox import Inbox
from ipymultichat.model import MessageKind, OnlineUser, ServerConfig, TextContent
from ipymultichat.session import events as s
from ipymultichat.store import MEMORY, ConfigFile
from ipymultichat.wire.events import ChatReceived, Request, RequestAnswered, User

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
SERVERS = st.sampled_from(["a", "b"])
requests = st.builds(
    lambda key, kind, text, at: Request(kind, key, text, 600, START + timedelta(seconds=at)),
    IDS,
    st.sampled_from([MessageKind.QUESTION, MessageKind.REPORT]),
    st.sampled_from(["one", "two"]),
    st.integers(0, 3),
)
contents = st.just((TextContent("x"),))
answers = st.builds(RequestAnswered, st.just(MessageKind.QUESTION), IDS, st.sampled_from(["bob", ""]), contents)
people = st.builds(lambda who: User(*who), PEOPLE)
chats = st.builds(
    lambda key, who, at: ChatReceived(key, who[0], who[1], "me-1", "me", "hi", START + timedelta(seconds=at)),
    st.sampled_from(["c1", "c2", ""]),
    PEOPLE,
    st.integers(-9, 9),
)
events = st.one_of(
    st.builds(s.RequestArrived, requests),
    st.builds(s.StillPending, requests),
    st.builds(s.PendingListed, st.lists(requests, max_size=3).map(tuple), st.frozensets(IDS, max_size=2)),
    st.builds(s.AnsweredElsewhere, answers),
    st.builds(s.Gone, IDS),
    st.builds(s.Withdrawn, IDS, st.sampled_from(["Request timed out", ""])),
    st.builds(s.ChatArrived, chats),
    st.builds(s.UsersListed, st.lists(people, max_size=3).map(tuple)),
    st.builds(s.UserChanged, people, st.booleans()),
    st.builds(s.LoggedIn, st.just("me-1")),
    st.just(s.Resynced()),
    st.just(s.Overdue()),
    st.builds(s.Trouble, st.just("odd")),
)
outcomes = st.one_of(
    st.builds(s.ReplyVerified, IDS, contents),
    st.builds(
        s.ReplyFailed,
        IDS,
        contents,
        st.just("why"),
        st.none() | answers,
        st.none() | st.just("left"),
        gone=st.booleans(),
    ),
)


class Nowhere:
    """Connections that deliver nothing by themselves."""

    loop = KernelLoop(lambda: None)

    def act(self, *_command: Any) -> None:
        """Sessions report what came of it, see the rules below."""


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.changed: set[str] = set()
        self.inbox = Inbox(changed=self.changed.add)
        self.deliveries: dict[str, Any] = {}
        self.arrived: list[Any] = []
        servers = [ServerConfig(key, f"label {key}", f"ws://{key}") for key in "ab"]
        settings = SettingsInUse(
            Given(servers=tuple(servers), nickname="me"),
            ConfigFile(MEMORY, changed=lambda _now: None, trouble=lambda _text: None),
        )
        self.messages = Messages(
            self.inbox,
            cast("Any", Nowhere()),
            settings,
            lock=contextlib.nullcontext(),
            check_open=lambda: None,
            users=lambda: [OnlineUser("ada-1", "ada", key, key) for key in "ab"],
            clock=lambda: self.now,
        )
        self.inbound = Inbound(
            self.inbox,
            self.messages,
            settings,
            clock=lambda: self.now,
            users_changed=lambda: None,
            arrived=self.arrived.append,
            resume=self.arrived.append,
            trouble=lambda _text: None,
        )

    def apply(self, server_id: Any, event: Any) -> None:
        before = {message.id: message for message in self.inbox.snapshot()}
        users = dict(self.inbound.users.get("b" if server_id == "a" else "a", {}))
        self.changed.clear()
        handler = Inbound.handlers.get(type(event))
        if handler is not None:
            handler(self.inbound, server_id, event)
        after = {message.id: message for message in self.inbox.snapshot()}
        assert before.keys() <= after.keys()
        differing = {key for key in after if after[key] != before.get(key)}
        assert differing <= self.changed, "a change that nobody was told of"
        assert all(after[key].server_id == server_id for key in differing), "one server's event changed another's entry"
        assert users == self.inbound.users.get("b" if server_id == "a" else "a", {})

    @rule(server_id=SERVERS, event=events)
    def event(self, server_id: Any, event: Any) -> None:
        self.apply(server_id, event)

    @rule(server_id=SERVERS, event=outcomes)
    def outcome(self, server_id: Any, event: Any) -> None:
        """Sessions report outcomes only of replies that were given to them."""
        message = self.inbound._find(server_id, event.request_id)
        if message is not None and message.status == "sending":
            self.apply(server_id, event)
            assert self.deliveries[message.id].done()

    @rule(data=st.data())
    def reply(self, data: Any) -> None:
        answerable = [message for message in self.inbox.snapshot() if message.answerable]
        if answerable:
            message = data.draw(st.sampled_from(answerable))
            self.deliveries[message.id] = self.messages.reply(message, (TextContent("mine"),))

    @rule(data=st.data())
    def discard(self, data: Any) -> None:
        failed = [message for message in self.inbox.snapshot() if message.status in ("failed", "pending")]
        if failed:
            message = self.messages.discard(data.draw(st.sampled_from(failed)))
            assert (message.status, message.open) == ("cancelled", False)

    @rule(server_id=SERVERS, well=st.booleans())
    def chat(self, server_id: Any, well: Any) -> None:
        delivery = self.messages.send(OnlineUser("ada-1", "ada", server_id, server_id), "hi")
        event = s.ChatSent(delivery.message_id) if well else s.ChatFailed(delivery.message_id, "left")
        self.apply(server_id, event)
        assert delivery.done()

    @rule(seconds=st.sampled_from([0, 1, 599, 601]))
    def wait(self, seconds: Any) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def what_is_on_its_way_is_shown_so_and_what_is_settled_too(self) -> None:
        for message in self.inbox.snapshot():
            delivery = self.deliveries.get(message.id)
            if message.kind != "chat" and message.status == "sending":
                assert delivery is not None
                assert not delivery.done()
            if delivery is not None and delivery.done():
                error = delivery._outcome.exception()
                assert error.reason if isinstance(error, DeliveryError) else delivery.result(0).reply.mine

    @invariant()
    def each_waiting_request_stands_there_once(self) -> None:
        waiting = [(m.server_id, m.request_id) for m in self.inbox.snapshot() if m.status == "pending"]
        assert len(waiting) == len(set(waiting))

    @invariant()
    def nothing_arrives_twice(self) -> None:
        ids = [message.id for message in self.arrived]
        assert len(ids) == len(set(ids))


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = effort(120, stateful_step_count=40)
