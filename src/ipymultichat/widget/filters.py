"""What a browser asked for, in the terms of the model; what cannot be read does not count."""

from __future__ import annotations

from typing import Any

from ipymultichat.model import MessageFilter, Order


def filter_of(conditions: object) -> MessageFilter:
    """The `filter` of a page."""
    wanted: dict[str, Any] = conditions if isinstance(conditions, dict) else {}
    words = {key: wanted[key] for key in ("text", "kind", "server_id", "peer") if isinstance(wanted.get(key), str)}
    return MessageFilter(**words, pending=bool(wanted.get("pending")))


def order_of(value: object) -> Order | None:
    """A place in the log as JSON has it, or None."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, int) for part in value):
        return value[0], value[1]
    return None
