"""The Connect protocol's headers and bodies, without a server."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipymultichat.server import connect
from ipymultichat.server.effects import Refused
from ipymultichat.server.limits import Limits
from ipymultichat.wire import agentassist_pb2 as pb

LIMITS = Limits()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("application/json", connect.JSON),
        ("application/json; charset=utf-8", connect.JSON),
        ('Application/JSON;charset="UTF-8"', connect.JSON),
        ("application/proto", connect.PROTO),
    ],
)
def test_content_types_taken(header: str, expected: str) -> None:
    assert connect.content_type_of({"content-type": header}) == expected


@pytest.mark.parametrize("header", ["", "text/plain", "application/grpc", "application/json; charset=latin-1"])
def test_other_content_types_are_415(header: str) -> None:
    with pytest.raises(Refused) as caught:
        connect.content_type_of({"content-type": header})
    assert connect.refusal(caught.value).status_code == 415


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content-encoding": "gzip"}, "unimplemented"),
        ({"connect-protocol-version": "2"}, "invalid_argument"),
        ({"connect-timeout-ms": "soon"}, "invalid_argument"),
        ({"connect-timeout-ms": "-1"}, "invalid_argument"),
        ({"connect-timeout-ms": "12345678901"}, "invalid_argument"),
    ],
)
def test_headers_that_cannot_be_honoured_are_refused(headers: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as caught:
        connect.check_headers(headers)
    assert caught.value.code == code


def test_timeout_header_is_milliseconds() -> None:
    assert connect.check_headers({"connect-timeout-ms": "1500", "content-encoding": "identity"}) == 1.5
    assert connect.check_headers({"connect-protocol-version": "1"}) is None


def test_json_keeps_the_spelling_of_the_schema_and_int64_as_string() -> None:
    request = pb.AskQuestionRequest(ID="q", UserToken="t", Timestamp=5, Request=pb.McpAskQuestionRequest(Question="?"))
    response = connect.answer(request, connect.JSON)
    body = json.loads(bytes(response.body))
    assert body == {"ID": "q", "UserToken": "t", "Timestamp": "5", "Request": {"Question": "?"}}
    assert response.headers["content-type"] == "application/json"
    assert connect.parse(bytes(response.body), connect.JSON, pb.AskQuestionRequest(), LIMITS) == request


def test_unknown_fields_are_ignored() -> None:
    message = connect.parse(b'{"ID": "q", "Colour": [1]}', connect.JSON, pb.AskQuestionRequest(), LIMITS)
    assert message.ID == "q"


BAD_BODIES = [b"", b"[]", b"{", b'{"ID": 5}', b'{"ID": "\\ud800"}', b"\xff", b"[" * 100_000, b'{"Timestamp": "1e999"}']


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_bad_json_is_an_invalid_argument(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        connect.parse(body, connect.JSON, pb.AskQuestionRequest(), LIMITS)
    assert caught.value.code == "invalid_argument"


def test_an_error_never_quotes_the_body() -> None:
    with pytest.raises(Refused) as caught:
        connect.parse(b'{"UserToken": "hunter2", "ID": 5}', connect.JSON, pb.AskQuestionRequest(), LIMITS)
    assert "hunter2" not in caught.value.message


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(["ID", "UserToken", "Request", "Timestamp"])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=st.dictionaries(names, values).map(json.dumps).map(str.encode) | st.binary())
def test_any_body_is_read_or_refused(body: bytes) -> None:
    for content_type in (connect.JSON, connect.PROTO):
        try:
            message = connect.parse(body, content_type, pb.AskQuestionRequest(), LIMITS)
        except Refused as refused:
            assert refused.code == "invalid_argument"  # noqa: PT017  (either may be)
        else:
            assert isinstance(message.ID, str)


def test_every_code_in_use_has_a_status() -> None:
    for code, status in connect.STATUS.items():
        response = connect.refusal(Refused(code, "why"))
        assert response.status_code == status
        assert json.loads(bytes(response.body)) == {"code": code, "message": "why"}
