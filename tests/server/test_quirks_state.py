"""Each fault of the real server on its own, in the core alone."""

import dataclasses

import pytest
from chat_person import question, text_part

from ipymultichat.server import Limits, Quirks
from ipymultichat.server.effects import Drop, Finish, Send
from ipymultichat.server.quirks import QuirkyState
from ipymultichat.wire import agentassist_pb2 as pb


class Clock:
    now = 1_750_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def make_state(clock, **quirks):
    return QuirkyState(clock=clock, token=None, limits=Limits(), quirks=Quirks(**quirks))


def say(state, client, **fields):
    return state.receive(client, pb.WebsocketMessage(**fields).SerializeToString())


def join(state, token="team"):
    client = state.connect()
    say(state, client, Cmd="UserLogin", StrParam=token, Nickname="ada")
    return client


def reply(state, client, request_id):
    return say(
        state,
        client,
        Cmd="AskQuestionReply",
        AskQuestionRequest=question(request_id),
        AskQuestionResponse=pb.AskQuestionResponse(ID=request_id, contents=[text_part("yes")]),
    )


def is_pending(state, client, request_id):
    check = pb.CheckMessageValidityRequest(request_ids=[request_id])
    (effect,) = say(state, client, Cmd="CheckMessageValidity", CheckMessageValidityRequest=check)
    return effect.message.CheckMessageValidityResponse.validity[request_id]


def accepted(effects):
    return any(isinstance(effect, Finish) for effect in effects)


def audience(effects):
    (effect,) = [effect for effect in effects if isinstance(effect, Send)]
    return effect.to


def test_a_reply_soon_after_another_is_lost_though_announced(clock):
    state = make_state(clock, burst_loss=True)
    ada, bob = join(state), join(state)
    for name in ("q1", "q2", "q3"):
        state.open("AskQuestion", question(name))
    assert accepted(reply(state, ada, "q1"))
    clock.now += 0.019
    lost = reply(state, bob, "q2")
    assert not accepted(lost)
    assert audience(lost) == (ada,)
    assert is_pending(state, ada, "q2")
    clock.now += 0.002  # counted from the last one accepted, not from the one lost
    assert accepted(reply(state, bob, "q2"))


def test_an_answered_request_lingers(clock):
    state = make_state(clock, slow_drop=True)
    ada = join(state)
    state.open("AskQuestion", question("q1"))
    assert accepted(reply(state, ada, "q1"))
    assert is_pending(state, ada, "q1")
    listing = pb.GetPendingMessagesRequest(user_token="team")
    (listed,) = say(state, ada, Cmd="GetPendingMessages", GetPendingMessagesRequest=listing)
    assert listed.message.GetPendingMessagesResponse.total_count == 1
    assert reply(state, ada, "q1") == []
    clock.now += 0.031
    assert not is_pending(state, ada, "q1")


def test_a_reply_without_response_cuts_the_client_off(clock):
    state = make_state(clock, crash_on_missing_response=True)
    ada = join(state)
    state.open("AskQuestion", question("q1"))
    assert say(state, ada, Cmd="AskQuestionReply", AskQuestionRequest=question("q1")) == [Drop(ada)]


def test_everybody_hears_of_everything(clock):
    state = make_state(clock, leaks=True)
    ada, eve, silent = join(state), join(state, token="other"), state.connect()
    for name in ("q1", "q2", "q3"):
        state.open("AskQuestion", question(name))
    assert audience(reply(state, ada, "q1")) == (eve, silent)
    assert audience(state.expire("q2")) == (ada, eve, silent)
    assert is_pending(state, eve, "q3")
    assert not is_pending(state, eve, "q1")


def test_a_late_reply_is_announced(clock):
    state = make_state(clock, late_broadcast=True)
    ada, bob = join(state), join(state)
    effects = reply(state, ada, "ended")
    assert not accepted(effects)
    assert audience(effects) == (bob,)


def test_presence_comes_before_the_login_answer(clock):
    state = make_state(clock, early_presence=True)
    ada, bob = join(state), state.connect()
    effects = say(state, bob, Cmd="UserLogin", StrParam="team", Nickname="bob")
    first, second = effects[:2]
    assert first.to == second.to == (bob,)
    assert first.message.UserConnectionStatusNotification.user.client_id == ada.client_id
    assert second.message.Cmd == "UserLogin"


def test_users_are_not_told_on_the_empty_token(clock):
    state = make_state(clock, silent_users=True)
    assert say(state, join(state, token=""), Cmd="GetOnlineUsers") == []
    asked = pb.GetOnlineUsersRequest(user_token="team")
    assert say(state, join(state), Cmd="GetOnlineUsers", GetOnlineUsersRequest=asked)


def test_a_malformed_frame_cuts_the_client_off(clock):
    state = make_state(clock, drop_malformed=True)
    ada = join(state)
    assert state.receive(ada, b"\xff") == [Drop(ada)]


def test_all_means_all_and_the_default_none():
    switches = [item.name for item in dataclasses.fields(Quirks) if item.type == "bool"]
    assert len(switches) == 9
    assert all(getattr(Quirks.all(), name) for name in switches)
    assert not any(getattr(Quirks(), name) for name in switches)
    assert Quirks().max_frames is None
    assert Quirks.all().max_frames == 10


def test_without_switches_it_behaves_like_the_honest_one(clock):
    state = make_state(clock)
    ada, eve = join(state), join(state, token="other")
    state.open("AskQuestion", question("q1"))
    state.open("AskQuestion", question("q2"))
    assert accepted(reply(state, ada, "q1"))
    assert accepted(reply(state, ada, "q2"))
    assert not is_pending(state, ada, "q2")
    assert reply(state, eve, "q2") == []
