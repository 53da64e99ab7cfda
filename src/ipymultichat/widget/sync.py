"""The delta protocol to the browser, as `js/README.md` describes it.

Messages never travel as traits: a trait is sent whole and saved into the notebook. What changes is collected and sent
as one patch per animation frame; a browser that has missed something asks for a snapshot.
"""

from __future__ import annotations

import logging
import time
import uuid
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from threading import Lock
from typing import Any

from ipymultichat.errors import MultiChatError
from ipymultichat.hub import Hub
from ipymultichat.model import MessageFilter, OnlineUser
from ipymultichat.model.forms import browser_form, milliseconds
from ipymultichat.widget.commands import Commands, filter_of, order_of
from ipymultichat.widget.files import SILENT, Downloads, Json, Uploads

Buffers = Sequence[memoryview | bytes]

logger: logging.Logger = logging.getLogger("ipymultichat.widget")

FRAME = 0.03
"""Seconds over which changes are collected into one patch: about one animation frame."""

_PAGE, _MAX_PAGE = 100, 500
_PATCH = 200
_CONVERSATIONS = 200
_USERS = 500
"""How many of those online a browser holds; the others it looks for by name."""
_FOUND = 20
_CHUNK_TEXT = 4_000_000
_UNEXPECTED = "unexpected trouble, see the log"


class Sync:
    """Keeps the browsers of one widget in step with the hub.

    Args:
        hub: where the messages are.
        uploads: files that browsers hand over.
        commands: what browsers may ask for.
        send: what sends one custom message, with a list of binary buffers or None, to every browser of the widget; any
            thread. Held weakly, as the next: what the hub calls must not keep the widget alive.
        refresh: called on the loop, at most once per frame, after any change: updates the widget's traits. Gets whether
            more than messages changed.
    """

    def __init__(
        self,
        hub: Hub,
        uploads: Uploads,
        commands: Commands,
        *,
        send: weakref.WeakMethod[Callable[..., None]],
        refresh: weakref.WeakMethod[Callable[..., None]],
    ) -> None:
        self._hub = hub
        self._uploads = uploads
        self._commands = commands
        self._downloads = Downloads(hub.log)
        self._send: Callable[[], Callable[..., None] | None] = send
        self._refresh = refresh
        self._lock = Lock()
        self._epoch = uuid.uuid4().hex
        self._seq = 0
        self._watched = False
        self._scheduled = False
        self._flushed = -FRAME  # seconds of the monotonic clock
        self._changed: set[str] = set()
        self._dirty: dict[str, None] = {}
        self._conversations_version = -1
        # Which people the browsers hold, and who was looked for last: ids of server and client.
        self._users: dict[tuple[str, str], OnlineUser] = {}
        self._sought: list[tuple[str, str]] = []
        self._sweeping = False
        self._unlisten = hub.listen(self.on_change)
        self._handlers: dict[object, Callable[[Json, Buffers], Coroutine[Any, Any, None] | None]] = {
            "sync": self._on_sync,
            "people": self._on_people,
            "page": self._on_page,
            "command": self._on_command,
            "upload": self._on_upload,
            "forget": self._on_forget,
            "fetch": self._on_fetch,
        }

    def close(self) -> None:
        """Follow the hub no more, and keep no files."""
        self._unlisten()
        self._uploads.clear()
        self._downloads.clear()

    def receive(self, content: object, buffers: Buffers = ()) -> None:
        """A custom message from a browser, with its binary buffers; any thread."""
        # The frontend's messages may come in on another thread than the hub's loop.
        self._hub.loop.post(partial(self._handle, content, buffers))

    # hub to browser

    def on_change(self, what: str, message_id: str) -> None:
        """Something changed, see `hub.Listener`; it is told at once after a pause, and otherwise once per frame."""
        with self._lock:
            if message_id:
                self._dirty[message_id] = None
            else:
                self._changed.add(what)
            if self._scheduled:
                return
            self._scheduled = True
        self._hub.loop.post(self._flush, delay=max(0.0, self._flushed + FRAME - time.monotonic()))

    def _flush(self) -> None:
        with self._lock:
            self._scheduled = False
            self._flushed = time.monotonic()
            keys, self._dirty = self._dirty, {}
            changed, self._changed = self._changed, set()
        self._patch(keys, changed)
        # After the messages, which are what somebody waits for: each trait takes the browser some milliseconds.
        (self._refresh() or _nowhere)(bool(changed))

    def _patch(self, keys: Iterable[str], changed: AbstractSet[str]) -> None:
        """Send the messages with these ids, and whoever came or left."""
        if "cleared" in changed:
            # Another log: whoever holds the old one sees a strange epoch and asks for a snapshot.
            self._epoch, self._seq = uuid.uuid4().hex, 0
        if not self._watched:
            return
        extra = self._users_patch() if changed & {"users", "cleared"} else {}
        if self._hub.inbox.conversations_version != self._conversations_version:
            extra["conversations"] = self._conversations()
        entries = [(key, self._hub.inbox.peek(key)) for key in keys]
        gone = [key for key, entry in entries if entry is None]  # cleared meanwhile, or it had to make room
        chunks: list[list[Json]] = [[]] if extra or gone else []
        size = 0
        for _key, entry in entries:
            if entry is not None:
                if not chunks or size >= _CHUNK_TEXT or len(chunks[-1]) >= _PATCH:
                    chunks.append([])
                    size = 0
                chunks[-1].append(browser_form(entry))
                size += len(entry.message.text)
        for chunk in chunks:
            self._seq += 1
            (self._send() or _nowhere)({"type": "patch", **self._stamp(), "upsert": chunk, "remove": gone, **extra})
            extra, gone = {}, []

    def _stamp(self) -> Json:
        """Which state of the log a frame holds or makes, and the time."""
        return {"epoch": self._epoch, "seq": self._seq, "now": int(time.time() * 1000)}

    def _users_patch(self) -> Json:
        """Who of those that the browsers hold came, changed or left."""
        before = self._users
        with self._hub.lock:
            self._users = now = self._hub.inbound.some_users((*self._sought, *before), _USERS)
            count = sum(map(len, self._hub.inbound.users.values()))
        return {
            "users": [_user_form(user) for key, user in now.items() if before.get(key) != user],
            "users_gone": [{"server_id": key[0], "client_id": key[1]} for key in before if key not in now],
            "user_count": count,
        }

    def _conversations(self) -> list[Json]:
        self._conversations_version = self._hub.inbox.conversations_version
        return [asdict(conversation) for conversation in self._hub.inbox.conversations()[:_CONVERSATIONS]]

    # browser to hub

    def _handle(self, content: object, buffers: Buffers) -> None:
        if not isinstance(content, dict):
            logger.warning("a message from the browser is not an object")
            return
        handler = self._handlers.get(content.get("type"))
        if handler is None:
            logger.warning("a message of unknown type %.40r from the browser", content.get("type"))
            return
        with self._telling(content):
            work = handler(content, buffers)
            if work is not None:
                self._hub.connections.run(self._finish(content, work))

    async def _finish(self, content: Json, work: Coroutine[Any, Any, None]) -> None:
        with self._telling(content):
            await work

    @contextmanager
    def _telling(self, content: Json) -> Iterator[None]:
        """Tell the browser tab that asked when its wish cannot be met."""
        try:
            yield
        except MultiChatError as error:
            self._result(content, error=str(error))
        except Exception:
            what = content.get("name") or content.get("type")
            logger.exception("a %.40r from the browser could not be handled", what)
            self._result(content, error=_UNEXPECTED)

    def _on_sync(self, content: Json, _buffers: object) -> None:
        if not self._watched:
            self._watched = True
            self._users_patch()
        inbox = self._hub.inbox
        entries, more = inbox.page(None, _PAGE, MessageFilter())
        shown = {entry.message.id: entry for entry in (*inbox.open_requests(_MAX_PAGE), *entries)}
        (self._send() or _nowhere)(
            {
                "type": "snapshot",
                "client": content.get("client"),
                **self._stamp(),
                "messages": [browser_form(entry) for entry in sorted(shown.values())],
                "more": more or inbox.complete_from is not None,
                "users": list(map(_user_form, self._users.values())),
                "user_count": sum(map(len, self._hub.inbound.users.values())),
                "conversations": self._conversations(),
            }
        )

    def _on_people(self, content: Json, _buffers: object) -> None:
        """Somebody looks for people by name: they are in the window from now on."""
        with self._hub.lock:
            self._sought = self._hub.inbound.find_users(str(content.get("search")), _FOUND)
        self.on_change("users", "")

    async def _on_page(self, content: Json, _buffers: object) -> None:
        limit = content.get("limit")
        limit = limit if isinstance(limit, int) and 0 < limit <= _MAX_PAGE else _PAGE
        wanted = filter_of(content.get("filter"))
        entries, more = await self._hub.log.page(order_of(content.get("before")), limit, wanted)
        self._answer(content, {"type": "page", "messages": list(map(browser_form, entries)), "more": more})

    def _on_command(self, content: Json, _buffers: object) -> Coroutine[Any, Any, None] | None:
        command = self._commands.find(content.get("name"), content.get("args"))
        value = command(content["args"])
        if isinstance(value, Awaitable):
            return self._result_of(content, value)
        self._result(content, value=value)
        return None

    async def _result_of(self, content: Json, work: Awaitable[Any]) -> None:
        self._result(content, value=await work)

    def _on_upload(self, content: Json, buffers: Buffers) -> None:
        self._result(content, value=self._uploads.add(content, bytes(buffers[0]) if buffers else b""))
        self._sweep_later()

    def _sweep_later(self) -> None:
        if not self._sweeping and (len(self._uploads) or len(self._downloads)):
            self._sweeping = True
            self._hub.loop.post(self._sweep, delay=SILENT)

    def _sweep(self) -> None:
        self._sweeping = False
        self._uploads.sweep()
        self._downloads.sweep()
        self._sweep_later()

    def _on_forget(self, content: Json, _buffers: object) -> None:
        keys = content.get("uploads")
        self._uploads.forget(str(content.get("client")), keys if isinstance(keys, list) else None)
        if keys is None:
            self._downloads.forget(str(content.get("client")))

    async def _on_fetch(self, content: Json, _buffers: object) -> None:
        size, piece = await self._downloads.piece(content)
        self._sweep_later()
        self._answer(content, {"type": "piece", "size": size}, [piece])

    def _result(self, content: Json, *, value: Any = None, error: str = "") -> None:
        self._answer(content, {"type": "result", "ok": not error, "error": error, "value": value})

    def _answer(self, content: Json, frame: Json, buffers: list[bytes] | None = None) -> None:
        """Send a frame to the browser tab that asked."""
        (self._send() or _nowhere)({"client": content.get("client"), "ref": content.get("ref"), **frame}, buffers)


def _nowhere(*_arguments: object) -> None:
    """What is told to a widget that is gone."""


def _user_form(user: OnlineUser) -> Json:
    names = {name: getattr(user, name) for name in ("server_id", "client_id", "nickname")}
    return {**names, "connected_at": milliseconds(user.connected_at)}
