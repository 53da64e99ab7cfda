from __future__ import annotations

import contextlib
from typing import Any

from effort import effort
from frames_of_any_kind import anything, arbitrary, mutated
from hypothesis import given
from hypothesis import strategies as st

from ipymultichat.errors import DecodeError, EncodeError
from ipymultichat.model import AudioContent, ImageContent, ResourceContent, Secret, TextContent
from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire import commands as c
from ipymultichat.wire import decode, encode
from ipymultichat.wire.events import Request, RequestReceived

any_text = st.text(st.characters(), max_size=30)  # lone surrogates, too
parts = st.one_of(
    st.builds(TextContent, any_text),
    st.builds(ImageContent, st.binary(max_size=20), any_text),
    st.builds(AudioContent, st.binary(max_size=20), any_text),
    st.builds(ResourceContent, any_text, any_text, st.binary(max_size=20)),
)


@effort(600)
@given(st.one_of(st.binary(max_size=200), mutated(), anything))
def test_whatever_comes_in_is_an_event_or_a_decode_error(raw: Any) -> None:
    with contextlib.suppress(DecodeError):
        decode(raw)


@effort(300)
@given(arbitrary)
def test_every_message_of_the_schema_can_be_read(raw: Any) -> None:
    decode(raw)


@effort(300)
@given(arbitrary, st.lists(parts, max_size=3))
def test_an_answer_to_any_request_is_readable_and_carries_it_back(raw: Any, contents: Any) -> None:
    event = decode(raw)
    if not isinstance(event, RequestReceived):
        return
    request: Request = event.request
    try:
        sent = pb.WebsocketMessage.FromString(encode(c.AnswerRequest(request, tuple(contents))))
    except EncodeError:
        assert any("\ud800" <= letter <= "\udfff" for part in contents for letter in repr(part.__dict__)) or any(
            not _is_unicode(value) for part in contents for value in vars(part).values() if isinstance(value, str)
        )
        return
    echoed, response = (
        (sent.AskQuestionRequest, sent.AskQuestionResponse)
        if request.kind == "question"
        else (sent.WorkReportRequest, sent.WorkReportResponse)
    )
    assert (echoed.ID, response.ID, len(response.contents)) == (request.request_id, request.request_id, len(contents))


@effort(200)
@given(any_text, any_text)
def test_every_other_command_is_readable_or_an_encode_error(first: Any, second: Any) -> None:
    for command in (c.Login(Secret(first), second), c.SendChat(first, second), c.CheckValidity((first, second))):
        try:
            assert pb.WebsocketMessage.FromString(encode(command)).Cmd
        except EncodeError:
            assert not (_is_unicode(first) and _is_unicode(second))


def _is_unicode(text: Any) -> Any:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
