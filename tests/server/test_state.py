"""The core alone: no sockets, and a clock that moves when told to."""

import re
from typing import Any

import pytest
from chat_person import question, report, text_part
from hypothesis import given, settings
from hypothesis import strategies as st
from server_core import Core

from ipymultichat.model import Secret
from ipymultichat.server.effects import Client, Close, Effect, Finish, Refused, Send
from ipymultichat.server.limits import Limits
from ipymultichat.server.tokens import Tokens
from ipymultichat.wire import agentassist_pb2 as pb

NOW = 1_750_000_000.25


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(clock: Clock) -> Core:
    return make_state(clock)


def make_state(clock: Clock, token: Secret | None = None, **limits: int) -> Core:
    return Core(clock=clock, tokens=Tokens(token), limits=Limits(**limits))


def say(state: Core, client: Client, **fields: Any) -> list[Effect]:
    return state.receive(client, pb.WebsocketMessage(**fields).SerializeToString())


def join(state: Core, token: str = "team", nickname: str = "ada") -> Client:
    client = state.connect()
    say(state, client, Cmd="UserLogin", StrParam=token, Nickname=nickname)
    return client


def reply(state: Core, client: Client, request_id: str, text: str = "yes", **response: Any) -> list[Effect]:
    return say(
        state,
        client,
        Cmd="AskQuestionReply",
        AskQuestionRequest=pb.AskQuestionRequest(ID=request_id),
        AskQuestionResponse=pb.AskQuestionResponse(ID=request_id, contents=[text_part(text)], **response),
    )


def sent(effects: list[Effect]) -> list[tuple[tuple[Client, ...], str]]:
    """Which client gets which commands, empty audiences left out."""
    return [(effect.to, effect.message.Cmd) for effect in effects if isinstance(effect, Send) and effect.to]


def finished(effects: list[Effect]) -> list[Finish]:
    return [effect for effect in effects if isinstance(effect, Finish)]


def validity(state: Core, client: Client, *request_ids: str) -> dict[str, bool]:
    check = pb.CheckMessageValidityRequest(request_ids=request_ids)
    (effect,) = say(state, client, Cmd="CheckMessageValidity", CheckMessageValidityRequest=check)
    return dict(effect.message.CheckMessageValidityResponse.validity)


def pending_ids(state: Core, client: Client, token: str = "team") -> list[str]:
    request = pb.GetPendingMessagesRequest(user_token=token)
    (effect,) = say(state, client, Cmd="GetPendingMessages", GetPendingMessagesRequest=request)
    response = effect.message.GetPendingMessagesResponse
    assert response.total_count == len(response.pending_messages)
    return [item.ask_question_request.ID or item.work_report_request.ID for item in response.pending_messages]


def users(state: Core, client: Client, token: str = "team") -> list[str]:
    request = pb.GetOnlineUsersRequest(user_token=token)
    (effect,) = say(state, client, Cmd="GetOnlineUsers", GetOnlineUsersRequest=request)
    return [user.nickname for user in effect.message.GetOnlineUsersResponse.online_users]


class TestLogin:
    def test_answer_carries_an_id_of_the_known_form(self, state: Core) -> None:
        client = state.connect()
        effects = say(state, client, Cmd="UserLogin", StrParam="team", Nickname="ada")
        answer = effects[0].message.UserLoginResponse
        assert answer.success
        assert answer.client_id == client.client_id
        assert re.fullmatch(r"20250615150640-[0-9a-f]{6}", answer.client_id)

    def test_ids_never_collide_within_one_second(self, state: Core) -> None:
        state.limits = Limits(max_clients=10_000)
        assert len({state.connect().client_id for _ in range(5000)}) == 5000

    def test_presence_goes_to_the_group_after_the_answer(self, state: Core) -> None:
        ada, stranger = join(state), join(state, token="other")
        bob = state.connect()
        effects = say(state, bob, Cmd="UserLogin", StrParam="team", Nickname="bob")
        assert sent(effects) == [((bob,), "UserLogin"), ((ada,), "UserConnectionStatusNotification")]
        notice = effects[1].message.UserConnectionStatusNotification
        assert (notice.status, notice.user.nickname, notice.timestamp) == ("connected", "bob", int(NOW))
        assert stranger not in effects[1].to

    def test_empty_nickname_is_made_of_the_date(self, state: Core) -> None:
        ada = join(state)
        join(state, nickname="")
        assert users(state, ada) == ["User_20250615"]

    def test_second_login_renames_and_keeps_the_id(self, state: Core) -> None:
        ada, bob = join(state), join(state, nickname="bob")
        effects = say(state, bob, Cmd="UserLogin", StrParam="team", Nickname="rob")
        assert effects[0].message.UserLoginResponse.client_id == bob.client_id
        assert sent(effects)[1] == ((ada,), "UserConnectionStatusNotification")
        assert users(state, ada) == ["rob"]

    def test_second_login_with_another_token_leaves_the_first_group(self, state: Core) -> None:
        ada, bob = join(state), join(state, nickname="bob")
        effects = say(state, bob, Cmd="UserLogin", StrParam="other", Nickname="bob")
        assert effects[0].to == (ada,)
        assert effects[0].message.UserConnectionStatusNotification.status == "disconnected"
        assert users(state, ada) == []

    def test_nothing_is_done_before_the_login(self, state: Core) -> None:
        ada = join(state)
        state.open("AskQuestion", question("q1"))
        silent = state.connect()
        chat = pb.SendChatMessageRequest(receiver_client_id=ada.client_id, content="hi")
        assert say(state, silent, Cmd="SendChatMessage", SendChatMessageRequest=chat) == []
        assert say(state, silent, Cmd="GetPendingMessages") == []
        assert say(state, silent, Cmd="GetOnlineUsers") == []
        assert reply(state, silent, "q1") == []
        check = pb.CheckMessageValidityRequest(request_ids=["q1"])
        assert say(state, silent, Cmd="CheckMessageValidity", CheckMessageValidityRequest=check) == []
        assert silent not in state.expire("q1")[1].to

    def test_wrong_token_is_refused_and_the_socket_closed(self, clock: Clock) -> None:
        state = make_state(clock, token=Secret("right"))
        client = state.connect()
        effects = say(state, client, Cmd="UserLogin", StrParam="wrong", Nickname="eve")
        assert not effects[0].message.UserLoginResponse.success
        assert effects[0].message.UserLoginResponse.error_message
        assert effects[1] == Close(client, 1008, "token not accepted")
        assert client.token is None

    def test_leaving_is_told_to_the_group_once(self, state: Core) -> None:
        ada, bob = join(state), join(state, nickname="bob")
        effects = state.disconnect(bob)
        assert sent(effects) == [((ada,), "UserConnectionStatusNotification")]
        assert effects[0].message.UserConnectionStatusNotification.status == "disconnected"
        assert state.disconnect(bob) == []

    def test_leaving_before_the_login_is_told_to_nobody(self, state: Core) -> None:
        join(state)
        assert state.disconnect(state.connect()) == []

    def test_no_repr_shows_the_token(self, state: Core) -> None:
        client = join(state, token="hunter2")
        opened = state.open("AskQuestion", question("q1", token="hunter2"))
        assert "hunter2" not in repr(client) + repr(opened)


class TestRequests:
    def test_push_goes_to_the_group_with_the_servers_time(self, state: Core) -> None:
        ada, bob, stranger = join(state), join(state, nickname="bob"), join(state, token="other")
        pending, effects = state.open("AskQuestion", question("q1"))
        (push,) = effects
        assert push.to == (ada, bob)
        assert stranger not in push.to
        assert push.message.AskQuestionRequest.ID == "q1"
        assert push.message.AskQuestionRequest.Timestamp == int(NOW * 1000)
        assert pending.deadline_ms - pending.created_ms == 60_000

    def test_missing_id_is_made(self, state: Core) -> None:
        join(state)
        first, second = state.open("AskQuestion", question())[0], state.open("AskQuestion", question())[0]
        assert first.request_id
        assert first.request_id != second.request_id

    def test_id_of_an_ended_request_may_be_used_again(self, state: Core) -> None:
        ada = join(state)
        state.open("AskQuestion", question("q1"))
        state.expire("q1")
        state.open("AskQuestion", question("q1"))
        assert validity(state, ada, "q1") == {"q1": True}

    @pytest.mark.parametrize("timeout", [0, -5])
    def test_no_timeout_runs_as_600_s_and_shows_0(self, state: Core, timeout: int) -> None:
        ada = join(state)
        pending, effects = state.open("AskQuestion", question("q1", timeout=timeout))
        assert pending.deadline_ms - pending.created_ms == 60_0000
        assert effects[0].message.AskQuestionRequest.Request.Timeout == 0
        (listed,) = say(
            state,
            ada,
            Cmd="GetPendingMessages",
            GetPendingMessagesRequest=pb.GetPendingMessagesRequest(user_token="team"),
        )
        assert listed.message.GetPendingMessagesResponse.pending_messages[0].timeout == 0

    def test_nobody_there_ends_at_once(self, state: Core) -> None:
        join(state, token="other")
        _, effects = state.open("AskQuestion", question("q1"))
        (finish,) = effects
        assert finish.response.IsError
        assert dict(finish.response.Meta) == {"error": "no_clients"}
        assert pending_ids(state, join(state)) == []

    def test_a_socket_that_did_not_log_in_counts_as_nobody(self, state: Core) -> None:
        state.connect()
        assert finished(state.open("AskQuestion", question("q1", token=""))[1])

    def test_expiry_answers_the_agent_and_tells_the_group(self, state: Core) -> None:
        ada = join(state)
        stranger = join(state, token="other")
        state.open("WorkReport", report("r1"))
        finish, notice = state.expire("r1")
        assert dict(finish.response.Meta) == {"error": "timeout"}
        assert finish.response.IsError
        assert notice.to == (ada,)
        assert stranger not in notice.to
        assert notice.message.RequestCancelledNotification.message_type == "WorkReport"
        assert state.expire("r1") == []

    def test_hanging_up_tells_the_group_why(self, state: Core) -> None:
        ada = join(state)
        state.open("AskQuestion", question("q1"))
        _, notice = state.cancel("q1")
        assert notice.to == (ada,)
        assert notice.message.RequestCancelledNotification == pb.RequestCancelledNotification(
            request_id="q1", reason="Request was cancelled", message_type="AskQuestion"
        )
        assert state.cancel("q1") == []

    def test_the_last_client_leaving_does_not_cancel(self, state: Core) -> None:
        ada = join(state)
        state.open("AskQuestion", question("q1"))
        assert finished(state.disconnect(ada)) == []
        assert pending_ids(state, join(state, nickname="bob")) == ["q1"]

    def test_list_holds_only_the_login_tokens_requests(self, state: Core) -> None:
        ada, stranger = join(state), join(state, token="other")
        state.open("AskQuestion", question("q1"))
        state.open("WorkReport", report("r1", token="other"))
        assert pending_ids(state, ada) == ["q1"]
        assert pending_ids(state, stranger, token="other") == ["r1"]
        assert pending_ids(state, stranger, token="team") == []
        assert users(state, stranger, token="team") == []

    def test_one_request_more_than_allowed_is_refused(self, clock: Clock) -> None:
        state = make_state(clock, max_pending=2)
        join(state)
        join(state, token="other")
        state.open("AskQuestion", question())
        state.open("AskQuestion", question())
        with pytest.raises(Refused) as caught:
            state.open("AskQuestion", question())
        assert caught.value.code == "resource_exhausted"
        state.open("AskQuestion", question(token="other"))


class TestReplies:
    def test_first_reply_wins_and_the_others_hear_of_it(self, state: Core) -> None:
        ada, bob, stranger = join(state), join(state, nickname="bob"), join(state, token="other")
        state.open("AskQuestion", question("q1"))
        effects = reply(state, ada, "q1", Meta={"k": "v"})
        (finish,) = finished(effects)
        assert finish.response.contents[0].text.text == "yes"
        assert dict(finish.response.Meta) == {"k": "v"}
        assert sent(effects) == [((bob,), "AskQuestionReplyNotification")]
        notice = effects[1].message
        assert (notice.Nickname, notice.AskQuestionRequest.ID) == ("ada", "q1")
        assert notice.AskQuestionResponse.contents[0].text.text == "yes"
        assert notice.StrParam
        assert reply(state, bob, "q1", "no") == []
        assert stranger not in effects[1].to

    def test_reply_to_an_unknown_request_is_told_to_nobody(self, state: Core) -> None:
        ada = join(state)
        join(state, nickname="bob")
        assert reply(state, ada, "never") == []

    def test_reply_to_another_groups_request_counts_for_nothing(self, state: Core) -> None:
        ada, eve = join(state), join(state, token="other")
        state.open("AskQuestion", question("q1"))
        assert reply(state, eve, "q1") == []
        assert validity(state, ada, "q1") == {"q1": True}

    def test_reply_of_the_wrong_kind_counts_for_nothing(self, state: Core) -> None:
        ada = join(state)
        state.open("WorkReport", report("r1"))
        assert reply(state, ada, "r1") == []
        assert validity(state, ada, "r1") == {"r1": True}

    def test_reply_without_response_counts_for_nothing(self, state: Core) -> None:
        ada = join(state)
        state.open("AskQuestion", question("q1"))
        assert say(state, ada, Cmd="AskQuestionReply", AskQuestionRequest=question("q1")) == []
        assert validity(state, ada, "q1") == {"q1": True}

    def test_error_reply_loses_its_contents_but_not_its_meta(self, state: Core) -> None:
        ada = join(state)
        state.open("AskQuestion", question("q1"))
        (finish,) = finished(reply(state, ada, "q1", "no!", IsError=True, Meta={"error": "declined"}))
        assert finish.response == pb.AskQuestionResponse(ID="q1", IsError=True, Meta={"error": "declined"})

    def test_validity_is_told_to_the_group_only(self, state: Core) -> None:
        ada, eve = join(state), join(state, token="other")
        state.open("AskQuestion", question("q1"))
        assert validity(state, ada, "q1", "x") == {"q1": True, "x": False}
        assert validity(state, eve, "q1") == {"q1": False}
        reply(state, ada, "q1")
        assert validity(state, ada, "q1") == {"q1": False}


class TestChat:
    def test_goes_to_the_receiver_alone(self, state: Core) -> None:
        ada, bob, _ = join(state), join(state, nickname="bob"), join(state, nickname="cy")
        request = pb.SendChatMessageRequest(receiver_client_id=bob.client_id, content="hi")
        (effect,) = say(state, ada, Cmd="SendChatMessage", SendChatMessageRequest=request)
        assert effect.to == (bob,)
        chat = effect.message.ChatMessageNotification.chat_message
        assert (chat.sender_nickname, chat.receiver_nickname, chat.content) == ("ada", "bob", "hi")
        assert (chat.sender_client_id, chat.receiver_client_id) == (ada.client_id, bob.client_id)
        assert chat.sent_at == int(NOW)
        assert chat.message_id

    def test_never_crosses_groups_or_reaches_the_unknown(self, state: Core) -> None:
        ada, eve, silent = join(state), join(state, token="other"), state.connect()
        for receiver in (eve.client_id, silent.client_id, "nobody"):
            request = pb.SendChatMessageRequest(receiver_client_id=receiver, content="hi")
            assert say(state, ada, Cmd="SendChatMessage", SendChatMessageRequest=request) == []


class TestFrames:
    def test_malformed_frame_closes_only_that_socket(self, state: Core) -> None:
        ada = join(state)
        assert state.receive(ada, b"\xff\xff\xff") == [Close(ada, 1007, "not a message of the protocol")]

    def test_unknown_command_and_empty_frame_are_ignored(self, state: Core) -> None:
        ada = join(state)
        assert say(state, ada, Cmd="Dance") == []
        assert state.receive(ada, b"") == []

    def test_a_forgotten_client_says_nothing_any_more(self, state: Core) -> None:
        ada = join(state)
        state.disconnect(ada)
        assert say(state, ada, Cmd="UserLogin", StrParam="team", Nickname="ada") == []

    @settings(deadline=None)
    @given(frame=st.binary(max_size=200))
    def test_no_bytes_raise(self, frame: bytes) -> None:
        state = make_state(Clock())
        ada = join(state)
        effects = state.receive(ada, frame)
        assert not finished(effects)
        assert ada in state.clients


def test_token_check_compares_the_whole_token(clock: Clock) -> None:
    state = make_state(clock, token=Secret("träum"))
    assert state.team_of("träum")
    assert not state.team_of("träu")
    assert not state.team_of("")


@pytest.mark.parametrize(
    ("echoed", "taken"),
    [("Delete the PRODUCTION database?", True), ("Delete the temporary files?", False), ("", True)],
)
def test_an_answer_to_what_was_asked_before_under_an_id_does_not_answer_what_is_asked_now(
    state: Core, echoed: str, taken: bool
) -> None:
    ada = join(state)
    state.open("AskQuestion", question("x", text="Delete the PRODUCTION database?"))
    answer = pb.AskQuestionResponse(ID="x", contents=[text_part("yes, delete")])
    request = pb.AskQuestionRequest(ID="x", Request=pb.McpAskQuestionRequest(Question=echoed))
    effects = say(state, ada, Cmd="AskQuestionReply", AskQuestionRequest=request, AskQuestionResponse=answer)
    assert any(isinstance(effect, Finish) for effect in effects) is taken
