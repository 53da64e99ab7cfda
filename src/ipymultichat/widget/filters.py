"""Which messages a browser asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipymultichat.inbox import Order
from ipymultichat.model import Message, MessageKind, MessageStatus

_UNSETTLED = (MessageStatus.PENDING, MessageStatus.SENDING, MessageStatus.FAILED)


def fits_any(_message: Message) -> bool:
    """The condition that holds for every message."""
    return True


def fits_of(conditions: object) -> Callable[[Message], bool]:
    """The condition that the `filter` of a page describes; what cannot be read does not count."""
    wanted: dict[str, Any] = conditions if isinstance(conditions, dict) else {}
    text = str(wanted.get("text") or "").casefold()
    kind, server_id, pending, peer = (wanted.get(key) for key in ("kind", "server_id", "pending", "peer"))

    def fits(message: Message) -> bool:
        return (
            (not kind or message.kind == kind)
            and (not server_id or message.server_id == server_id)
            and (not peer or _peer(message) == peer)
            and (not pending or (message.kind is not MessageKind.CHAT and message.status in _UNSETTLED))
            and (not text or text in _searchable(message))
        )

    return fits


def order_of(value: object) -> Order | None:
    """A place in the log as JSON has it, or None."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, int) for part in value):
        return value[0], value[1]
    return None


def _peer(message: Message) -> str | None:
    """The other person of a chat message."""
    if message.kind is not MessageKind.CHAT:
        return None
    return message.receiver if message.mine else message.sender


def _searchable(message: Message) -> str:
    names = (message.agent_name, message.model_name, message.client_name, message.sender, message.receiver)
    words = (message.text, message.project_directory, *names)
    return "\n".join((*words, message.reply.text if message.reply else "")).casefold()
