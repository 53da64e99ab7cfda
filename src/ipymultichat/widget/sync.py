"""The delta protocol to the browser, as `js/README.md` describes it.

Messages never travel as traits: a trait is sent whole and saved into the notebook. What changes is collected and sent
as one patch per animation frame; a browser that has missed something asks for a snapshot.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from threading import Lock
from typing import Any

from ipymultichat.errors import MultiChatError
from ipymultichat.hub import Hub
from ipymultichat.hub.hub import Change
from ipymultichat.model import MessageFilter
from ipymultichat.widget import encode
from ipymultichat.widget.commands import Commands
from ipymultichat.widget.downloads import Downloads
from ipymultichat.widget.encode import Json
from ipymultichat.widget.filters import filter_of, order_of
from ipymultichat.widget.uploads import KEPT, Uploads

logger = logging.getLogger("ipymultichat.widget")

FRAME = 0.03
"""Seconds over which changes are collected into one patch: about one animation frame."""

_PAGE = 100
_MAX_PAGE = 500
_PATCH = 200
_CONVERSATIONS = 200
_CHUNK_TEXT = 4_000_000
_UNEXPECTED = "unexpected trouble, see the log"


class Sync:
    """Keeps the browsers of one widget in step with the hub.

    Args:
        hub: where the messages are.
        send: sends one custom message, with a list of binary buffers or None, to every browser of the widget; any
            thread.
        refresh: updates the widget's traits; called for changes of servers, counts and notices.
    """

    def __init__(self, hub: Hub, *, send: Callable[..., None], refresh: Callable[[], None]) -> None:
        self._hub = hub
        self._send = send
        self._refresh = refresh
        self._uploads = Uploads()
        self._downloads = Downloads(hub)
        self._commands = Commands(hub, self._uploads)
        self._lock = Lock()
        self._epoch = uuid.uuid4().hex
        self._seq = 0
        self._watched = False
        self._scheduled = False
        self._dirty: dict[str, None] = {}
        self._users_changed = False
        self._conversations: list[Json] = []
        self._cleared = False
        self._sweeping = False
        self._unlisten = hub.listen(self._on_change)

    def close(self) -> None:
        """Follow the hub no more, and keep no files."""
        self._unlisten()
        self._uploads.clear()

    def receive(self, content: object, buffers: Sequence[memoryview | bytes] = ()) -> None:
        """A custom message from a browser, with its binary buffers; any thread."""
        # The frontend's messages may come in on another thread than the hub's loop.
        self._hub.post(lambda: self._handle(content, buffers))

    # hub to browser

    def _on_change(self, change: Change) -> None:
        with self._lock:
            if change.what == "message":
                self._dirty[change.message_id] = None
            elif change.what == "users":
                self._users_changed = True
            elif change.what == "cleared":
                self._cleared = True
            if self._scheduled:
                return
            self._scheduled = True
        self._hub.post(self._flush, delay=FRAME)

    def _flush(self) -> None:
        with self._lock:
            self._scheduled = False
            keys, self._dirty = list(self._dirty), {}
            users, self._users_changed = self._users_changed, False
            cleared, self._cleared = self._cleared, False
        self._refresh()
        if cleared:
            # Another log: whoever holds the old one sees a strange epoch and asks for a snapshot.
            self._epoch, self._seq, users = uuid.uuid4().hex, 0, True
        if not self._watched:
            return
        extra: Json = {"users": self._users()} if users else {}
        conversations = self._talks()
        if conversations != self._conversations:
            extra["conversations"] = self._conversations = conversations
        gone = [key for key in keys if not self._hub.inbox.find(key)]
        chunks = self._chunks(keys)
        for chunk in chunks or ([[]] if extra or gone else []):
            self._seq += 1
            patch: Json = {"type": "patch", "epoch": self._epoch, "seq": self._seq, "now": _now()}
            self._send({**patch, "upsert": chunk, "remove": gone, **extra})
            extra, gone = {}, []

    def _chunks(self, keys: list[str]) -> list[list[Json]]:
        """The changed messages, in frames that are neither too many nor too large."""
        chunks: list[list[Json]] = []
        size = _CHUNK_TEXT
        # What was cleared meanwhile, or had to make room, is in no entry any more.
        for key in (key for key in keys if self._hub.inbox.find(key)):
            item = encode.message(self._hub.inbox.entry(key))
            if size >= _CHUNK_TEXT or len(chunks[-1]) >= _PATCH:
                chunks.append([])
                size = 0
            chunks[-1].append(item)
            size += len(item["text"])
        return chunks

    def _users(self) -> list[Json]:
        return [encode.user(user) for user in self._hub.users]

    def _talks(self) -> list[Json]:
        return [encode.conversation(item) for item in self._hub.inbox.conversations()[:_CONVERSATIONS]]

    # browser to hub

    def _handle(self, content: object, buffers: Sequence[memoryview | bytes]) -> None:
        if not isinstance(content, dict):
            logger.warning("a message from the browser is not an object")
            return
        handler = {
            "sync": self._on_sync,
            "page": self._on_page,
            "command": self._on_command,
            "upload": lambda content: self._on_upload(content, buffers),
            "forget": self._on_forget,
            "fetch": self._on_fetch,
        }.get(str(content.get("type")))
        if handler is None:
            logger.warning("a message of unknown type %.40r from the browser", content.get("type"))
            return
        try:
            handler(content)
        except Exception:
            logger.exception("a message from the browser could not be handled")

    def _on_sync(self, content: Json) -> None:
        self._watched = True
        entries, more = self._hub.inbox.page(None, _PAGE, MessageFilter())
        shown = {entry.message.id: entry for entry in (*self._hub.inbox.waiting()[-_MAX_PAGE:], *entries)}
        self._send(
            {
                "type": "snapshot",
                "client": content.get("client"),
                "epoch": self._epoch,
                "seq": self._seq,
                "now": _now(),
                "messages": [encode.message(entry) for entry in sorted(shown.values())],
                "more": more or self._hub.inbox.floor is not None,
                "users": self._users(),
                "conversations": self._talks(),
            }
        )

    def _on_page(self, content: Json) -> None:
        self._hub.run(self._answer_later(content, self._page(content), quiet=True))

    async def _page(self, content: Json) -> None:
        limit = content.get("limit")
        limit = limit if isinstance(limit, int) and 0 < limit <= _MAX_PAGE else _PAGE
        wanted = filter_of(content.get("filter"))
        entries, more = await self._hub.pages.page(order_of(content.get("before")), limit, wanted)
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
        self._answer(content, lambda: self._commands.run(content.get("name"), content.get("args")))

    def _on_upload(self, content: Json, buffers: Sequence[memoryview | bytes]) -> None:
        self._answer(content, lambda: self._uploads.add(content, bytes(buffers[0]) if buffers else b""))
        if not self._sweeping:
            self._sweeping = True
            self._hub.post(self._sweep, delay=KEPT)

    def _sweep(self) -> None:
        self._uploads.sweep()
        self._sweeping = len(self._uploads) > 0
        if self._sweeping:
            self._hub.post(self._sweep, delay=KEPT / 10)

    def _on_forget(self, content: Json) -> None:
        keys = content.get("uploads")
        self._uploads.forget(str(content.get("client")), keys if isinstance(keys, list) else None)

    def _on_fetch(self, content: Json) -> None:
        async def send() -> None:
            size, piece = await self._downloads.piece(content)
            frame = {"type": "piece", "client": content.get("client"), "ref": content.get("ref"), "size": size}
            self._send(frame, [piece])

        self._hub.run(self._answer_later(content, send(), quiet=True))

    def _answer(self, content: Json, work: Callable[[], Any]) -> None:
        """Do what was asked for and say how it went."""
        try:
            value = work()
        except MultiChatError as error:
            self._result(content, error=str(error))
        except Exception:
            logger.exception("the command %.40r failed", content.get("name"))
            self._result(content, error=_UNEXPECTED)
        else:
            if isinstance(value, Awaitable):
                self._hub.run(self._answer_later(content, value))
            else:
                self._result(content, value=value)

    async def _answer_later(self, content: Json, work: Awaitable[Any], *, quiet: bool = False) -> None:
        """Say how it went once it is done; `quiet`: only if it went badly."""
        try:
            value = await work
            if not quiet:
                self._result(content, value=value)
        except MultiChatError as error:
            self._result(content, error=str(error))
        except Exception:
            logger.exception("the command %.40r failed", content.get("name"))
            self._result(content, error=_UNEXPECTED)

    def _result(self, content: Json, *, value: Any = None, error: str = "") -> None:
        answer = {"type": "result", "client": content.get("client"), "ref": content.get("ref")}
        self._send({**answer, "ok": not error, "error": error, "value": value})


def _now() -> int:
    return int(time.time() * 1000)
