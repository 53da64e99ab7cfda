from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipymultichat.errors import DecodeError, EncodeError
from ipymultichat.model import (
    Approval,
    AudioContent,
    Content,
    ImageContent,
    MessageKind,
    Option,
    Question,
    ResourceContent,
    Secret,
    TextContent,
    UnknownContent,
)
from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire import commands as c
from ipymultichat.wire import decode, encode
from ipymultichat.wire import events as e
from ipymultichat.wire.contents import content_from_wire, content_to_wire


def wire(cmd: str, **fields: Any) -> Any:
    return decode(pb.WebsocketMessage(Cmd=cmd, **fields).SerializeToString())


def pushed(**body: Any) -> Any:
    request = pb.AskQuestionRequest(
        ID="q1", UserToken="tok", Request=pb.McpAskQuestionRequest(**body), Timestamp=1_760_000_000_123
    )
    return wire("AskQuestion", AskQuestionRequest=request).request


def test_a_question_keeps_all_that_the_agent_said() -> None:
    request = pushed(
        ProjectDirectory="/p", Question="Go?", Timeout=90, AgentName="a", ReasoningModelName="m", McpClientName="c"
    )
    assert (request.kind, request.request_id, request.text, request.timeout) == (MessageKind.QUESTION, "q1", "Go?", 90)
    assert (request.project_directory, request.agent_name, request.model_name, request.client_name) == (
        "/p",
        "a",
        "m",
        "c",
    )
    assert request.created_at == datetime(2025, 10, 9, 8, 53, 20, 123000, tzinfo=timezone.utc)


@pytest.mark.parametrize("timeout", [0, -5])
def test_a_timeout_of_nothing_counts_as_the_servers_default(timeout: int) -> None:
    assert pushed(Question="Go?", Timeout=timeout).timeout == 600


def test_a_listed_request_takes_the_time_the_server_really_waits() -> None:
    request = pb.AskQuestionRequest(ID="q1", Request=pb.McpAskQuestionRequest(Question="Go?", Timeout=0))
    item = pb.PendingMessage(
        message_type="AskQuestion", ask_question_request=request, created_at=1_760_000_000_000, timeout=45
    )
    event = wire(
        "GetPendingMessages", GetPendingMessagesResponse=pb.GetPendingMessagesResponse(pending_messages=[item])
    )
    assert event.requests[0].timeout == 45
    assert event.requests[0].created_at.year == 2025


def test_structured_questions_are_read_and_stand_in_for_an_empty_question() -> None:
    structured = pb.Question(
        question="Which?", header="Fmt", options=[pb.Option(label="A", description="x")], multiple=True, custom=True
    )
    request = pushed(Questions=[structured])
    assert request.text == "Which?"
    assert request.options == (Question("Which?", "Fmt", (Option("A", "x"),), multiple=True, custom=True),)


CHOICE = pb.Question(question="Allow it?", options=[pb.Option(label="Allow"), pb.Option(label="Deny")], custom=True)
PARTS = {"tool_name": "s\u200bql", "arguments": '{"q": 1}', "diff": "-a\n+b", "action": "Drop it."}


def test_an_approval_is_read_in_its_parts_and_belongs_to_what_the_person_saw() -> None:
    request = pushed(Question="Drop it.", Questions=[CHOICE], Approval=pb.Approval(**PARTS))
    assert request.approval == Approval("s⟦U+200B⟧ql", '{"q": 1}', "-a\n+b", "Drop it.")
    assert request.asked != pushed(Question="Drop it.", Questions=[CHOICE], Approval=pb.Approval(diff="-b")).asked
    assert pushed(Question="Drop it.", Questions=[CHOICE]).approval is None


@pytest.mark.parametrize("part", ["arguments", "diff", "action"])
def test_an_approval_with_a_part_that_is_too_long_is_told_by_its_text_alone(part: str) -> None:
    fits = pushed(Questions=[CHOICE], Approval=pb.Approval(**{part: "x" * 65_536}))
    assert fits.approval is not None
    longer = pushed(Question="Go?", Questions=[CHOICE], Approval=pb.Approval(**{part: "x" * 65_537}))
    assert (longer.approval, longer.text, len(longer.options)) == (None, "Go?", 1)


@pytest.mark.parametrize("labels", [[], ["Allow"], ["Deny", "Allow"], ["Allow", "Deny", "Always"]])
def test_what_two_buttons_cannot_answer_is_no_approval(labels: list[str]) -> None:
    question = pb.Question(question="Which?", options=[pb.Option(label=label) for label in labels])
    assert pushed(Questions=[question], Approval=pb.Approval(**PARTS)).approval is None
    assert pushed(Questions=[CHOICE, question], Approval=pb.Approval(**PARTS)).approval is None


@pytest.mark.parametrize("timestamp", [2**62, -(2**62), 1])
def test_a_time_no_clock_can_have_said_is_left_out(timestamp: int) -> None:
    request = pb.AskQuestionRequest(ID="q1", Timestamp=timestamp)
    assert wire("AskQuestion", AskQuestionRequest=request).request.created_at is None


def test_an_unknown_command_is_an_event_and_not_an_error() -> None:
    assert wire("Fancy") == e.UnknownCommand("Fancy")


@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\xff", b"\x0a\x02\xff\xfe"])
def test_malformed_bytes_raise_the_documented_error(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(raw)


def gives_event_or_error(raw: bytes) -> bool:
    try:
        event = decode(raw)
    except DecodeError as error:
        return bool(str(error))
    return type(event).__module__ == e.__name__


@given(st.binary(max_size=200))
def test_random_bytes_give_an_event_or_the_documented_error(raw: bytes) -> None:
    assert gives_event_or_error(raw)


@given(st.data())
def test_mutated_frames_give_an_event_or_the_documented_error(data: st.DataObject) -> None:
    request = pb.AskQuestionRequest(ID="q1", Request=pb.McpAskQuestionRequest(Question="Go?"), Timestamp=1)
    raw = bytearray(pb.WebsocketMessage(Cmd="AskQuestion", AskQuestionRequest=request).SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert gives_event_or_error(bytes(raw))


@pytest.mark.parametrize(
    "part",
    [
        TextContent("héllo"),
        ImageContent(b"\x89PNG", "image/png"),
        AudioContent(b"\0\1", "audio/wav"),
        ResourceContent("file:///a", "text/plain", b"x"),
    ],
)
def test_every_kind_of_part_survives_the_way_there_and_back(part: Content) -> None:
    assert content_from_wire(content_to_wire(part)) == part


@pytest.mark.parametrize(
    "raw",
    [pb.McpResultContent(type=9), pb.McpResultContent(type=2, image=pb.ImageContent(data="no base64!"))],
)
def test_a_part_that_cannot_be_read_is_kept_as_unknown(raw: pb.McpResultContent) -> None:
    assert content_from_wire(raw) == UnknownContent(raw.type)


def test_text_that_is_not_unicode_is_refused_before_it_reaches_a_server() -> None:
    with pytest.raises(EncodeError):
        encode(c.SendChat("x", "bad \ud800 text"))


def test_the_login_is_the_only_command_that_needs_the_nickname() -> None:
    sent = pb.WebsocketMessage.FromString(encode(c.Login(Secret("tok"), "ada")))
    assert (sent.Cmd, sent.StrParam, sent.Nickname) == ("UserLogin", "tok", "ada")


def test_a_request_shows_no_token_when_printed() -> None:
    assert "tok" not in repr(pushed(Question="Go?"))
