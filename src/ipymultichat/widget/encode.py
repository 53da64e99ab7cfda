"""Model objects as the JSON that `js/README.md` describes. Times are milliseconds since the epoch."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ipymultichat.model import (
    AudioContent,
    Content,
    Conversation,
    Entry,
    ImageContent,
    OnlineUser,
    Question,
    Reply,
    ResourceContent,
    ServerConfig,
    ServerStatus,
    TextContent,
    text_of,
)
from ipymultichat.store import Preferences

Json = dict[str, Any]


def ms(time: datetime | None) -> int | None:
    """A time as milliseconds since the epoch."""
    return None if time is None else int(time.timestamp() * 1000)


def message(entry: Entry) -> Json:
    """One message of the log."""
    item = entry.message
    return {
        "key": item.id,
        "order": list(entry.order),
        "server_id": item.server_id,
        "server": item.server_name,
        "kind": item.kind.value,
        "status": item.status.value,
        "error": item.error,
        "text": item.text,
        "agent": item.agent_name,
        "model": item.model_name,
        "client": item.client_name,
        "project": item.project_directory,
        "created": ms(item.created_at),
        "deadline": ms(item.deadline),
        "sender": item.sender,
        "receiver": item.receiver,
        "sender_id": item.sender_id,
        "receiver_id": item.receiver_id,
        "mine": item.mine,
        "questions": [_question(question) for question in item.options],
        "reply": None if item.reply is None else _reply(item.reply),
        "draft": text_of(item.draft),
    }


def user(item: OnlineUser) -> Json:
    """One person online."""
    return {
        "server_id": item.server_id,
        "client_id": item.client_id,
        "nickname": item.nickname,
        "connected_at": ms(item.connected_at),
    }


def conversation(item: Conversation) -> Json:
    """Chat with one person."""
    return {"server_id": item.server_id, "nickname": item.nickname, "unread": item.unread, "last": item.last}


def server(config: ServerConfig, status: ServerStatus) -> Json:
    """One entry of the server list with its status."""
    return {
        "id": config.id,
        "label": config.label,
        "name": config.name,
        "url": config.url,
        "enabled": config.enabled,
        "state": status.state.value,
        "error": status.error,
        "attempt": status.attempt,
        "retry_at": ms(status.retry_at),
        "connected_at": ms(status.connected_at),
    }


def preferences(item: Preferences) -> Json:
    """How the person likes to answer."""
    return {
        "prefix": item.prefix,
        "suffix": item.suffix,
        "quick": list(item.quick),
        "snippets": [{"name": snippet.name, "text": snippet.text} for snippet in item.snippets],
    }


def _question(question: Question) -> Json:
    return {
        "question": question.question,
        "header": question.header,
        "multiple": question.multiple,
        "custom": question.custom,
        "options": [{"label": o.label, "description": o.description} for o in question.options],
    }


def _reply(reply: Reply) -> Json:
    return {
        "text": reply.text,
        "by": reply.by,
        "at": ms(reply.at),
        "mine": reply.mine,
        "parts": [_part(part) for part in reply.contents if not isinstance(part, TextContent)],
    }


def _part(part: Content) -> Json:
    if isinstance(part, ResourceContent):
        name = part.uri.rstrip("/").rpartition("/")[2]
        return {"type": "resource", "mime_type": part.mime_type, "size": len(part.data), "name": name}
    if isinstance(part, (ImageContent, AudioContent)):
        kind = "image" if isinstance(part, ImageContent) else "audio"
        return {"type": kind, "mime_type": part.mime_type, "size": len(part.data), "name": kind}
    return {"type": "unknown", "mime_type": "", "size": 0, "name": ""}
