"""How long names and texts may be, how much may wait, and how many parts a message may have."""

import json
import tracemalloc
from typing import Any

import httpx
import pytest
from chat_person import Enter, Person, question, report
from hypothesis import given, settings
from hypothesis import strategies as st
from server_core import Core

from ipymultichat.agent import AgentClient
from ipymultichat.errors import RequestRefusedError
from ipymultichat.model.identity import MAX_NICKNAME, MAX_TOKEN
from ipymultichat.server import Limits, LocalServer, connect
from ipymultichat.server.effects import Client, Refused, Send
from ipymultichat.server.tokens import Tokens
from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire.slices import has_few_fields

MIB = 2**20
MESSAGE = pb.WebsocketMessage.DESCRIPTOR


def make_state(**limits: int) -> Core:
    return Core(clock=lambda: 1_750_000_000.0, tokens=Tokens(), limits=Limits(**limits))


def join(state: Core, token: str = "team", nickname: str = "ada", address: str = "") -> Client:
    client = state.connect(address)
    login = pb.WebsocketMessage(Cmd="UserLogin", StrParam=token, Nickname=nickname)
    state.receive(client, login.SerializeToString())
    return client


async def log_in(person: Person, nickname: str) -> pb.UserLoginResponse:
    await person.send(Cmd="UserLogin", StrParam="team", Nickname=nickname)
    return (await person.expect("UserLogin")).UserLoginResponse


# names and texts


async def test_a_nickname_that_is_too_long_is_refused_at_the_login_with_the_reason(enter: Enter) -> None:
    async with LocalServer() as server:
        eve = await enter(server, login=False)
        answer = await log_in(eve, "x" * 1025)
        assert (answer.success, answer.error_message) == (False, "the nickname has more than 1024 bytes")
        assert await eve.closed() == 1008
        ada = await enter(server)
        assert not (await log_in(ada, "é" * 513)).success
        assert await ada.closed() == 1008


def test_all_names_and_tokens_that_clients_here_take_fit() -> None:
    limits = Limits()
    assert len("\U0001f600".encode()) * MAX_NICKNAME <= limits.max_name
    assert len("\U0001f600".encode()) * MAX_TOKEN <= limits.max_token
    assert limits.max_name + limits.max_token < limits.max_login_frame


def test_the_token_of_a_group_is_not_of_any_length() -> None:
    state = make_state()
    assert state.team_of("x" * 4096)
    assert not state.team_of("x" * 4097)


async def test_a_chat_text_that_is_too_long_closes_its_senders_socket_and_says_why(enter: Enter) -> None:
    async with LocalServer() as server:
        ada, bob = await enter(server), await enter(server, nickname="bob")
        await bob.chat(ada, "x" * MIB)
        assert (await ada.expect("UserConnectionStatusNotification")).Cmd
        assert len((await ada.expect("ChatMessageNotification")).ChatMessageNotification.chat_message.content) == MIB
        await bob.chat(ada, "x" * (MIB + 1))
        assert await bob.closed() == 1009
        assert bob.socket.close_reason == "a chat text may have at most 1048576 bytes"
        assert await ada.before_answer() == ["UserConnectionStatusNotification"]


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("ID", 1024),
        ("AgentName", 1024),
        ("ReasoningModelName", 1024),
        ("McpClientName", 1024),
        ("ProjectDirectory", 4096),
    ],
)
def test_a_requests_names_are_of_a_bounded_length(name: str, most: int) -> None:
    for request in (question("q1"), report("r1")):
        state = make_state()
        setattr(request if name == "ID" else request.Request, name, "x" * most)
        state.open("AskQuestion" if isinstance(request, pb.AskQuestionRequest) else "WorkReport", request)
        setattr(request if name == "ID" else request.Request, name, "x" * (most + 1))
        with pytest.raises(Refused, match=f"{name} may have at most {most} bytes") as caught:
            state.open("AskQuestion" if isinstance(request, pb.AskQuestionRequest) else "WorkReport", request)
        assert caught.value.code == "invalid_argument"


# what waits


def test_what_waits_is_bounded_per_token_and_in_all_and_there_is_room_again_after_it() -> None:
    state = make_state(max_waiting=2_500, max_waiting_in_all=4_500)
    for token in ("a", "b", "c"):
        join(state, token)
    text = "x" * 1000
    state.open("AskQuestion", question("a1", "a", text))
    state.open("AskQuestion", question("a2", "a", text))
    with pytest.raises(Refused, match="requests of a token may have 2500 bytes") as caught:
        state.open("AskQuestion", question("a3", "a", text))
    assert caught.value.code == "resource_exhausted"
    state.open("AskQuestion", question("b1", "b", text))
    state.open("AskQuestion", question("b2", "b", text))
    with pytest.raises(Refused, match="too much waits") as caught:
        state.open("AskQuestion", question("c1", "c", text))
    assert caught.value.code == "resource_exhausted"
    state.cancel("a1")
    state.open("AskQuestion", question("c1", "c", text))
    assert [pending.request_id for pending in state.waiting] == ["a2", "b1", "b2", "c1"]


def test_all_that_waits_for_one_token_is_less_than_clients_read_in_one_frame() -> None:
    limits = Limits()
    assert limits.max_body < limits.max_waiting
    assert limits.max_waiting + 500 * limits.max_pending < 64 * MIB


async def test_an_agent_is_told_when_too_much_waits(enter: Enter) -> None:
    async with LocalServer(limits=Limits(max_waiting=1000)) as server:
        await enter(server)
        with pytest.raises(RequestRefusedError, match="1000 bytes while they wait"):
            await AgentClient(server.url, "team").ask_question("x" * 1000)


def test_a_waiting_request_is_kept_once() -> None:
    state = make_state()
    join(state)
    request = question("q1", text="x" * MIB)
    state.open("AskQuestion", request)
    (pending,) = state.waiting
    assert (pending.request, pending.record.request) == (request, b"")
    assert pending.request is request


# people


def test_one_address_has_three_quarters_of_the_places_for_people() -> None:
    state = make_state(max_clients=4)
    people = [join(state, address="eve") for _ in range(4)]
    assert [person.token for person in people] == ["team", "team", "team", None]
    assert join(state, address="ada").token == "team"
    assert join(state, address="bob").token is None  # four are there


# parts of a message


def ids(count: int) -> bytes:
    check = pb.CheckMessageValidityRequest(request_ids=[f"{n:x}" for n in range(count)])
    return pb.WebsocketMessage(Cmd="CheckMessageValidity", CheckMessageValidityRequest=check).SerializeToString()


async def test_a_message_with_too_many_parts_closes_its_socket_only_and_says_why(enter: Enter) -> None:
    async with LocalServer() as server:
        ada, eve = await enter(server), await enter(server, token="other", nickname="eve")
        await eve.socket.send(ids(3_000_000))
        assert await eve.closed() == 1009
        assert eve.socket.close_reason == "a message may have at most 10000 fields"
        assert await ada.before_answer() == []


async def test_as_many_ids_as_ever_wait_are_answered(enter: Enter) -> None:
    async with LocalServer() as server:
        ada = await enter(server)
        asked = [f"{n:032x}" for n in range(9_990)]
        assert await ada.pending(*asked) == dict.fromkeys(asked, False)


def test_what_is_too_much_is_not_read() -> None:
    state, frame = make_state(), ids(400_000)
    ada = join(state)
    tracemalloc.start()
    (effect,) = state.receive(ada, frame)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not isinstance(effect, Send)
    assert peak < 100_000


@pytest.mark.parametrize("content_type", [connect.PROTO, connect.JSON])
def test_a_call_with_too_many_parts_is_refused(content_type: str) -> None:
    request = question("q1")
    request.Request.Questions.extend([pb.Question()] * 20_000)
    body = request.SerializeToString()
    if content_type == connect.JSON:
        body = json.dumps({"ID": "q1", "Request": {"Questions": [{}] * 20_000}}).encode()
    with pytest.raises(Refused, match="at most 10000 fields") as caught:
        connect.parse(body, content_type, pb.AskQuestionRequest(), Limits())
    assert caught.value.code == "invalid_argument"


def test_objects_count_more_in_json_and_brackets_in_a_text_do_not() -> None:
    many: dict[str, Any] = {"ID": "q1", "Request": {"Questions": [{}] * 3_000}}
    with pytest.raises(Refused, match="fields"):
        connect.parse(json.dumps(many).encode(), connect.JSON, pb.AskQuestionRequest(), Limits())
    text = "[{}]" * 2_000
    body = json.dumps({"ID": "q1", "Request": {"Question": text}}).encode()
    assert connect.parse(body, connect.JSON, pb.AskQuestionRequest(), Limits()).Request.Question == text


async def test_json_that_is_too_large_is_refused_and_the_remedy_named(enter: Enter) -> None:
    async with LocalServer() as server, httpx.AsyncClient(trust_env=False) as http:
        await enter(server)
        body = json.dumps({"UserToken": "team", "Request": {"Question": "x" * MIB}})
        url = f"{server.http_url}/agentassistproto.SrvAgentAssist/AskQuestion"
        response = await http.post(url, content=body, headers={"content-type": "application/json"})
        assert (response.status_code, response.json()["code"]) == (413, "resource_exhausted")
        assert "as application/proto it may have" in response.json()["message"]


NESTED = pb.WebsocketMessage(
    AskQuestionRequest=question("q1"),
    CheckMessageValidityRequest=pb.CheckMessageValidityRequest(request_ids=["a", "b"]),
    CheckMessageValidityResponse=pb.CheckMessageValidityResponse(validity={"a": True}),
)


def test_fields_of_parts_count_those_of_maps_and_unknown_ones_too() -> None:
    # The request, its 3 fields and the 3 of its body; the ids' message and 2 ids; the map's message, its entry and 2.
    frame = NESTED.SerializeToString()
    assert has_few_fields(frame, MESSAGE, 14)
    assert not has_few_fields(frame, MESSAGE, 13)
    unknown = b"\xa2\x06\x00" + b"\xa5\x06" + bytes(4) + b"\xa1\x06" + bytes(8) + b"\xa0\x06\x01"
    pb.WebsocketMessage.FromString(unknown)
    assert has_few_fields(unknown, MESSAGE, 4)
    assert not has_few_fields(unknown, MESSAGE, 3)


def test_parts_that_come_before_something_malformed_count() -> None:
    frame = ids(100) + b"\xff"
    assert not has_few_fields(frame, MESSAGE, 100)


@settings(deadline=None)
@given(frame=st.binary(max_size=100) | st.binary(max_size=20).map(lambda tail: NESTED.SerializeToString() + tail))
def test_counting_ends_for_any_bytes(frame: bytes) -> None:
    assert has_few_fields(frame, MESSAGE, 2 * len(frame) + 1)
