"""Which status may follow which, and what follows from that."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from ipymultichat.errors import TransitionError
from ipymultichat.model import Message, MessageKind, MessageStatus
from ipymultichat.model.life import OPEN, SENDABLE, TRANSITIONS, AgentState

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def a(kind: MessageKind, status: MessageStatus) -> Message:
    return Message("m", kind, "s", "Work", "m", "text", NOW, status)


@pytest.mark.parametrize("kind", list(MessageKind))
@pytest.mark.parametrize("before", list(MessageStatus))
@pytest.mark.parametrize("after", list(MessageStatus))
def test_a_message_moves_along_the_table_and_nowhere_else(kind: Any, before: Any, after: Any) -> None:
    message = a(kind, before)
    if after in TRANSITIONS[kind].get(before, ()):
        assert message.moved(after, error="why") == Message(
            "m", kind, "s", "Work", "m", "text", NOW, after, error="why"
        )
    else:
        with pytest.raises(TransitionError, match=f"a {kind} that is {before} cannot become {after}"):
            message.moved(after)


def test_what_follows_from_the_table() -> None:
    assert {kind.value: sorted(found) for kind, found in OPEN.items()} == {
        "question": ["failed", "pending", "sending"],
        "report": ["failed", "pending", "sending"],
        "chat": ["failed", "sending"],
    }
    assert {kind.value: sorted(found) for kind, found in SENDABLE.items()} == {
        "question": ["failed", "pending"],
        "report": ["failed", "pending"],
        "chat": ["failed"],
    }


@pytest.mark.parametrize("kind", list(MessageKind))
@pytest.mark.parametrize("status", list(MessageStatus))
def test_only_a_request_that_waits_or_failed_takes_an_answer(kind: Any, status: Any) -> None:
    message = a(kind, status)
    assert message.answerable == (kind != "chat" and status in ("pending", "failed"))


def test_every_status_can_be_reached_from_a_birth() -> None:
    births = {"chat": {MessageStatus.RECEIVED, MessageStatus.SENDING}}
    for kind, table in TRANSITIONS.items():
        reached = set(births.get(kind.value, {MessageStatus.PENDING}))
        while more := {after for status in reached for after in table[status]} - reached:
            reached |= more
        assert reached == set(table)


@pytest.mark.parametrize(
    ("before", "state", "after", "known"),
    [
        ("pending", "away", "sending", "away"),
        ("sending", "away", "failed", "away"),
        ("sending", "away", "replied", ""),
        ("sending", "kept", "replied", "kept"),
        ("pending", "fetched", "replied", "fetched"),
        ("pending", "away", "expired", ""),
        ("sending", "kept", "cancelled", ""),
        ("replied", "kept", "pending", ""),
    ],
)
def test_what_is_known_of_the_agent_lasts_as_long_as_it_says_something(
    before: str, state: str, after: str, known: str
) -> None:
    message = replace(a(MessageKind.QUESTION, MessageStatus(before)), agent_state=AgentState(state))
    assert message.moved(MessageStatus(after)).agent_state == known


@pytest.mark.parametrize("word", [*MessageKind, *MessageStatus, *AgentState])
def test_a_word_is_its_plain_string(word: Any) -> None:
    assert word == word.value
    assert {word.value: 1}[word] == 1
    assert f"{word} {word!s}" == f"{word.value} {word.value}"
