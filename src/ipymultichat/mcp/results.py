"""What a call of a tool returns: words for the model, and the same as data."""

from __future__ import annotations

import base64
from typing import Any

from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    TextContent,
    TextResourceContents,
)

from ipymultichat import model
from ipymultichat.mcp.port import Outcome

MAX_RESULT = 3 * 2**20
"""Bytes of an answer's parts at most. The SDK writes a result on the event loop, which that holds for about 40 ms; and
models take no larger images."""

MAX_TEXT = 200_000
"""Characters of one text at most, which a result holds twice."""

OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "status": {
            "type": "string",
            "enum": ["answered", "no_humans", "timed_out", "cancelled", "refused", "waiting"],
            "description": "`waiting`: call `await_answer` with the id. Nothing but `answered` is an answer.",
        },
        "answer": {"type": ["string", "null"], "description": "The text of the answer; null where there is none."},
        "by": {"type": ["string", "null"], "description": "Who answered, where that is known."},
        "id": {"type": "string", "description": "The question's id."},
        "message": {"type": "string", "description": "What to do without an answer."},
    },
    "required": ["status", "answer", "by", "id"],
}

_WORDS = {
    "no_humans": "Nobody is online to answer. Go on without an answer only where that is safe, and say what you "
    "assumed; or ask again later.",
    "timed_out": "Nobody answered in time. That is no consent: do not take it for a yes. Choose what can be undone, or "
    "ask again with a longer timeout.",
    "cancelled": "The question ended before anybody answered it. Ask again only if you still need the answer.",
    "refused": "There is no answer: {reason}",
    "waiting": "Nobody has answered yet; the question is still shown to people, and the answer will be kept for you. "
    'Call the tool `await_answer` with id "{id}" now, as often as needed. Do not ask the question again.',
}

_READABLE = ("application/json", "application/xml", "application/yaml", "image/svg+xml")


def result_of(outcome: Outcome) -> CallToolResult:
    """Return what the model gets."""
    answered = outcome.status == "answered"
    if answered:
        blocks = [_block(part) for part in fitting(outcome.contents)] or [TextContent(text="(an answer without words)")]
    else:
        blocks = [TextContent(text=words_of(outcome))]
    failed = outcome.status not in ("answered", "waiting")
    return CallToolResult(content=blocks, structured_content=structured_of(outcome), is_error=failed)


def structured_of(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as data, see `OUTPUT_SCHEMA`."""
    answered = outcome.status == "answered"
    return {
        "status": outcome.status,
        "answer": model.text_of(fitting(outcome.contents)) if answered else None,
        "by": outcome.by,
        "id": outcome.request_id,
        # Claude Code hands models no other words where there is data.
        **({} if answered else {"message": words_of(outcome)}),
    }


def words_of(outcome: Outcome) -> str:
    """Return what to tell a model of a question that was not answered."""
    return _WORDS[outcome.status].format(id=outcome.request_id, reason=outcome.reason or "no reason given")


def fitting(contents: tuple[model.Content, ...]) -> tuple[model.Content, ...]:
    """Return an answer with words in place of what is too large for a result."""
    parts: list[model.Content] = []
    left = MAX_RESULT
    for part in contents:
        fits = _shortened(part, left) if isinstance(part, model.TextContent) else part
        size = _size(fits)
        if size > left:
            what = getattr(part, "mime_type", "") or "part"
            fits = model.TextContent(
                f"({what}: {size:,} bytes, left out; a result takes {MAX_RESULT:,} in all. Ask for something smaller.)"
            )
        left = max(left - _size(fits), 0)
        parts.append(fits)
    return tuple(parts)


def _shortened(part: model.TextContent, left: int) -> model.TextContent:
    most = min(MAX_TEXT, left // 8)  # up to four bytes a character, twice
    if len(part.text) <= most:
        return part
    return model.TextContent(f"{part.text[:most]}\n\n(cut here, of {len(part.text):,} characters)")


def _size(part: model.Content) -> int:
    if isinstance(part, model.TextContent):
        return 2 * len(part.text.encode())
    return 0 if isinstance(part, model.UnknownContent) else len(part.data)


def failure(words: str) -> CallToolResult:
    """Return that a call was not made, and why."""
    return CallToolResult(content=[TextContent(text=words)], is_error=True)


def _block(part: model.Content) -> ContentBlock:
    if isinstance(part, model.TextContent):
        return TextContent(text=part.text)
    if isinstance(part, model.ImageContent):
        return ImageContent(data=base64.b64encode(part.data).decode(), mime_type=part.mime_type)
    if isinstance(part, model.AudioContent):
        return AudioContent(data=base64.b64encode(part.data).decode(), mime_type=part.mime_type)
    if isinstance(part, model.ResourceContent):
        return EmbeddedResource(resource=_resource(part))
    return TextContent(text=f"(a part of the unknown type {part.type} is left out)")


def _resource(part: model.ResourceContent) -> TextResourceContents | BlobResourceContents:
    """Return a file as text where it is some: models read no base64."""
    media = part.mime_type.partition(";")[0].strip().lower()
    if media.startswith("text/") or media in _READABLE:
        try:
            return TextResourceContents(uri=part.uri, mime_type=part.mime_type, text=part.data.decode())
        except UnicodeDecodeError:
            pass
    blob = base64.b64encode(part.data).decode()
    return BlobResourceContents(uri=part.uri, mime_type=part.mime_type, blob=blob)
