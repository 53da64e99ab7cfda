"""A session in the hands of a mad server, a mad network and a mad person."""

# mypy: disable-error-code="union-attr"

from __future__ import annotations

from collections import Counter
from typing import Any

from effort import effort
from frames import ask, login, pending, users
from frames_of_any_kind import IDS, PEOPLE, TEXT, anything, plausible
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ipymultichat.errors import EncodeError
from ipymultichat.model import Secret, TextContent
from ipymultichat.session import Phase, Session
from ipymultichat.session import events as s
from ipymultichat.wire import agentassist_pb2 as pb

NOTHING: Any = ("question", "", (), None, "", "", "", "")


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.session = Session()
        self.now = 1000.0
        self.open = False
        self.asked: dict[str, Any] = {}
        self.asked_for: Any = Counter()
        self.ended: Any = Counter()
        self.chats: Any = Counter()
        self.chats_ended: Any = Counter()
        self.sent_here: Any = set()
        self.unanswered = 0

    def collect(self) -> None:
        for raw in self.session.take_frames():
            assert self.open, "sent something without a connection"
            frame = pb.WebsocketMessage.FromString(raw)
            if frame.Cmd == "AskQuestionReply":
                first = self.session._replies._queue[0]
                assert first.request.request_id == frame.AskQuestionRequest.ID, "not the one whose turn it is"
                self.sent_here.add(frame.AskQuestionResponse.contents[0].text.text)
        for event in self.session.take_events():
            listed = event.requests if isinstance(event, s.PendingListed) else ()
            for request in (event.request,) if isinstance(event, (s.RequestArrived, s.StillPending)) else listed:
                self.asked[request.request_id] = request.asked
            if isinstance(event, s.ReplyVerified):
                assert event.contents[0].text in self.sent_here, "claimed without having been sent on this connection"
            if isinstance(event, (s.ReplyVerified, s.ReplyFailed)):
                self.ended[event.contents[0].text] += 1
                assert isinstance(event, s.ReplyVerified) or event.reason
            if isinstance(event, (s.ChatSent, s.ChatFailed)):
                self.chats_ended[event.ref] += 1

    def replies_on_their_way(self) -> Any:
        replies = self.session._replies
        return len(replies._queue) + len(replies._proving) + len(self.session._early)

    @precondition(lambda self: not self.open)
    @rule(lucky=st.booleans())
    def connect(self, lucky: Any) -> None:
        self.open = True
        self.sent_here.clear()
        self.session.connected(Secret("tok"), "me", self.now)
        self.collect()
        if lucky:
            for raw in (login(), pending(ask("q1"), ask("q2")), users(("ada-1", "ada"))):
                self.session.receive(raw, self.now)
                self.collect()

    @precondition(lambda self: self.open)
    @rule()
    def disconnect(self) -> None:
        self.session.disconnected(self.now)
        self.open = False
        self.collect()

    @precondition(lambda self: self.open)
    @rule(raw=anything)
    def receive(self, raw: Any) -> None:
        self.session.receive(raw, self.now)
        self.collect()

    @precondition(lambda self: self.open)
    @rule(raws=st.lists(plausible, min_size=2, max_size=5))
    def receive_a_burst(self, raws: Any) -> None:
        for raw in raws:
            self.session.receive(raw, self.now)
        self.collect()

    @precondition(lambda self: self.open)
    @rule()
    def receive_text(self) -> None:
        self.session.receive("text", self.now)
        self.collect()

    @rule(seconds=st.sampled_from([0, 0.01, 0.06, 0.11, 0.6, 5, 11, 100]))
    def wait(self, seconds: Any) -> None:
        end = self.now + seconds
        rounds = 0
        while (due := self.session.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.session.tick(self.now)
            self.collect()
            rounds += 1
            assert rounds < 1000, "timers that never come to an end"
        self.now = end

    @rule(request_id=IDS)
    def reply(self, request_id: Any) -> None:
        text = f"reply {sum(self.asked_for.values())}"
        self.asked_for[text] += 1
        self.session.reply(request_id, (TextContent(text),), self.asked.get(request_id, NOTHING), self.now)
        self.collect()

    @rule(who=PEOPLE, text=st.one_of(TEXT, st.just("\ud800")))
    def send_chat(self, who: Any, text: Any) -> None:
        ref = f"chat {sum(self.chats.values())}"
        self.chats[ref] += 1
        self.session.send_chat(ref, who[0], who[1], text, self.now)
        self.collect()

    @rule(request_id=IDS)
    def verify(self, request_id: Any) -> None:
        self.session.verify(request_id, self.now)
        self.collect()

    @rule(request_id=IDS)
    def give_up(self, request_id: Any) -> None:
        self.session.give_up(request_id, "enough", self.now)
        self.collect()

    @rule(name=st.sampled_from(["me", "you", "\ud800"]))
    def rename(self, name: Any) -> None:
        try:
            self.session.rename(name)
        except EncodeError:
            assert name == "\ud800"
            self.session.rename("me")
        self.collect()

    @rule()
    def abandon(self) -> None:
        self.session.abandon("removed")
        self.collect()

    @invariant()
    def every_reply_ends_once_or_is_still_on_its_way(self) -> None:
        assert all(times == 1 for times in self.ended.values())
        assert sum(self.asked_for.values()) == sum(self.ended.values()) + self.replies_on_their_way()

    @invariant()
    def every_chat_message_ends_once_or_is_still_on_its_way(self) -> None:
        assert all(times == 1 for times in self.chats_ended.values())
        assert sum(self.chats.values()) == sum(self.chats_ended.values()) + len(self.session._chats._queue)

    @invariant()
    def what_is_on_its_way_moves(self) -> None:
        replies = self.session._replies
        if self.session.phase is Phase.READY and replies._queue:
            assert replies._running
            assert self.session.next_deadline() is not None, "nothing would ever happen again"
        if self.session.phase is Phase.CLOSED:
            assert not self.session._users
            assert not replies._proving

    def teardown(self) -> None:
        if self.open and self.session.phase is Phase.READY:
            # Replies take their turns, so the whole wait grows with their number, the wait for each does not.
            while before := self.replies_on_their_way():
                self.wait(60)
                assert self.replies_on_their_way() < before, "a silent server must end every wait"
            self.wait(60)
            assert not self.session._chats._queue


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = effort(120, stateful_step_count=50)
