"""One inbox over many servers: state, commands, and what connects them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from random import random
from threading import RLock
from typing import Any

from ipymultichat.errors import ClosedError, ConfigError, NotAnswerableError
from ipymultichat.hub import contents as parts
from ipymultichat.hub import lookup
from ipymultichat.hub.delivery import Delivery
from ipymultichat.hub.engine import Engine, Hooks
from ipymultichat.hub.feed import Feed
from ipymultichat.hub.intake import Intake
from ipymultichat.hub.pages import Pages
from ipymultichat.hub.paths import ProjectPaths
from ipymultichat.hub.setup import Setup
from ipymultichat.inbox import Inbox, MessageLog
from ipymultichat.model import (
    ConnectionState,
    Message,
    MessageFilter,
    MessageKind,
    MessageStatus,
    OnlineUser,
    Order,
    Secret,
    ServerConfig,
    ServerStatus,
    TextContent,
    nickname_of,
    normalize_url,
    server_config,
    token_of,
)
from ipymultichat.net import LinkSettings, try_login
from ipymultichat.session import Backoff
from ipymultichat.session.events import SessionEvent
from ipymultichat.store import MEMORY, ConfigStore, FileWatch, History, NoHistory, Preferences, Retention, read_file

logger = logging.getLogger("ipymultichat.hub")

NO_TOKEN = "no token set"  # noqa: S105  (a status text, not a token)
_NOTICES = 5
_RECALLED = 2_000
"""How many messages of the history are in memory from the start."""

_IO = ("kernel", "thread")


@dataclass(frozen=True)
class Notice:
    """A line about trouble in the background, for the person."""

    text: str
    at: datetime


@dataclass(frozen=True)
class Change:
    """What changed: "message" (with its id), "users", "servers", "notices", "counts" or "cleared"."""

    what: str
    message_id: str = ""


class Hub:
    """The whole of `ipymultichat` without Jupyter. Methods may be called from any thread.

    Args:
        profile: whose settings; see `MultiChat`.
        servers: the server list; None: the stored one.
        token: None: `$MULTICHAT_TOKEN`, else the stored one.
        nickname: None: the stored one, else the OS user name.
        io: "kernel" or "thread".
        settings: times of the connections.

    What is passed here is used and never written to the profile; later changes are written where the value came
    from the profile.

    Raises:
        ConfigError: a value cannot be used.
    """

    def __init__(
        self,
        profile: str,
        *,
        servers: Iterable[object] | None = None,
        token: str | Secret | None = None,
        nickname: str | None = None,
        io: str = "kernel",
        settings: LinkSettings | None = None,
    ) -> None:
        if io not in _IO:
            raise ConfigError(f"io must be 'kernel' or 'thread', not {io!r}", value=io)
        self.profile = profile
        self.io = io
        self.lock = RLock()
        self.inbox = Inbox(dropped=self._dropped)
        self.history: History | NoHistory = NoHistory()
        self.messages = MessageLog(self.inbox, self.server_id_of)
        self.notices: deque[Notice] = deque(maxlen=_NOTICES)
        self._listeners: list[Callable[[Change], None]] = []
        self._statuses: dict[str, ServerStatus] = {}
        self._closed = False
        self._trials: set[asyncio.Task[str]] = set()
        self._setup = Setup(ConfigStore(profile), servers=servers, token=token, nickname=nickname, trouble=self.notice)
        self._intake = Intake(
            self.inbox,
            label=self.label_of,
            nickname=lambda: self.nickname,
            clock=_now,
            changed=self._message_changed,
            users_changed=lambda: self._notify(Change("users")),
            arrived=self._arrived,
            trouble=lambda server_id, text: self.notice(f"{self.label_of(server_id)}: {text}"),
        )
        self._engine = Engine(
            io=io,
            settings=settings or LinkSettings(backoff=lambda: Backoff(random=random)),
            inbox=self.inbox,
            hooks=Hooks(
                servers=self._connectable,
                credentials=self._credentials,
                on_event=self._on_event,
                on_status=self._on_status,
                on_loop_end=lambda: self._lose_sight("the event loop ended before it was proved to have arrived"),
                expire=self._expire,
                notice=self.notice,
            ),
            clock=_now,
        )
        self.post, self.run, self.at_close = self._engine.post, self._engine.run, self._engine.at_close
        self.feed = Feed(
            self._engine.runner, answer=self._handler_answered, trouble=self.notice, own_thread=io == "thread"
        )
        self.paths = ProjectPaths(self.inbox.find)
        self._refresh_statuses()
        self._recall()
        self.pages = Pages(self.inbox, self.history)
        path = self._setup.path
        self._watch = None if path is None else FileWatch(path, self._settings_changed)

    def adopt(
        self,
        *,
        servers: Iterable[object] | None = None,
        token: str | Secret | None = None,
        nickname: str | None = None,
        io: str = "kernel",
    ) -> None:
        """Take on what a cell that joins this hub asks for; what cannot be changed is reported as a notice.

        Raises:
            ConfigError: a value cannot be used; then nothing is changed.
        """
        with self.lock:
            new_servers, new_token, new_name = self._setup.adopt(servers=servers, token=token, nickname=nickname)
            if new_servers not in (None, self.servers):
                self._change_servers(new_servers or ())
            if new_token is not None:
                self.set_token(new_token)
            if new_name is not None:
                self.set_nickname(new_name)
        if io != self.io:
            self.notice(f"this inbox runs with io={self.io!r} already; close() it first to use io={io!r}")

    # what is there to see

    @property
    def servers(self) -> tuple[ServerConfig, ...]:
        """The server list."""
        return self._setup.servers

    @property
    def nickname(self) -> str:
        """What others see."""
        return self._setup.nickname

    @property
    def statuses(self) -> dict[str, ServerStatus]:
        """The status of every server, by id, in the order of the list."""
        with self.lock:
            return {config.id: self._statuses.get(config.id, ServerStatus()) for config in self.servers}

    @property
    def users(self) -> tuple[OnlineUser, ...]:
        """Everybody else online, server by server, by name."""
        with self.lock:
            return tuple(
                user
                for config in self.servers
                for user in sorted(
                    self._intake.users.get(config.id, {}).values(), key=lambda u: (u.nickname.lower(), u.client_id)
                )
            )

    @property
    def has_token(self) -> bool:
        """Whether there is a token; the token itself is not to be had."""
        return self._setup.token is not None

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def counts(self) -> dict[str, int]:
        """What the badge counts: connected and enabled servers, pending and unread messages."""
        statuses = self.statuses
        return {
            "connected_count": sum(s.state is ConnectionState.CONNECTED for s in statuses.values()),
            "server_count": sum(config.enabled for config in self.servers),
            "pending_count": self.inbox.pending_count,
            "unread_count": self.inbox.unread_count,
        }

    def server_id_of(self, server: str | ServerConfig) -> str:
        """The id of a server named by id, label or entry.

        Raises:
            UnknownServerError, AmbiguousServerError: with the candidates.
        """
        return lookup.server(self.servers, server).id

    def label_of(self, server_id: str) -> str:
        """The label of a server, or its id once it is gone from the list."""
        return self._setup.label_of(server_id)

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` with every change, in any thread, soon to return; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    # connecting

    def start(self) -> None:
        """Want connections from now on; they come up as soon as there is a loop."""
        self._check_open()
        self._engine.want()

    async def connect(self) -> None:
        """Start every enabled server; returns once each is connected and in step, or has failed its first try.

        Raises:
            ClosedError: the hub is closed.
            NoLoopError: there is no event loop to connect on.
        """
        self.start()
        await self._engine.connected()

    async def disconnect(self) -> None:
        """Close every connection until `connect` is called; what is on its way fails, with its text kept."""
        self._check_open()
        self._engine.want(wanted=False)
        await self._engine.disconnected()

    def reconnect(self, server: str | ServerConfig | None = None) -> None:
        """Try now rather than later: one server, or all.

        Raises:
            UnknownServerError, AmbiguousServerError: with the candidates.
        """
        self._check_open()
        server_id = None if server is None else self.server_id_of(server)
        self._engine.want()
        self._engine.tell_pool(lambda pool: pool.retry_now(server_id))

    def close(self) -> None:
        """Close for good: sockets, tasks, thread. What was on its way is reported as failed."""
        with self.lock:
            if self._closed:
                return
            self._closed = True
            if self._watch is not None:
                self._watch.stop()
            self._lose_sight("the inbox was closed before it was proved to have arrived")
            self.feed.close()
            for trial in list(self._trials):
                if not trial.get_loop().is_closed():
                    trial.get_loop().call_soon_threadsafe(trial.cancel)
        self._engine.close()
        self.history.close()

    # settings

    def add_server(self, value: object) -> ServerConfig:
        """Add a server to the list; returns its entry.

        Raises:
            ConfigError: the entry cannot be used, or its address is in the list already.
        """
        self._check_open()
        config = server_config(value)
        with self.lock:
            # An entry that has moved to another address keeps the id that was made from its first one.
            if any(config.id == other.id and config.url != other.url for other in self.servers):
                config = replace(config, id=uuid.uuid4().hex[:12])
            self._change_servers((*self.servers, config))
        return config

    def import_servers(self, path: Path) -> tuple[ServerConfig, ...]:
        """Add the servers of a file that are not in the list yet; returns those.

        Raises:
            ConfigError: the file holds no usable server.
            OSError: it cannot be read.
        """
        self._check_open()
        found = read_file(path)
        with self.lock:
            known = {config.url for config in self.servers}
            return tuple(self.add_server(config) for config in found if config.url not in known)

    def update_server(self, server: str | ServerConfig, **changes: object) -> ServerConfig:
        """Change name, url or enabled of a server; returns its new entry.

        Raises:
            UnknownServerError, AmbiguousServerError: with the candidates.
            ConfigError: a value cannot be used.
        """
        self._check_open()
        with self.lock:
            old = lookup.server(self.servers, server)
            labels = self._labels()
            new = self._setup.change_server(old, changes)
            self._servers_changed()
            self._relabel(labels)
        return new

    def remove_server(self, server: str | ServerConfig) -> None:
        """Take a server off the list; its messages stay in the log.

        Raises:
            UnknownServerError, AmbiguousServerError: with the candidates.
        """
        self._check_open()
        with self.lock:
            old = lookup.server(self.servers, server)
            self._change_servers(tuple(config for config in self.servers if config is not old))

    def set_token(self, token: str | Secret) -> None:
        """Use another token, on every server, at once.

        Raises:
            ConfigError: it cannot be used; the error does not show it.
        """
        self._check_open()
        new = token_of(token)
        with self.lock:
            same = new == self._setup.token
            self._setup.set_token(new)
            self._servers_changed()
        if not same:
            self._engine.tell_pool(lambda pool: pool.restart_all())

    def set_nickname(self, name: str) -> None:
        """Use another nickname, on every server, without reconnecting.

        Raises:
            ConfigError: it cannot be used.
        """
        self._check_open()
        nickname = nickname_of(name)
        with self.lock:
            self._setup.set_nickname(nickname)
            self._notify(Change("servers"))
        self._engine.tell_pool(lambda pool: pool.rename(nickname))

    @property
    def preferences(self) -> Preferences:
        """How the person likes to answer in the widget."""
        return self._setup.preferences

    def change_preferences(self, changes: Mapping[str, object]) -> None:
        """Change some of the preferences; see `Preferences.changed`.

        Raises:
            ConfigError: a value cannot be used; then nothing is changed.
        """
        self._check_open()
        with self.lock:
            self._setup.set_preferences(self.preferences.changed(changes))
        self._notify(Change("servers"))

    @property
    def retention(self) -> Retention:
        """How long messages are kept on disk."""
        return self._setup.retention

    def set_retention(self, retention: Retention) -> None:
        """Keep messages on disk for another time, or up to another size."""
        self._check_open()
        with self.lock:
            self._setup.set_retention(retention)
        self.history.set_retention(retention)
        self._notify(Change("servers"))

    async def test_server(self, url: str) -> str:
        """Try an address with the token and nickname in use; returns "" or the reason why it does not work.

        The connections that are there are not touched.

        Raises:
            ConfigError: the address cannot be used.
            asyncio.CancelledError: the hub was closed meanwhile.
        """
        self._check_open()
        address = normalize_url(url)
        if self._setup.token is None:
            return NO_TOKEN
        trial = asyncio.ensure_future(try_login(address, self._setup.token, self.nickname))
        self._trials.add(trial)
        trial.add_done_callback(self._trials.discard)
        return await trial

    # messages

    def clear_history(self) -> int:
        """Forget every message that is settled, on disk too; returns how many were in memory.

        What waits or failed stays.
        """
        self._check_open()
        gone = self.inbox.clear()
        self.history.clear()
        self._notify(Change("cleared"))
        return gone

    def reply(self, message: Message | str, *values: object) -> Delivery:
        """Answer a question or report.

        Raises:
            UnknownMessageError: the message is not in this inbox.
            NotAnswerableError: it takes no answer (any more).
            ConfigError, EncodeError: a value cannot be sent.
        """
        self._check_open()
        contents = parts.contents_of(values)
        if not any(not isinstance(part, TextContent) or part.text.strip() for part in contents):
            raise ConfigError("the reply is empty; give a text, a file or an image")
        with self.lock:
            self._check_open()  # another thread may have closed it meanwhile: then nothing would ever settle this
            current = lookup.answerable(self.inbox, message)
            delivery = self._intake.sending(current, contents)
        server_id, request_id = current.server_id, current.request_id
        self._act(
            server_id,
            lambda session, now: session.reply(request_id, contents, now),
            lambda: self._intake.fail(self.inbox.get(current.id), "the server is switched off or removed"),
        )
        return delivery

    def send(self, to: OnlineUser | str, text: str) -> Delivery:
        """Write to somebody online.

        Args:
            to: an `OnlineUser`, or "nickname@server label".
            text: what to say.

        Raises:
            UnknownUserError, AmbiguousUserError, UnknownServerError: `to` fits nobody, or several.
            ConfigError, EncodeError: the text cannot be sent.
        """
        self._check_open()
        if not isinstance(text, str) or not text.strip():
            raise ConfigError("the chat message is empty; give a text", value=text)
        parts.contents_of((text,))
        with self.lock:
            self._check_open()  # see `reply`
            receiver = lookup.receiver(self.servers, self.users, self._known_peers(), to)
            message, delivery = self._intake.chat_leaves(receiver.server_id, receiver, text)
        return self._deliver_chat(message, receiver, delivery)

    def send_again(self, message: Message | str) -> Delivery:
        """Send a chat message of ours that failed once more; it keeps its place in the log.

        Args:
            message: the message or its id.

        Raises:
            UnknownMessageError: the message is not in this inbox.
            NotAnswerableError: it is not a chat message of ours that failed.
        """
        self._check_open()
        with self.lock:
            self._check_open()  # see `reply`
            failed = lookup.sendable_again(self.inbox, message)
            peer = OnlineUser(failed.receiver_id, failed.receiver, failed.server_id, failed.server_name)
            receiver = lookup.receiver(self.servers, self.users, set(), peer)
            delivery = self._intake.chat_leaves_again(failed, receiver)
        return self._deliver_chat(failed, receiver, delivery)

    def mark_read(self, upto: Order, server_id: str = "", peer: str = "") -> None:
        """Everything up to this place has been seen, or that of one conversation."""
        if self.inbox.mark_read(upto, MessageFilter(server_id=server_id, peer=peer)):
            self.history.mark_read(upto, server_id, peer)
            self._notify(Change("counts"))

    def waiting(self) -> list[Message]:
        """Requests of which a server has said in this kernel's life that they wait, oldest first."""
        return [message for message in self.messages.pending if message.id not in self._intake.recalled]

    def notice(self, text: str) -> None:
        """Show a line about trouble in the background, and log it."""
        logger.warning("%s", text)
        with self.lock:
            for notice in [notice for notice in self.notices if notice.text == text]:
                self.notices.remove(notice)
            self.notices.append(Notice(text, _now()))
        self._notify(Change("notices"))

    # inside

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("this MultiChat was closed; make a new one with MultiChat()")

    def _change_servers(self, servers: tuple[ServerConfig, ...]) -> None:
        self._setup.set_servers(servers)
        self._servers_changed()

    def _settings_changed(self) -> None:
        """The file is another one: edits of another kernel are used here at once."""
        with self.lock:
            if self._closed:
                return
            labels = self._labels()
            changed = self._setup.reload()
            if not changed:
                return
            self._servers_changed()
            self._relabel(labels)
        if "token" in changed:
            self._engine.tell_pool(lambda pool: pool.restart_all())
        if "nickname" in changed:
            self._engine.tell_pool(lambda pool: pool.rename(self.nickname))
        if "retention" in changed:
            self.history.set_retention(self.retention)

    def _labels(self) -> dict[str, str]:
        return {config.id: config.label for config in self.servers}

    def _relabel(self, before: dict[str, str]) -> None:
        for server_id, label in self._labels().items():
            if before.get(server_id, label) != label:
                self._intake.relabel(server_id)
                self.history.rename(server_id, label)

    def _servers_changed(self) -> None:
        for server_id in self._intake.users.keys() - {config.id for config in self.servers}:
            self._intake.users_listed(server_id, ())
        self._refresh_statuses()
        self._notify(Change("servers"))
        self._engine.reconcile()

    def _refresh_statuses(self) -> None:
        """Servers without a link still have a status: switched off, or in want of a token."""
        for config in self.servers:
            if not config.enabled:
                self._statuses[config.id] = ServerStatus()
            elif self._setup.token is None:
                self._statuses[config.id] = ServerStatus(ConnectionState.ERROR, NO_TOKEN)
            elif self._statuses.get(config.id, ServerStatus()).error == NO_TOKEN:
                self._statuses[config.id] = ServerStatus()

    def _act(self, server_id: str, action: Callable[[Any, float], None], otherwise: Callable[[], None]) -> None:
        """Let the session of a server act, or settle what it was to do when it has none."""

        def settle() -> None:
            with self.lock:
                otherwise()

        self._engine.act(server_id, action, settle)

    def _lose_sight(self, reason: str) -> None:
        with self.lock:
            self._intake.fail_deliveries(reason)

    def _connectable(self) -> list[ServerConfig]:
        return [config for config in self.servers if config.enabled and self._setup.token is not None]

    def _deliver_chat(self, message: Message, receiver: OnlineUser, delivery: Delivery) -> Delivery:
        name, key, text = receiver.nickname, receiver.client_id, message.text
        self._act(
            receiver.server_id,
            lambda session, now: session.send_chat(message.id, key, name, text, now),
            lambda: self._intake.chat_settled(message.id, "the server is switched off or removed"),
        )
        return delivery

    def _credentials(self) -> tuple[Secret, str]:
        if self._setup.token is None:
            raise ConfigError(NO_TOKEN)
        return self._setup.token, self.nickname

    def _on_status(self, server_id: str, status: ServerStatus) -> None:
        with self.lock:
            self._statuses[server_id] = status
            if status.state is not ConnectionState.CONNECTED:
                self._intake.users_listed(server_id, ())
            self._refresh_statuses()
        self._notify(Change("servers"))

    def _on_event(self, server_id: str, event: SessionEvent) -> None:
        try:
            with self.lock:
                self._intake.apply(server_id, event)
        except Exception:
            logger.exception("%s: an event could not be applied", self.label_of(server_id))
            self.notice(f"{self.label_of(server_id)}: something unexpected came in; see the log")

    def _arrived(self, message: Message) -> None:
        if message.status is MessageStatus.FAILED:
            self.run(self._finish(message))
        else:
            self.feed.publish(message)

    async def _finish(self, message: Message) -> None:
        # Answered, withdrawn or closed since it was listed: then there is nothing left to finish.
        with contextlib.suppress(NotAnswerableError, ClosedError):
            self.reply(message, *message.draft)

    def _recall(self) -> None:
        """Take in the newest part of the history; the rest is read when somebody looks for it."""
        if self.profile == MEMORY:
            return
        history = History(self.profile, entry=self.inbox.peek, trouble=self.notice, retention=self._setup.retention)
        self.history = history
        entries = history.open(_RECALLED)
        # Less than asked for is all there is.
        floor = entries[-_RECALLED].order if len(entries) >= _RECALLED else None
        self.inbox.restore(self._intake.recall(entries), floor=floor, conversations=history.conversations())

    def _dropped(self, message_ids: list[str]) -> None:
        # What the disk has can still be paged to; the rest is gone for whoever looks at it.
        if not self.history.usable:
            for message_id in message_ids:
                self._notify(Change("message", message_id))

    def _message_changed(self, message_id: str) -> None:
        self.history.touch(message_id)
        self._notify(Change("message", message_id))

    def _expire(self, message: Message) -> None:
        with self.lock:
            self._intake.expire(message.id)

    def _handler_answered(self, message: Message, result: object) -> None:
        if message.kind is MessageKind.CHAT:
            peer = OnlineUser(message.sender_id, message.sender, message.server_id, message.server_name)
            self.send(peer, str(result))
        else:
            self.reply(message, *(result if isinstance(result, (tuple, list)) else (result,)))

    def _known_peers(self) -> set[tuple[str, str]]:
        """Everybody we have exchanged chat with: (server id, nickname)."""
        return {(known.server_id, known.nickname) for known in self.inbox.conversations()}

    def _notify(self, change: Change) -> None:
        for listener in list(self._listeners):
            listener(change)


def _now() -> datetime:
    return datetime.now(timezone.utc)
