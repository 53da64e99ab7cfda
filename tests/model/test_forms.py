"""The forms of a message against each other, field by field."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ipymultichat.model import (
    AgentState,
    Approval,
    AudioContent,
    Entry,
    ImageContent,
    Message,
    MessageKind,
    MessageStatus,
    Option,
    Question,
    Reply,
    ResourceContent,
    TextContent,
    UnknownContent,
)
from ipymultichat.model.forms import FIELDS, HIDDEN, browser_form, from_json, to_json

NOW = datetime(2026, 1, 1, 12, 30, 15, 123_456, tzinfo=timezone.utc)
HALF = "half a pair \ud800"
SAMPLES: dict[str, Any] = {
    "kind": MessageKind.QUESTION,
    "status": MessageStatus.REPLIED,
    "text": HALF,
    "created_at": NOW,
    "deadline": NOW + timedelta(seconds=600),
    "options": (Question("Which?", "Fmt", (Option("a", "first"), Option("b")), multiple=True, custom=True),),
    "approval": Approval("sql", '{"q": 1}', "-a\n+b", HALF),
    "contents": (TextContent(HALF), ImageContent(b"\x89PNG", "image/png")),
    "reply": Reply(
        (TextContent("yes"), AudioContent(b"RIFF", "audio/wav"), ResourceContent("file:///a/b.txt", "text/plain", b"x"),
         UnknownContent(9)), "bob", NOW, mine=False,
    ),
    "agent_state": AgentState.FETCHED,
    "draft": (TextContent("mine"), ImageContent(b"\xff\xd8", "image/jpeg")),
}  # fmt: skip
"""Values of fields; a text that is not here has its field's name, and a bool is the other one than by default."""

FULL = Message(
    **{
        field.name: SAMPLES.get(field.name, not field.default if field.type == "bool" else field.name)
        for field in dataclasses.fields(Message)
    }
)
BARE = Message("m", MessageKind.CHAT, "s", "Work", "m", "hi", NOW, MessageStatus.RECEIVED)


def test_every_field_of_the_example_differs_from_its_default() -> None:
    """A new field must be in the example, or nothing here says anything about it."""
    for field in dataclasses.fields(Message):
        assert getattr(FULL, field.name) != field.default, field.name


@pytest.mark.parametrize("message", [FULL, BARE])
def test_json_and_back_is_the_same_message(message: Any) -> None:
    assert from_json(json.loads(json.dumps(to_json(message)))) == message


def test_attachments_can_be_kept_elsewhere() -> None:
    kept: list[bytes] = []

    def keep(data: bytes) -> int:
        kept.append(data)
        return len(kept) - 1

    form = json.loads(json.dumps(to_json(FULL, keep=keep)))
    assert from_json(form, fetch=kept.__getitem__) == FULL
    assert len(kept) == 4


def test_a_form_of_another_version_is_read_with_what_it_has() -> None:
    form = {**to_json(BARE), "a field of tomorrow": 1}
    del form["error"], form["approval"]
    assert from_json(form) == BARE


def test_the_browser_gets_every_field_but_the_hidden_ones_under_the_same_name() -> None:
    form = browser_form(Entry((7, 1), FULL, unread=True))
    assert form.keys() == {"order", "length", *FIELDS} - set(HIDDEN)
    for name in form.keys() - {"order", "length", "created_at", "deadline", "options", "approval", "reply", "draft"}:
        assert form[name] == getattr(FULL, name), name
    assert json.loads(json.dumps(form)).keys() == form.keys()


def test_the_browser_gets_times_in_milliseconds_and_attachments_by_name_and_size() -> None:
    form = browser_form(Entry((7, 1), FULL, unread=True))
    assert (form["order"], form["created_at"], form["deadline"]) == ([7, 1], 1767270615123, 1767271215123)
    assert form["draft"] == "mine"
    assert form["options"][0]["options"][0] == {"label": "a", "description": "first"}
    assert form["approval"] == {"tool_name": "sql", "arguments": '{"q": 1}', "diff": "-a\n+b", "action": HALF}
    assert (form["reply"]["text"], form["reply"]["by"], form["reply"]["mine"]) == ("yes", "bob", False)
    assert form["reply"]["attachments"] == [
        {"type": "audio", "mime_type": "audio/wav", "size": 4, "name": "audio"},
        {"type": "resource", "mime_type": "text/plain", "size": 1, "name": "b.txt"},
        {"type": "unknown", "mime_type": "", "size": 0, "name": ""},
    ]
    assert browser_form(Entry((7, 1), BARE, unread=True))["deadline"] is None
