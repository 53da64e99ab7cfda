"""One inbox over many servers: what belongs together, wired; its lock, its listeners; the living ones by profile."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import warnings
import weakref
from collections import deque
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from random import random
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

from ipymultichat.completion import ProjectPaths
from ipymultichat.errors import ClosedError, ConfigError, NoLoopError, NotAnswerableError
from ipymultichat.hub import resolve
from ipymultichat.hub.connections import Connections
from ipymultichat.hub.importing import Importer
from ipymultichat.hub.inbound import Inbound
from ipymultichat.hub.log import MessageLog
from ipymultichat.hub.loop import NO_AWAIT, Loop, in_trio
from ipymultichat.hub.messages import Messages
from ipymultichat.hub.settings import NO_TOKEN, Given, SettingsInUse
from ipymultichat.hub.subscriptions import Subscriptions
from ipymultichat.hub.tables import StatusDict, UserTuple
from ipymultichat.inbox import Inbox
from ipymultichat.model import ConnectionState, Message, OnlineUser, ServerStatus, Settings
from ipymultichat.net import LinkSettings
from ipymultichat.session import Backoff
from ipymultichat.session.events import SessionEvent
from ipymultichat.store import MEMORY, ConfigFile, History

if TYPE_CHECKING:
    from ipymultichat.hub.local import OwnServer

logger: logging.Logger = logging.getLogger("ipymultichat.hub")

_IO = ("kernel", "thread")
CLOSED = "this MultiChat was closed; make a new one with MultiChat()"
FORKED = (
    "this MultiChat belongs to the process that made it, and its connections with it; make a new one here, "
    "or start workers by 'spawn' rather than 'fork'"
)
_NOTICES = 5
_RECALLED = 2_000
"""How many messages of the history are in memory from the start."""

_SOON = 0.001
"""Seconds; what has to wait until the event in hand is through."""

Listener = Callable[[str, str], None]
"""Called with what changed ("message", "users", "servers", "notices", "counts", "rules" or "cleared") and, for a
message, its id; in any thread, soon to return."""


class Notice(NamedTuple):
    """A line about trouble in the background, for the person.

    Attributes:
        text: the line.
        at: when it came up (aware UTC).
        server_id: the server that says so about itself, and takes it back when it is over; "" for every other line.
    """

    text: str
    at: datetime
    server_id: str = ""


class Hub:
    """What the inboxes (`Chat`) of one profile share. Methods may be called from any thread.

    Args:
        profile: whose settings and history.
        given: what the code gives; it is used and never written to the profile.
        io: "kernel" or "thread".
        link_settings: times of the connections.

    Raises:
        ConfigError: a value cannot be used.
    """

    def __init__(self, profile: str, given: Given, *, io: str, link_settings: LinkSettings | None) -> None:
        self.profile = profile
        self.io = io
        self.lock: RLock = RLock()
        self.closed: bool = False
        self._forked = False
        self.own_server: OwnServer | None = None
        self.notices: deque[Notice] = deque(maxlen=_NOTICES)
        self._listeners: tuple[Listener, ...] = ()
        self._statuses: dict[str, ServerStatus] = {}
        self._holders: weakref.WeakSet[object] = weakref.WeakSet()
        self._file = ConfigFile(profile, changed=self._file_changed, trouble=self.notice)
        self.settings: SettingsInUse = SettingsInUse(given, self._file)
        self.inbox: Inbox = Inbox(changed=self._message_changed, dropped=self._dropped)
        self.history: History = History(
            profile,
            entry=self.inbox.peek,
            living=lambda: [entry.message.id for entry in self.inbox.above(None)],
            trouble=self.notice,
            retention=self.settings.values.retention,
        )
        self.connections: Connections = Connections(
            io=io,
            link_settings=link_settings or LinkSettings(backoff=lambda: Backoff(random=random)),
            inbox=self.inbox,
            settings=self.settings,
            owner=self,
            clock=_now,
        )
        self.loop: Loop = self.connections.loop
        self.messages: Messages = Messages(
            self.inbox,
            self.connections,
            self.settings,
            lock=self.lock,
            check_open=self.check_open,
            users=lambda: self.users,
            clock=_now,
        )
        self.subscriptions: Subscriptions = Subscriptions(
            self.loop,
            answer=self.messages.answer,
            failed=self.inbox.note_trouble,
            trouble=self.notice,
            changed=lambda: self.notify("rules"),
            own_thread=io == "thread",
        )
        self.inbound: Inbound = Inbound(
            self.inbox,
            self.messages,
            self.settings,
            clock=_now,
            users_changed=lambda: self.notify("users"),
            arrived=self.subscriptions.publish,
            resume=self._resume,
            trouble=self.notice,
        )
        self.importer: Importer = Importer(self.inbox, self.history, recall=self.inbound.recall, lock=self.lock)
        self.paths: ProjectPaths = ProjectPaths(self.inbox.find)
        self.log: MessageLog = MessageLog(
            self.inbox, self.history, lambda server: resolve.server(self.settings.values.servers, server).id
        )
        _open.add(self)
        self._refresh_statuses()
        entries = self.history.open(_RECALLED)
        # Less than asked for is all there is.
        complete_from = entries[-_RECALLED].order if len(entries) >= _RECALLED else None
        self.inbox.restore(
            self.inbound.recall(entries), complete_from=complete_from, conversations=self.history.conversations()
        )
        self.loop.bind()

    # who holds it

    @classmethod
    def join(cls, holder: object, profile: str, given: Given, *, io: str, link_settings: LinkSettings | None) -> Hub:
        """Join the living hub of a profile, or make it; ":memory:" gives a new one every time.

        Args:
            holder: who holds it until `leave`, or until nobody refers to the holder any more.
            profile: see `Hub`, as the others.
            given: what the code gives.
            io: "kernel" or "thread".
            link_settings: times of the connections.

        Raises:
            ConfigError: a value cannot be used; then nothing is changed.
            NoLoopError: its connections cannot run on the loop that runs here.
        """
        if io not in _IO:
            raise ConfigError(f"io must be 'kernel' or 'thread', not {io!r}", value=io)
        if io == "kernel" and in_trio():
            raise NoLoopError(f"io='kernel' needs a loop of asyncio, and this one is of trio; {NO_AWAIT}")
        with _registry:
            hub = _living.get(profile)
            if hub is None or hub.closed:
                hub = cls(profile, given, io=io, link_settings=link_settings)
                if profile != MEMORY:
                    _living[profile] = hub
            else:
                hub._adopt(given, io)
            hub._holders.add(holder)
            weakref.finalize(holder, hub.loop.post, hub._close_if_forgotten).atexit = False
            return hub

    def leave(self, holder: object) -> None:
        """Hold it no more; the last one closes it."""
        with _registry:
            self._holders.discard(holder)
        self._close_if_alone()

    def _close_if_forgotten(self) -> None:
        if not self.closed and self._is_alone():
            self._close_if_alone()
            warnings.warn(
                f"a MultiChat of the profile {self.profile!r} was never closed", ResourceWarning, stacklevel=1
            )

    def _is_alone(self) -> bool:
        # Those that are still alive: the set itself learns of an end only after who else is told.
        return next(iter(self._holders), None) is None

    def _close_if_alone(self) -> None:
        with _registry:
            if self.closed or not self._is_alone():
                return
            if _living.get(self.profile) is self:
                del _living[self.profile]
        self._close()

    def _adopt(self, given: Given, io: str) -> None:
        with self.lock:
            for name, value in self.settings.adopt(given).items():
                self.change(name, value)
        if io != self.io:
            self.notice(f"this inbox runs with io={self.io!r} already; close() it first to use io={io!r}")

    def _close(self) -> None:
        with self.lock:
            if self.closed:
                return
            self.closed = True
            self._lose_sight("the inbox was closed before it was proved to have arrived")
            self.subscriptions.close()
        self.connections.close()
        self.write_what_is_left()

    def leave_to_parent(self) -> None:
        """This process was forked: the sockets, the files and the threads belong to the other one.

        Whatever another thread held at that moment stays locked here for ever, so what reads has new locks.
        """
        self.closed = self._forked = True
        self.lock, self.inbox.lock = RLock(), RLock()

    def write_what_is_left(self) -> None:
        """Write what came last now, and end the threads that write: the process, when it ends, waits for neither."""
        self._file.close(1.0)
        self.history.close()

    # what is there to see

    @property
    def statuses(self) -> dict[str, ServerStatus]:
        """The status of every server, by id, in the order of the list."""
        with self.lock:
            return StatusDict(self.settings.values.servers, self._statuses)

    @property
    def users(self) -> tuple[OnlineUser, ...]:
        """Everybody else online, server by server, by name."""
        with self.lock:
            found = [self.inbound.users.get(config.id, {}).values() for config in self.settings.values.servers]
            return UserTuple(
                user for there in found for user in sorted(there, key=lambda u: (u.nickname.lower(), u.client_id))
            )

    def check_open(self) -> None:
        """Raise `ClosedError` once it is closed, or in a process that was forked from the one it belongs to."""
        if self.closed:
            raise ClosedError(FORKED if self._forked else CLOSED)

    def waiting(self) -> list[Message]:
        """Requests of which a server has said in this kernel's life that they wait, oldest first."""
        return [message for message in self.inbox.pending() if message.id not in self.inbound.unconfirmed]

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call a listener with every change; returns what ends it."""
        self._listeners = (*self._listeners, listener)

        def end() -> None:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

        return end

    def notify(self, what: str, message_id: str = "") -> None:
        """Tell the listeners of a change."""
        for listener in self._listeners:
            listener(what, message_id)

    def notice(self, text: str) -> None:
        """Show a line about trouble in the background, and log it."""
        logger.warning("%s", text)
        with self.lock:
            for notice in [notice for notice in self.notices if notice.text == text]:
                self.notices.remove(notice)
            self.notices.append(Notice(text, _now()))
        self.notify("notices")

    # settings

    def change(self, name: str, value: object) -> None:
        """Use another value of a setting, at once.

        Args:
            name: a field of `Settings`.
            value: its new value.

        Raises:
            ConfigError: it cannot be used; then nothing is changed.
        """
        with self.lock:
            before = self.settings.values
            self.settings.change(name, value)
            self._settings_changed(before)

    def _file_changed(self, stored: Callable[[], Settings]) -> None:
        """The file is another one: edits of another kernel are used here at once."""
        with self.lock:
            if not self.closed:
                before = self.settings.values
                self.settings.reload(stored())
                self._settings_changed(before)

    def _settings_changed(self, before: Settings) -> None:
        """Make everything fit the settings, whoever changed them."""
        now = self.settings.values
        if now == before:
            return
        if now.servers != before.servers:
            labels = {config.id: config.label for config in before.servers}
            for config in now.servers:
                if labels.get(config.id, config.label) != config.label:
                    self.inbound.relabel(config.id)
                    self.history.rename(config.id, config.label)
            for server_id in self.inbound.users.keys() - {config.id for config in now.servers}:
                self.inbound.no_users(server_id)
        if now.servers != before.servers or now.token != before.token:
            self._refresh_statuses()
            self.connections.reconcile()
        if now.token != before.token:
            self.connections.tell_pool(lambda pool: pool.restart_all())
        if now.nickname != before.nickname:
            self.connections.tell_pool(lambda pool: pool.rename(now.nickname))
        if now.retention != before.retention:
            self.history.set_retention(now.retention)
        self.notify("servers")

    # what the connections report

    def on_event(self, server_id: str, event: SessionEvent) -> None:
        """See `Owner`."""
        handler = Inbound.handlers.get(type(event))
        if handler is None:
            return
        try:
            with self.lock:
                handler(self.inbound, server_id, event)
        except Exception:
            label = self.settings.label_of(server_id)
            logger.exception("%s: an event could not be applied", label)
            self.notice(f"{label}: something unexpected came in; see the log")

    def on_status(self, server_id: str, status: ServerStatus) -> None:
        """See `Owner`."""
        with self.lock:
            self._statuses[server_id] = status
            self._server_notice(server_id, status.notice)
            if status.state is not ConnectionState.CONNECTED:
                self.inbound.no_users(server_id)
            self._refresh_statuses()
        self.notify("servers")

    def _server_notice(self, server_id: str, text: str) -> None:
        """Show what a server says about itself, for as long as it does. It may say much: it is logged by its link."""
        lines = [f"{self.settings.label_of(server_id)}: {text}"] if text else []
        shown = [notice for notice in self.notices if notice.server_id == server_id]
        if [notice.text for notice in shown] != lines:
            for notice in shown:
                self.notices.remove(notice)
            self.notices.extend(Notice(line, _now(), server_id) for line in lines)
            self.notify("notices")

    def _refresh_statuses(self) -> None:
        """Servers without a link still have a status: switched off, or in want of a token."""
        for config in self.settings.values.servers:
            if not config.enabled:
                self._statuses[config.id] = ServerStatus()
            elif self.settings.token_for(config.url) is None:
                self._statuses[config.id] = ServerStatus(ConnectionState.ERROR, NO_TOKEN)
            elif self._statuses.get(config.id, ServerStatus()).error == NO_TOKEN:
                self._statuses[config.id] = ServerStatus()

    # what the messages report

    def _message_changed(self, message_id: str) -> None:
        self.history.touch(message_id)
        for listener in self._listeners:
            listener("message", message_id)

    def _dropped(self, message_ids: list[str]) -> None:
        # What the disk has can still be paged to; the rest is gone for whoever looks at it.
        if not self.history.usable:
            for message_id in message_ids:
                self.notify("message", message_id)

    def _resume(self, message: Message) -> None:
        """Finish what an earlier kernel was sending: the agent still waits for it."""

        def resume() -> None:
            # Answered, withdrawn or closed since it was listed: then there is nothing left to finish.
            with contextlib.suppress(NotAnswerableError, ClosedError):
                self.messages.reply(message, message.draft, rule=message.rule)

        self.loop.post(resume, delay=_SOON)

    def on_expired(self, message: Message) -> None:
        """See `Owner`."""
        with self.lock:
            self.messages.expire(message.id)

    def on_loop_end(self) -> None:
        """See `Owner`."""
        self._lose_sight("the event loop ended before it was proved to have arrived")

    def _lose_sight(self, reason: str) -> None:
        with self.lock:
            self.messages.all_failed(reason)


_registry = RLock()
_living: dict[str, Hub] = {}
_open: weakref.WeakSet[Hub] = weakref.WeakSet()


def _forked() -> None:
    """This process was forked: what was made before belongs to the other one, and what is made here begins anew."""
    global _registry  # noqa: PLW0603  a thread that is not here may hold the old one
    _registry = RLock()
    for hub in list(_open):
        hub.leave_to_parent()
    _living.clear()
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


_now = partial(datetime.now, timezone.utc)


@atexit.register
def _end() -> None:
    for hub in list(_open):
        if not hub.closed:
            # In this order: what is on its way is taken up by the next kernel, and no failure.
            hub.write_what_is_left()
            hub.connections.close()
