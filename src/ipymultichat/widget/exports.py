"""The log in other forms: a data frame, JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ipymultichat.model import Message


def row(message: Message) -> dict[str, Any]:
    """A message as plain values; times are ISO 8601 with their zone."""
    reply = message.reply
    return {
        "id": message.id,
        "kind": message.kind.value,
        "status": message.status.value,
        "server_id": message.server_id,
        "server": message.server_name,
        "request_id": message.request_id,
        "created_at": message.created_at.isoformat(),
        "deadline": message.deadline.isoformat() if message.deadline else None,
        "agent_name": message.agent_name,
        "model_name": message.model_name,
        "client_name": message.client_name,
        "project_directory": message.project_directory,
        "sender": message.sender,
        "receiver": message.receiver,
        "text": message.text,
        "reply": reply.text if reply else None,
        "reply_by": reply.by if reply else None,
        "reply_at": reply.at.isoformat() if reply else None,
        "reply_mine": reply.mine if reply else None,
        "error": message.error,
    }


def json_line(message: Message) -> str:
    """A message as a line of JSON."""
    return json.dumps(row(message), ensure_ascii=False) + "\n"


def to_json_lines(messages: Iterable[Message], path: Path) -> Path:
    """Write one JSON object per line; returns the path.

    Raises:
        OSError: the file cannot be written.
    """
    path = path.expanduser()
    with path.open("w", encoding="utf-8") as file:
        file.writelines(map(json_line, messages))
    return path


def to_dataframe(messages: Iterable[Message]) -> Any:
    """Return a pandas data frame, one row per message, times as aware timestamps.

    Raises:
        ImportError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError('to_dataframe() needs pandas: pip install "ipymultichat[data]"') from error
    frame = pd.DataFrame([row(message) for message in messages])
    for column in frame.columns.intersection(["created_at", "deadline", "reply_at"]):
        frame[column] = pd.to_datetime(frame[column], utc=True, format="ISO8601")
    return frame
