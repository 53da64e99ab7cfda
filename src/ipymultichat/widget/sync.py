"""The delta protocol to the browser, as `js/README.md` describes it.

Messages never travel as traits: a trait is sent whole and saved into the notebook. What changes is collected and sent
as one patch per animation frame; a browser that has missed something asks for a snapshot.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from threading import Lock
from typing import Any

from ipymultichat.errors import MultiChatError
from ipymultichat.hub import Hub
from ipymultichat.hub.hub import Change
from ipymultichat.inbox import Order
from ipymultichat.model import Message, MessageStatus
from ipymultichat.widget import encode
from ipymultichat.widget.commands import Commands
from ipymultichat.widget.encode import Json

logger = logging.getLogger("ipymultichat.widget")

FRAME = 0.03
"""Seconds over which changes are collected into one patch: about one animation frame."""

_PAGE = 100
_MAX_PAGE = 500
_PATCH = 200
_CHUNK_TEXT = 4_000_000


class Sync:
    """Keeps the browsers of one widget in step with the hub.

    Args:
        hub: where the messages are.
        send: sends one custom message to every browser of the widget; any thread.
        refresh: updates the widget's traits; called for changes of servers, counts and notices.
    """

    def __init__(self, hub: Hub, *, send: Callable[[Json], None], refresh: Callable[[], None]) -> None:
        self._hub = hub
        self._send = send
        self._refresh = refresh
        self._commands = Commands(hub)
        self._lock = Lock()
        self._epoch = uuid.uuid4().hex
        self._seq = 0
        self._watched = False
        self._scheduled = False
        self._dirty: dict[str, None] = {}
        self._users_changed = False
        self._unlisten = hub.listen(self._on_change)

    def close(self) -> None:
        """Follow the hub no more."""
        self._unlisten()

    def receive(self, content: object) -> None:
        """A custom message from a browser; any thread."""
        # The frontend's messages may come in on another thread than the hub's loop.
        self._hub.post(lambda: self._handle(content))

    # hub to browser

    def _on_change(self, change: Change) -> None:
        with self._lock:
            if change.what == "message":
                self._dirty[change.message_id] = None
            elif change.what == "users":
                self._users_changed = True
            if self._scheduled:
                return
            self._scheduled = True
        self._hub.post(self._flush, delay=FRAME)

    def _flush(self) -> None:
        with self._lock:
            self._scheduled = False
            keys, self._dirty = list(self._dirty), {}
            users, self._users_changed = self._users_changed, False
        self._refresh()
        if not self._watched or not (keys or users):
            return
        for chunk in self._chunks(keys) or [[]]:
            self._seq += 1
            patch: Json = {"type": "patch", "epoch": self._epoch, "seq": self._seq, "now": _now()}
            self._send({**patch, "upsert": chunk, "remove": [], **({"users": self._users()} if users else {})})
            users = False

    def _chunks(self, keys: list[str]) -> list[list[Json]]:
        """The changed messages, in frames that are neither too many nor too large."""
        chunks: list[list[Json]] = []
        size = _CHUNK_TEXT
        for key in keys:
            item = encode.message(self._hub.inbox.entry(key))
            if size >= _CHUNK_TEXT or len(chunks[-1]) >= _PATCH:
                chunks.append([])
                size = 0
            chunks[-1].append(item)
            size += len(item["text"])
        return chunks

    def _users(self) -> list[Json]:
        return [encode.user(user) for user in self._hub.users]

    # browser to hub

    def _handle(self, content: object) -> None:
        if not isinstance(content, dict):
            logger.warning("a message from the browser is not an object")
            return
        handler = {"sync": self._on_sync, "page": self._on_page, "command": self._on_command}.get(
            str(content.get("type"))
        )
        if handler is None:
            logger.warning("a message of unknown type %.40r from the browser", content.get("type"))
            return
        try:
            handler(content)
        except Exception:
            logger.exception("a message from the browser could not be handled")

    def _on_sync(self, content: Json) -> None:
        self._watched = True
        entries, more = self._hub.inbox.page(None, _PAGE, _any)
        shown = {entry.message.id: entry for entry in (*self._hub.inbox.waiting()[-_MAX_PAGE:], *entries)}
        self._send(
            {
                "type": "snapshot",
                "client": content.get("client"),
                "epoch": self._epoch,
                "seq": self._seq,
                "now": _now(),
                "messages": [encode.message(entry) for entry in sorted(shown.values())],
                "more": more,
                "users": self._users(),
            }
        )

    def _on_page(self, content: Json) -> None:
        limit = content.get("limit")
        limit = limit if isinstance(limit, int) and 0 < limit <= _MAX_PAGE else _PAGE
        entries, more = self._hub.inbox.page(_order(content.get("before")), limit, _fits(content.get("filter")))
        self._send(
            {
                "type": "page",
                "client": content.get("client"),
                "ref": content.get("ref"),
                "messages": [encode.message(entry) for entry in entries],
                "more": more,
            }
        )

    def _on_command(self, content: Json) -> None:
        result: Json = {"type": "result", "client": content.get("client"), "ref": content.get("ref")}
        try:
            value = self._commands.run(content.get("name"), content.get("args"))
        except MultiChatError as error:
            self._send({**result, "ok": False, "error": str(error), "value": None})
        except Exception:
            logger.exception("the command %.40r failed", content.get("name"))
            self._send({**result, "ok": False, "error": "unexpected trouble, see the log", "value": None})
        else:
            self._send({**result, "ok": True, "error": "", "value": value})


def _any(_message: Message) -> bool:
    return True


def _fits(conditions: object) -> Callable[[Message], bool]:
    wanted: dict[str, Any] = conditions if isinstance(conditions, dict) else {}
    text = str(wanted.get("text") or "").casefold()
    kind, server_id, pending = wanted.get("kind"), wanted.get("server_id"), wanted.get("pending")

    def fits(message: Message) -> bool:
        return (
            (not kind or message.kind == kind)
            and (not server_id or message.server_id == server_id)
            and (not pending or message.status is MessageStatus.PENDING)
            and (not text or text in _searchable(message))
        )

    return fits


def _searchable(message: Message) -> str:
    words = (message.text, message.agent_name, message.project_directory, message.sender, message.receiver)
    return "\n".join((*words, message.reply.text if message.reply else "")).casefold()


def _order(value: object) -> Order | None:
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, int) for part in value):
        return value[0], value[1]
    return None


def _now() -> int:
    return int(time.time() * 1000)
