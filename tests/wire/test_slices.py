"""Large frames: lists come in parts, and what would take long to build is refused before anything is built."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from frames import ask, frame, pending, users

from ipymultichat.errors import DecodeError
from ipymultichat.wire import SLICED, decode, decode_in_slices
from ipymultichat.wire import events as e


def test_a_list_in_parts_holds_what_it_holds_as_a_whole_and_its_end_is_marked() -> None:
    raw = pending(*(ask(f"q{n}", f"Question {n}? é" * 5) for n in range(1_000)))
    assert len(raw) > SLICED
    parts = list(decode_in_slices(raw))
    assert [part.last for part in parts if isinstance(part, e.PendingAnswered)] == [False] * 4 + [True]
    whole = decode(raw)
    assert isinstance(whole, e.PendingAnswered)
    assert [request for part in parts if isinstance(part, e.PendingAnswered) for request in part.requests] == list(
        whole.requests
    )


def test_people_come_in_parts_too() -> None:
    raw = users(*((f"id-{n}", f"person {n}") for n in range(2_000)))
    parts = [part for part in decode_in_slices(raw) if isinstance(part, e.UsersAnswered)]
    assert len(parts) == 10
    assert [user.client_id for part in parts for user in part.users] == [f"id-{n}" for n in range(2_000)]


def test_requests_too_large_to_share_a_part_come_alone() -> None:
    raw = pending(*(ask(f"q{n}", "x" * 300_000) for n in range(3)), ask("small"))
    parts = [part for part in decode_in_slices(raw) if isinstance(part, e.PendingAnswered)]
    assert [[request.request_id for request in part.requests] for part in parts] == [["q0"], ["q1"], ["q2"], ["small"]]


def test_an_empty_list_is_one_part() -> None:
    (part,) = decode_in_slices(frame("GetPendingMessages", StrParam="x" * SLICED))
    assert part == e.PendingAnswered((), last=True)


def test_one_large_text_is_read_whole() -> None:
    raw = frame("AskQuestion", AskQuestionRequest=ask("q", "é" * 1_000_000))
    (event,) = decode_in_slices(raw)
    assert event == decode(raw)


def _many_answers() -> bytes:
    return b"\n\x14CheckMessageValidity" + _field(14, _field(1, b"\n\x03abc\x10\x01") * 30_000)


def _many_metas() -> bytes:
    response = _field(3, b"\n\x01a\x12\x01b") * 30_000
    return b"\n\x1cAskQuestionReplyNotification" + _field(4, response)


def _many_options() -> bytes:
    options = _field(3, b"\n\x01a") * 30_000
    return b"\n\x0bAskQuestion" + _field(2, _field(3, _field(7, options)))


def _many_in_one_of_a_list() -> bytes:
    options = _field(3, b"\n\x01a") * 30_000
    request = _field(2, _field(3, _field(7, options)))
    return b"\n\x12GetPendingMessages" + _field(16, _field(1, request))


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


@pytest.mark.parametrize("make", [_many_answers, _many_metas, _many_options, _many_in_one_of_a_list])
def test_more_fields_than_are_soon_built_are_refused(make: Callable[[], bytes]) -> None:
    raw = make()
    with pytest.raises(DecodeError, match="more than 20,000 fields"):
        list(decode_in_slices(raw))


@pytest.mark.parametrize(
    "tail",
    [b"\xff" * 40_000, b"\x7a\xff\xff\xff\x7f" + b"x" * 40_000, b"\x0b" * 40_000],
    ids=["an endless number", "a length beyond the end", "groups"],
)
@pytest.mark.parametrize("command", [b"\n\x12GetPendingMessages", b"\n\x07Unknown"], ids=["list", "unknown"])
def test_what_is_no_message_is_a_decode_error(tail: bytes, command: bytes) -> None:
    with pytest.raises(DecodeError):
        list(decode_in_slices(command + tail))


def test_a_list_that_is_cut_off_in_its_middle_ends_in_a_decode_error() -> None:
    raw = b"\n\x12GetPendingMessages" + _field(16, _field(1, b"\xff" * 100) * 500)
    with pytest.raises(DecodeError):
        list(decode_in_slices(raw))
