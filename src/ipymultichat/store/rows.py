"""Messages ⇄ rows of the history."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from ipymultichat.model import (
    AudioContent,
    Content,
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

Row = tuple[Any, ...]
Contents = tuple[Content, ...]

COLUMNS = (
    "id", "place", "number", "unread", "kind", "status", "server_id", "server_name", "request_id", "peer", "text",
    "created", "deadline", "project_directory", "agent_name", "model_name", "client_name", "sender", "receiver",
    "sender_id", "receiver_id", "mine", "options", "error", "plain", "reply_text", "reply_by", "reply_at", "reply_mine",
    "draft_text", "parts", "weight",
)  # fmt: skip
"""Columns of the table `messages`, in the order of the values `row_of` makes."""

PARTS = ("role", "position", "type", "text", "mime_type", "uri", "data")
"""Columns of the table `parts`, in the order of the values `parts_of` makes."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_OVERHEAD = 500
"""Bytes a message takes beyond its texts, roughly."""


def row_of(entry: Entry) -> Row:
    """The values of an entry, as `COLUMNS` names them."""
    m, reply = entry.message, entry.message.reply
    return (
        packed(m.id), *entry.order, entry.unread, str(m.kind), str(m.status), packed(m.server_id),
        packed(m.server_name), packed(m.request_id), packed(m.peer), packed(m.text), _ticks(m.created_at),
        None if m.deadline is None else _ticks(m.deadline), packed(m.project_directory), packed(m.agent_name),
        packed(m.model_name), packed(m.client_name), packed(m.sender), packed(m.receiver), packed(m.sender_id),
        packed(m.receiver_id), m.mine, _questions(m.options), packed(m.error), _plain(m.contents) == m.text,
        _packed_or_none(_plain(reply.contents)) if reply else None,
        packed(reply.by) if reply else None,
        _ticks(reply.at) if reply else None,
        reply.mine if reply else None,
        _packed_or_none(_plain(m.draft)),
        sum(len(contents) for contents in _apart(m).values()),
        _weight(m),
    )  # fmt: skip


def parts_of(message: Message) -> dict[str, list[Row]]:
    """The values of the parts that do not fit the message's own row, by role, as `PARTS` names them."""
    return {
        role: [(role, position, *_part(content)) for position, content in enumerate(contents)]
        for role, contents in _apart(message).items()
    }


def entry_of(row: Row, parts: Callable[[], Iterable[Row]]) -> Entry:
    """Make an entry from a row.

    Args:
        row: the values, as `COLUMNS` names them.
        parts: returns the rows of its parts, in order; called only when there are some.

    Raises:
        ValueError, TypeError: the row was not written by this package.
    """
    (
        message_id, place, number, unread, kind, status, server_id, server_name, request_id, _peer, text, created,
        deadline, project_directory, agent_name, model_name, client_name, sender, receiver, sender_id, receiver_id,
        mine, options, error, plain, reply_text, reply_by, reply_at, reply_mine, draft_text, apart_count, _bytes,
    ) = row  # fmt: skip
    apart: dict[str, list[Content]] = {}
    for role, _position, *values in parts() if apart_count else ():
        apart.setdefault(role, []).append(_content(*values))
    body = unpacked(text)
    reply = None
    if reply_at is not None:
        reply = Reply(_contents(reply_text, apart.get("reply")), unpacked(reply_by), _time(reply_at), bool(reply_mine))
    message = Message(
        id=unpacked(message_id),
        kind=MessageKind(kind),
        server_id=unpacked(server_id),
        server_name=unpacked(server_name),
        request_id=unpacked(request_id),
        text=body,
        created_at=_time(created),
        status=MessageStatus(status),
        project_directory=unpacked(project_directory),
        agent_name=unpacked(agent_name),
        model_name=unpacked(model_name),
        client_name=unpacked(client_name),
        sender=unpacked(sender),
        receiver=unpacked(receiver),
        sender_id=unpacked(sender_id),
        receiver_id=unpacked(receiver_id),
        mine=bool(mine),
        deadline=None if deadline is None else _time(deadline),
        options=_read_questions(options),
        contents=(TextContent(body),) if plain else tuple(apart.get("body", ())),
        reply=reply,
        error=unpacked(error),
        draft=_contents(draft_text, apart.get("draft")),
        live=False,
    )
    return Entry((place, number), message, bool(unread))


def merged(old: Entry, new: Entry) -> Entry:
    """What stands for a message that is written again, maybe by another kernel.

    The later one wins, but nothing a person typed is lost, a proved reply stays one, what was seen stays seen, and
    the place does not change.
    """
    was, now = old.message, new.message
    proved = now.reply is not None and now.reply.mine
    changes: dict[str, Any] = {"live": False}
    if was.reply is not None and was.reply.mine and not proved:
        changes |= {"reply": was.reply, "status": was.status, "error": was.error}
    if was.draft and not now.draft and not proved:
        changes["draft"] = was.draft
    return Entry(old.order, replace(now, **changes), old.unread and new.unread)


def packed(text: str) -> str | bytes:
    """A text as SQLite can take it: half a surrogate pair, which agents do send, has no form in its encoding."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def unpacked(value: str | bytes) -> str:
    """Undo `packed`."""
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value


def _packed_or_none(text: str | None) -> str | bytes | None:
    return None if text is None else packed(text)


def _plain(contents: Contents) -> str | None:
    """The text of contents that are one text and nothing else, as they nearly always are."""
    return contents[0].text if len(contents) == 1 and isinstance(contents[0], TextContent) else None


def _apart(message: Message) -> dict[str, Contents]:
    """The contents that need rows of their own."""
    roles = {
        "body": () if _plain(message.contents) == message.text else message.contents,
        "reply": message.reply.contents if message.reply else (),
        "draft": message.draft,
    }
    return {
        role: contents for role, contents in roles.items() if contents and (role == "body" or _plain(contents) is None)
    }


def _contents(text: str | bytes | None, parts: list[Content] | None) -> Contents:
    return tuple(parts or ()) if text is None else (TextContent(unpacked(text)),)


def _part(content: Content) -> Row:
    if isinstance(content, TextContent):
        return "text", packed(content.text), None, None, None
    if isinstance(content, UnknownContent):
        return str(content.type), None, None, None, None
    uri = packed(content.uri) if isinstance(content, ResourceContent) else None
    return _WORDS[type(content)], None, packed(content.mime_type), uri, content.data


def _content(word: str, text: str | bytes | None, mime_type: str, uri: str, data: bytes) -> Content:
    if word == "text":
        return TextContent(unpacked(text or ""))
    if word == "resource":
        return ResourceContent(unpacked(uri), unpacked(mime_type), data)
    if word in ("image", "audio"):
        return (ImageContent if word == "image" else AudioContent)(data, unpacked(mime_type))
    return UnknownContent(int(word))


_WORDS: dict[type, str] = {ImageContent: "image", AudioContent: "audio", ResourceContent: "resource"}


def _weight(message: Message) -> int:
    body = () if _plain(message.contents) == message.text else message.contents
    contents = (*body, *(message.reply.contents if message.reply else ()), *message.draft)
    return _OVERHEAD + 2 * len(message.text) + sum(map(_size, contents))


def _size(content: Content) -> int:
    if isinstance(content, TextContent):
        return 2 * len(content.text)  # once as it is, once to be searched
    return 0 if isinstance(content, UnknownContent) else len(content.data)


def _ticks(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def _time(ticks: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ticks)


def _questions(questions: tuple[Question, ...]) -> str | None:
    if not questions:
        return None
    return json.dumps(
        [
            [q.question, q.header, [[option.label, option.description] for option in q.options], q.multiple, q.custom]
            for q in questions
        ]
    )


def _read_questions(text: str | None) -> tuple[Question, ...]:
    return tuple(
        Question(question, header, tuple(Option(*option) for option in options), multiple, custom)
        for question, header, options, multiple, custom in json.loads(text or "[]")
    )
