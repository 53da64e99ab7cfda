"""The forms of a message, each derived from the fields of `Message`: JSON for disk and export, and the browser's.

A field's type decides what becomes of it, so a new field of a known type needs no line here. Times are ISO 8601 in JSON
and milliseconds since the epoch for the browser. `js/generate.py` makes the TypeScript types from the same table.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Container
from datetime import datetime
from itertools import islice
from typing import Any, overload

from ipymultichat.model.life import AgentState, MessageKind, MessageStatus
from ipymultichat.model.message import (
    Approval,
    AudioContent,
    Content,
    Entry,
    ImageContent,
    Message,
    Option,
    Question,
    Reply,
    ResourceContent,
    TextContent,
    UnknownContent,
    text_of,
)

Json = dict[str, Any]
Keep = Callable[[bytes], Any]
Fetch = Callable[[Any], bytes]

FIELDS = {field.name: str(field.type) for field in dataclasses.fields(Message)}
"""Every field of a message with its type, as it is written in `Message`."""

_DEFAULTS = {field.name: field.default for field in dataclasses.fields(Message)}

BEGINNING = 16_384
"""Characters of a text that the browser gets; it fetches the whole of a longer one when somebody wants to see it."""

_MAX_ATTACHMENTS = 100
_MAX_NAME = 200

HIDDEN = ("request_id", "contents", "live")
"""What the browser has no use for: its cards are drawn from the text, and a reply names the message."""

_SHOWN = {name: kind for name, kind in FIELDS.items() if name not in HIDDEN}
_PLAIN = tuple(name for name, kind in _SHOWN.items() if kind in ("str", "bool"))
_TIMES = tuple(name for name, kind in _SHOWN.items() if kind.startswith("datetime"))


@overload
def milliseconds(time: datetime) -> int: ...
@overload
def milliseconds(time: datetime | None) -> int | None: ...
def milliseconds(time: datetime | None) -> int | None:
    """A time as milliseconds since the epoch; None stays None."""
    return None if time is None else int(time.timestamp() * 1000)


def browser_form(entry: Entry) -> Json:
    """A message with its place, as the browser has it: attachments by name and size only, a draft as text."""
    message = entry.message
    form: Json = {name: getattr(message, name) for name in _PLAIN}
    for name in _TIMES:
        form[name] = milliseconds(getattr(message, name))
    form["order"] = list(entry.order)
    form["text"], form["length"] = _beginning(message.text)
    form["kind"], form["status"] = message.kind.value, message.status.value
    form["agent_state"] = message.agent_state.value
    form["options"] = [dataclasses.asdict(question) for question in message.options]
    form["approval"] = _approval_to(message.approval)
    form["reply"] = None if message.reply is None else _reply_form(message.reply)
    form["draft"] = text_of(message.draft) if message.draft else ""
    return form


def attachments(reply: Reply) -> list[Content]:
    """What of a reply is not text, in order; the browser fetches one by its place in this list.

    A text of which the browser has only the beginning is the last of them.
    """
    parts: list[Content] = []
    parts += islice((part for part in reply.contents if not isinstance(part, TextContent)), _MAX_ATTACHMENTS)
    if len(reply.text) > BEGINNING:
        parts.append(ResourceContent("answer.md", "text/markdown", reply.text.encode(errors="replace")))
    return parts


def _beginning(text: str) -> tuple[str, int]:
    """What the browser gets of a text, and how many characters the whole one has; 0 where it gets the whole one."""
    if len(text) <= BEGINNING:
        return text, 0
    # A picture that stands in the text is shown whole or not at all.
    picture = text.rfind("](data:image/", 0, BEGINNING)
    cut = picture >= 0 and ")" not in text[picture:BEGINNING]
    return text[: text.rfind("![", 0, picture) if cut else BEGINNING] or "…", len(text)


def _reply_form(reply: Reply) -> Json:
    return {
        "text": _beginning(reply.text)[0],
        "by": reply.by,
        "at": milliseconds(reply.at),
        "mine": reply.mine,
        "attachments": [_attachment_form(part) for part in attachments(reply)],
    }


def _attachment_form(part: Content) -> Json:
    if isinstance(part, (ImageContent, AudioContent, ResourceContent)):
        kind = _WORDS[type(part)]
        about = {"mime_type": part.mime_type[:_MAX_NAME], "name": (part.name or kind)[-_MAX_NAME:]}
        return {"type": kind, "size": len(part.data), **about}
    return {"type": "unknown", "mime_type": "", "size": 0, "name": ""}


_WORDS: dict[type, str] = {ImageContent: "image", AudioContent: "audio", ResourceContent: "resource"}


def to_json(message: Message, *, keep: Keep = lambda data: base64.b64encode(data).decode()) -> Json:
    """Everything of a message as plain values, from which `from_json` makes the same message.

    Args:
        message: the message.
        keep: makes a plain value of the bytes of an attachment; without it, base64.
    """
    return {name: _TO[kind](getattr(message, name), keep) for name, kind in FIELDS.items()}


def to_sparse_json(message: Message, *, keep: Keep, without: Container[str]) -> Json:
    """The same, without some fields and without those that have their default: `from_json` fills it in.

    Args:
        message: the message.
        keep: makes a plain value of the bytes of an attachment.
        without: names of fields to leave out.
    """
    form: Json = {}
    for name, kind in FIELDS.items():
        value = getattr(message, name)
        if name not in without and value != _DEFAULTS.get(name, dataclasses.MISSING):
            form[name] = value if kind == "str" else _TO[kind](value, keep)
    return form


def from_json(form: Json, *, fetch: Fetch = base64.b64decode) -> Message:
    """Undo `to_json`; a field that is missing has its default, one that is not known is left out.

    Args:
        form: the plain values.
        fetch: undoes `keep`.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: this was not made by `to_json`.
    """
    return Message(**{name: _FROM[kind](form[name], fetch) for name, kind in FIELDS.items() if name in form})


def _contents_to(contents: tuple[Content, ...], keep: Keep) -> list[Json]:
    return [_content_to(part, keep) for part in contents]


def _content_to(part: Content, keep: Keep) -> Json:
    if isinstance(part, TextContent):
        return {"type": "text", "text": part.text}
    if isinstance(part, UnknownContent):
        return {"type": part.type}
    form = {"type": _WORDS[type(part)], "mime_type": part.mime_type, "data": keep(part.data)}
    if isinstance(part, ResourceContent):
        return {**form, "uri": part.uri}
    return {**form, "name": part.name} if part.name else form


def _contents_from(forms: list[Json], fetch: Fetch) -> tuple[Content, ...]:
    return tuple(_content_from(form, fetch) for form in forms)


def _content_from(form: Json, fetch: Fetch) -> Content:
    kind = form["type"]
    if kind == "text":
        return TextContent(form["text"])
    if kind == "resource":
        return ResourceContent(form["uri"], form["mime_type"], fetch(form["data"]))
    if kind in ("image", "audio"):
        return (ImageContent if kind == "image" else AudioContent)(
            fetch(form["data"]), form["mime_type"], form.get("name", "")
        )
    return UnknownContent(int(kind))


def _reply_to(reply: Reply | None, keep: Keep) -> Json | None:
    if reply is None:
        return None
    contents = _contents_to(reply.contents, keep)
    return {"contents": contents, "by": reply.by, "at": reply.at.isoformat(), "mine": reply.mine}


def _reply_from(form: Json | None, fetch: Fetch) -> Reply | None:
    if form is None:
        return None
    contents = _contents_from(form["contents"], fetch)
    return Reply(contents, form["by"], datetime.fromisoformat(form["at"]), form["mine"])


def _approval_to(approval: Approval | None) -> Json | None:
    return None if approval is None else dataclasses.asdict(approval)


def _approval_from(form: Json | None) -> Approval | None:
    if form is None:
        return None
    return Approval(form["tool_name"], form["arguments"], form["diff"], form["action"])


def _question_from(form: Json) -> Question:
    options = tuple(Option(option["label"], option["description"]) for option in form["options"])
    return Question(form["question"], form["header"], options, form["multiple"], form["custom"])


_TO: dict[str, Callable[[Any, Keep], Any]] = {
    "str": lambda value, _keep: value,
    "bool": lambda value, _keep: value,
    "MessageKind": lambda value, _keep: value.value,
    "MessageStatus": lambda value, _keep: value.value,
    "AgentState": lambda value, _keep: value.value,
    "datetime": lambda value, _keep: value.isoformat(),
    "datetime | None": lambda value, _keep: value.isoformat() if value else None,
    "tuple[Question, ...]": lambda value, _keep: [dataclasses.asdict(question) for question in value],
    "Approval | None": lambda value, _keep: _approval_to(value),
    "tuple[Content, ...]": _contents_to,
    "Reply | None": _reply_to,
}

_FROM: dict[str, Callable[[Any, Fetch], Any]] = {
    "str": lambda value, _fetch: value,
    "bool": lambda value, _fetch: value,
    "MessageKind": lambda value, _fetch: MessageKind(value),
    "MessageStatus": lambda value, _fetch: MessageStatus(value),
    "AgentState": lambda value, _fetch: AgentState(value),
    "datetime": lambda value, _fetch: datetime.fromisoformat(value),
    "datetime | None": lambda value, _fetch: datetime.fromisoformat(value) if value else None,
    "tuple[Question, ...]": lambda value, _fetch: tuple(_question_from(form) for form in value),
    "Approval | None": lambda value, _fetch: _approval_from(value),
    "tuple[Content, ...]": _contents_from,
    "Reply | None": _reply_from,
}
