"""Each fault of the real server on its own, in the core alone."""

import dataclasses
from collections.abc import Callable

import pytest
import server_core
from chat_person import question, text_part
from quirks import Quirks, QuirkyFaults

from ipymultichat.server import Limits
from ipymultichat.server.effects import Client, Drop, Effect, Finish, Send
from ipymultichat.server.tokens import Tokens
from ipymultichat.wire import agentassist_pb2 as pb


class Clock:
    now = 1_750_000_000.0

    def __call__(self) -> float:
        return self.now


class Core:
    """The state with faults around it, as the relay has them."""

    def __init__(self, clock: Callable[[], float], quirks: Quirks) -> None:
        self.state = server_core.Core(clock=clock, tokens=Tokens(), limits=Limits())
        self.faults = QuirkyFaults(quirks, clock)

    def receive(self, client: Client, frame: bytes) -> list[Effect]:
        return self.faults.distort(self.state, self.faults.receive(self.state, client, frame))

    def ask(self, *names: str) -> None:
        for name in names:
            self.state.open("AskQuestion", question(name))

    def expire(self, name: str) -> list[Effect]:
        return self.faults.distort(self.state, self.state.expire(name))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def say(core: Core, client: Client, message: pb.WebsocketMessage) -> list[Effect]:
    return core.receive(client, message.SerializeToString())


def join(core: Core, token: str = "team") -> Client:
    client = core.state.connect()
    say(core, client, pb.WebsocketMessage(Cmd="UserLogin", StrParam=token, Nickname="ada"))
    return client


def reply(core: Core, client: Client, request_id: str) -> list[Effect]:
    response = pb.AskQuestionResponse(ID=request_id, contents=[text_part("yes")])
    return say(
        core,
        client,
        pb.WebsocketMessage(
            Cmd="AskQuestionReply", AskQuestionRequest=question(request_id), AskQuestionResponse=response
        ),
    )


def message_in(effect: Effect) -> pb.WebsocketMessage:
    assert isinstance(effect, Send)
    return effect.message


def is_pending(core: Core, client: Client, request_id: str) -> bool:
    check = pb.CheckMessageValidityRequest(request_ids=[request_id])
    (effect,) = say(core, client, pb.WebsocketMessage(Cmd="CheckMessageValidity", CheckMessageValidityRequest=check))
    return message_in(effect).CheckMessageValidityResponse.validity[request_id]


def accepted(effects: list[Effect]) -> bool:
    return any(isinstance(effect, Finish) for effect in effects)


def audience(effects: list[Effect]) -> tuple[Client, ...]:
    (effect,) = [effect for effect in effects if isinstance(effect, Send)]
    return effect.to


def test_a_reply_soon_after_another_is_lost_though_announced(clock: Clock) -> None:
    core = Core(clock, Quirks(burst_loss=True))
    ada, bob = join(core), join(core)
    core.ask("q1", "q2", "q3")
    assert accepted(reply(core, ada, "q1"))
    clock.now += 0.019
    lost = reply(core, bob, "q2")
    assert not accepted(lost)
    assert audience(lost) == (ada,)
    assert is_pending(core, ada, "q2")
    clock.now += 0.002  # counted from the last one accepted, not from the one lost
    assert accepted(reply(core, bob, "q2"))


def test_an_answered_request_lingers(clock: Clock) -> None:
    core = Core(clock, Quirks(slow_drop=True))
    ada = join(core)
    core.ask("q1")
    assert accepted(reply(core, ada, "q1"))
    assert is_pending(core, ada, "q1")
    listing = pb.GetPendingMessagesRequest(user_token="team")
    (listed,) = say(core, ada, pb.WebsocketMessage(Cmd="GetPendingMessages", GetPendingMessagesRequest=listing))
    (item,) = message_in(listed).GetPendingMessagesResponse.pending_messages
    assert (item.ask_question_request.ID, item.message_type, item.timeout) == ("q1", "AskQuestion", 60)
    assert message_in(listed).GetPendingMessagesResponse.total_count == 1
    assert reply(core, ada, "q1") == []
    clock.now += 0.031
    assert not is_pending(core, ada, "q1")


def test_a_reply_without_response_cuts_the_client_off(clock: Clock) -> None:
    core = Core(clock, Quirks(crash_on_missing_response=True))
    ada = join(core)
    core.ask("q1")
    frame = pb.WebsocketMessage(Cmd="AskQuestionReply", AskQuestionRequest=question("q1"))
    assert say(core, ada, frame) == [Drop(ada)]


def test_everybody_hears_of_everything(clock: Clock) -> None:
    core = Core(clock, Quirks(leaks=True))
    ada, eve, silent = join(core), join(core, token="other"), core.state.connect()
    core.ask("q1", "q2", "q3")
    assert audience(reply(core, ada, "q1")) == (eve, silent)
    assert audience(core.expire("q2")) == (ada, eve, silent)
    assert is_pending(core, eve, "q3")
    assert not is_pending(core, eve, "q1")


def test_a_late_reply_is_announced(clock: Clock) -> None:
    core = Core(clock, Quirks(late_broadcast=True))
    ada, bob = join(core), join(core)
    effects = reply(core, ada, "ended")
    assert not accepted(effects)
    assert audience(effects) == (bob,)


def test_presence_comes_before_the_login_answer(clock: Clock) -> None:
    core = Core(clock, Quirks(early_presence=True))
    ada, bob = join(core), core.state.connect()
    first, second = say(core, bob, pb.WebsocketMessage(Cmd="UserLogin", StrParam="team", Nickname="bob"))[:2]
    assert audience([first]) == audience([second]) == (bob,)
    assert message_in(first).UserConnectionStatusNotification.user.client_id == ada.client_id
    assert message_in(second).Cmd == "UserLogin"


def test_users_are_not_told_on_the_empty_token(clock: Clock) -> None:
    core = Core(clock, Quirks(silent_users=True))
    assert say(core, join(core, token=""), pb.WebsocketMessage(Cmd="GetOnlineUsers")) == []
    asked = pb.GetOnlineUsersRequest(user_token="team")
    assert say(core, join(core), pb.WebsocketMessage(Cmd="GetOnlineUsers", GetOnlineUsersRequest=asked))


def test_a_malformed_frame_cuts_the_client_off(clock: Clock) -> None:
    core = Core(clock, Quirks(drop_malformed=True))
    ada = join(core)
    assert core.receive(ada, b"\xff") == [Drop(ada)]


def test_a_client_that_was_cut_off_says_nothing_any_more(clock: Clock) -> None:
    core = Core(clock, Quirks.all())
    ada = join(core)
    core.state.disconnect(ada)
    assert core.receive(ada, b"\xff") == []
    assert reply(core, ada, "q1") == []


def test_beyond_a_short_queue_chat_is_lost_and_all_else_cuts_off(clock: Clock) -> None:
    faults = QuirkyFaults(Quirks(short_queue=True), clock)
    chat, other = (Send((), pb.WebsocketMessage(Cmd=cmd)) for cmd in ("ChatMessageNotification", "AskQuestion"))
    assert [faults.room(each, 9) for each in (chat, other)] == ["queue", "queue"]
    assert [faults.room(each, 10) for each in (chat, other)] == ["lose", "cut off"]


def test_all_means_all_and_the_default_none() -> None:
    switches = [item.name for item in dataclasses.fields(Quirks) if item.default is False]
    assert len(switches) == 9
    assert all(getattr(Quirks.all(), name) for name in switches)
    assert not any(getattr(Quirks(), name) for name in switches)


def test_without_switches_it_behaves_like_the_honest_one(clock: Clock) -> None:
    core = Core(clock, Quirks())
    ada, eve = join(core), join(core, token="other")
    core.ask("q1", "q2")
    assert accepted(reply(core, ada, "q1"))
    assert accepted(reply(core, ada, "q2"))
    assert not is_pending(core, ada, "q2")
    assert reply(core, eve, "q2") == []
    chat = Send((), pb.WebsocketMessage(Cmd="ChatMessageNotification"))
    assert core.faults.room(chat, 1000) == "queue"
