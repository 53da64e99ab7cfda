"""`Chat`: everything a person can do with an inbox, from plain Python. `MultiChat` is this object as a widget."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ipymultichat.contents import contents_of
from ipymultichat.errors import ClosedError, ConfigError
from ipymultichat.hub import resolve
from ipymultichat.hub.hub import CLOSED, Hub
from ipymultichat.hub.local import LOCAL_ID, LOCAL_LABEL, OwnServer, start_own_server
from ipymultichat.hub.log import MessageLog
from ipymultichat.hub.messages import Delivery
from ipymultichat.hub.settings import NO_TOKEN, Given, Own
from ipymultichat.hub.subscriptions import Rule
from ipymultichat.hub.tables import RuleList, ServerTuple
from ipymultichat.model import (
    ConnectionState,
    Message,
    MessageFilter,
    OnlineUser,
    Order,
    Preferences,
    Retention,
    ServerConfig,
    ServerStatus,
    nickname_of,
    normalize_url,
    server_config,
    token_of,
)
from ipymultichat.model.filter import Conditions, takes_conditions
from ipymultichat.net import LinkSettings, try_login
from ipymultichat.store import MEMORY, read_server_file

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    from typing_extensions import Self, Unpack

    from ipymultichat.agent.setup import Setup
    from ipymultichat.model.filter import FurtherConditions

Handler = TypeVar("Handler", bound=Callable[[Message], Any])


class Chat:
    """One inbox over many chat servers. Methods may be called from any thread; it needs no Jupyter.

    Args:
        servers: addresses (`"ws://host:port"`), dicts with `url` and optionally `name` and `enabled`, or
            `ServerConfig`s. None: the list stored in the profile.
        token: names the group of people and agents; None: `$MULTICHAT_TOKEN`, else the stored one. Without any, the
            servers stand at `error: no token set`.
        nickname: what others see, 1 to 64 characters; None: the stored one, else the OS user name.
        profile: whose settings and history; `":memory:"` keeps nothing on disk and is shared with nobody.
        io: `"kernel"` runs the connections on the event loop of the thread that makes this object; `"thread"` on a
            loop of their own, which a long-running cell does not block.
        autoconnect: connect at once, or as soon as there is a loop.
        link_settings: times of the connections; None: the usual ones.

    What is passed here is used for this process and not written to the profile. Made again with the same profile, it
    joins the connections that are there.

    Raises:
        ConfigError: a value cannot be used; names the value and the remedy.
    """

    # Until the constructor is through, there is nothing to release.
    _closed = True

    def __init__(
        self,
        servers: Iterable[object] | None = None,
        *,
        token: str | None = None,
        nickname: str | None = None,
        profile: str = "default",
        io: str = "kernel",
        autoconnect: bool = True,
        link_settings: LinkSettings | None = None,
    ) -> None:
        given = Given.checked(servers, token, nickname)
        self._hub = Hub.join(self, profile, given, io=io, link_settings=link_settings)
        self._closed = False
        if autoconnect:
            self._hub.connections.want()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self.close()

    # what is there

    @property
    def servers(self) -> tuple[ServerConfig, ...]:
        """The server list."""
        return ServerTuple(self._hub.settings.values.servers)

    @property
    def statuses(self) -> dict[str, ServerStatus]:
        """The status of every server, by its id."""
        return self._hub.statuses

    @property
    def connected_count(self) -> int:
        """Servers connected now."""
        return sum(status.state is ConnectionState.CONNECTED for status in self.statuses.values())

    @property
    def server_count(self) -> int:
        """Servers switched on."""
        return sum(config.enabled for config in self.servers)

    @property
    def pending_count(self) -> int:
        """Questions and reports that wait."""
        return self._hub.inbox.pending_count

    @property
    def unread_count(self) -> int:
        """Messages not seen yet."""
        return self._hub.inbox.unread_count

    @property
    def messages(self) -> MessageLog:
        """Messages, oldest first; a live view with `.pending` and `.where(…)`.

        It begins with the newest 2,000 of earlier kernels; `export` and `to_dataframe` have all there are.
        """
        return self._hub.log

    @property
    def where(self) -> Callable[..., list[Message]]:
        """`messages.where`: the messages that fit conditions."""
        return self._hub.log.where

    @property
    def users(self) -> tuple[OnlineUser, ...]:
        """Everybody else online, each with their server."""
        return self._hub.users

    @property
    def nickname(self) -> str:
        """What others see."""
        return self._hub.settings.values.nickname

    @property
    def profile(self) -> str:
        """Whose settings and history these are."""
        return self._hub.profile

    @property
    def notices(self) -> tuple[str, ...]:
        """Trouble in the background, newest last, at most 5 lines."""
        return tuple(notice.text for notice in list(self._hub.notices))

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def __repr__(self) -> str:
        counts = f"{self.connected_count} of {self.server_count} servers connected, {self.pending_count} pending"
        return f"<{type(self).__name__}: {counts}>"

    # connections

    async def connect(self) -> None:
        """Start every enabled server; returns once each is connected or has failed its first try.

        A server that fails raises nothing here: its status says why, and it is tried again.

        Raises:
            ClosedError: this object was closed.
            NoLoopError: there is no event loop to connect on.
        """
        self._check_open()
        self._hub.connections.want()
        await self._hub.connections.call(self._hub.connections.connected)

    async def disconnect(self) -> None:
        """Close every connection until `connect` or `reconnect`; what is on its way fails, with its text kept."""
        self._check_open()
        self._hub.connections.want(wanted=False)
        await self._hub.connections.call(self._hub.connections.disconnected)

    def reconnect(self, server: str | ServerConfig | None = None) -> None:
        """Try one server (id, label or entry), or all, now rather than later.

        Raises:
            UnknownServerError, AmbiguousServerError: with the candidates.
        """
        self._check_open()
        server_id = None if server is None else resolve.server(self.servers, server).id
        self._hub.connections.want()
        self._hub.connections.tell_pool(lambda pool: pool.retry_now(server_id))

    def close(self) -> None:
        """Close for good; the sockets are closed within 2 s, unless another object shares them."""
        if not self._closed:
            self._closed = True
            self._hub.leave(self)

    async def test_server(self, url: str, token: str = "") -> str:
        """Try an address, beside the connections there are.

        Args:
            url: the address.
            token: what to log in with; "": the token in use there.

        Returns:
            "" when a login works, else the reason why not.

        Raises:
            ConfigError: the address or the token cannot be used.
        """
        self._check_open()
        address = normalize_url(url)
        secret = token_of(token) if token else self._hub.settings.token_for(address)
        if secret is None:
            return NO_TOKEN
        return await self._hub.connections.call(lambda: try_login(address, secret, self.nickname))

    async def start_local_server(self) -> str:
        """Start a chat server on this machine and list it; it runs until this inbox closes. Returns its address.

        It has a token of its own, which this inbox logs in with; agents read it from `local_token_file`. Neither the
        server nor its token is kept in the profile: by the next kernel, somebody else may listen there.

        Raises:
            ConfigError: it runs already, or the `server` extra is not installed; the text names the remedy.
            ServerStartError: it cannot listen.
        """
        self._check_open()

        async def start() -> OwnServer:
            own = self._hub.own_server
            if own is not None and any(config.url == own.server.url for config in self.servers):
                raise ConfigError("a local server of this inbox runs already")
            if own is not None:  # it was taken off the list
                return own
            own = self._hub.own_server = await start_own_server(self.servers)
            self._hub.connections.at_close(own.stop)
            return own

        own = await self._hub.connections.call(start)
        self._hub.connections.want()
        with self._hub.lock:
            name = "" if any(config.label == LOCAL_LABEL for config in self.servers) else LOCAL_LABEL
            config = ServerConfig(LOCAL_ID, name, own.server.url).with_free_id(self.servers)
            self._hub.settings.own = Own(config.url, own.token)
            self._hub.change("servers", (*self.servers, config))
        return config.url

    @property
    def local_token_file(self) -> Path | None:
        """Where agents read the token of the local server (`ipymultichat ask URL "…" --token-file FILE`), or None."""
        return None if self._hub.own_server is None else self._hub.own_server.token_file

    # settings

    def add_server(
        self, url: str | ServerConfig, name: str = "", enabled: bool = True, *, token: str | None = None
    ) -> ServerConfig:
        """Add a server and connect to it; returns its entry.

        Args:
            url: its address, or an entry that says all of it.
            name: what it is called.
            enabled: whether to connect.
            token: its own token, which no other server gets; None: the inbox's one.

        Raises:
            ConfigError: a value cannot be used, or the address is in the list already.
        """
        self._check_open()
        given = {"url": url, "name": name, "enabled": enabled, "token": token}
        config = url if isinstance(url, ServerConfig) else server_config(given)
        with self._hub.lock:
            config = config.with_free_id(self.servers)
            self._hub.change("servers", (*self.servers, config))
        return config

    def import_servers(self, path: str | Path) -> tuple[ServerConfig, ...]:
        """Add the servers of a JSON file that are not in the list yet; returns those.

        Args:
            path: a list of `{id, name, url, isEnabled}`, an object with such a list under `server_configs`, or the
                settings file of the protocol's desktop client.

        Raises:
            ConfigError: the file holds no usable server.
            OSError: it cannot be read.
        """
        self._check_open()
        found = read_server_file(Path(path).expanduser())
        with self._hub.lock:
            known = {config.url for config in self.servers}
            return tuple(self.add_server(config) for config in found if config.url not in known)

    def update_server(
        self,
        server: str | ServerConfig,
        *,
        name: str | None = None,
        url: str | None = None,
        enabled: bool | None = None,
        token: str | None = None,
    ) -> ServerConfig:
        """Change a server (id, label or entry); returns its new entry. A new address or token connects at once.

        None leaves a value as it is; the token `""` lets the server have the inbox's one again.

        Raises:
            UnknownServerError, AmbiguousServerError: with the candidates.
            ConfigError: a value cannot be used.
        """
        self._check_open()
        with self._hub.lock:
            old = resolve.server(self.servers, server)
            new = old.changed(name=name, url=url, enabled=enabled, token=token)
            self._hub.change("servers", tuple(new if config is old else config for config in self.servers))
        return new

    def remove_server(self, server: str | ServerConfig) -> None:
        """Take a server (id, label or entry) off the list; its messages stay.

        Raises:
            UnknownServerError, AmbiguousServerError: with the candidates.
        """
        self._check_open()
        with self._hub.lock:
            old = resolve.server(self.servers, server)
            self._hub.change("servers", tuple(config for config in self.servers if config is not old))

    def agent_setup(
        self, client: str = "claude-code", server: str | ServerConfig | None = None, *, show_token: bool = False
    ) -> Setup:
        """Return what to paste into the settings of an agent (`text`, `where`), so that it asks here by MCP.

        Args:
            client: `claude-code`, `codex`, `cursor`, `vscode`, `opencode`, or `shell` for a command that asks.
            server: where it asks: id, label or entry; None: the first one that is switched on.
            show_token: put the token into the text, which otherwise says where the agent's machine has it.

        Raises:
            ConfigError: the client is none of these, or there is no server.
            NotFoundError: no such server.
        """
        from ipymultichat.agent.setup import Access, agent_setup  # the agent's side is no part of an inbox's start

        enabled = [config for config in self.servers if config.enabled]
        if server is None and not enabled:
            raise ConfigError("no server is switched on: add one first")
        config = enabled[0] if server is None else resolve.server(self.servers, server)
        own, in_use = self._hub.own_server, self._hub.settings
        token = in_use.token_for(config.url) if show_token else None
        options: tuple[str, ...] = ()
        if own is not None and own.server.url == config.url:
            options = ("--token-file", str(own.token_file))
        elif self.profile != MEMORY and in_use.profile_has_token(config.url):
            options = ("--profile", self.profile)
        shown = "" if token is None else token.reveal()
        return agent_setup(client, Access(config.url, options, finds_token=bool(options), token=shown))

    def set_token(self, token: str) -> None:
        """Use another token and connect with it at once.

        Raises:
            ConfigError: it cannot be used; the error does not show it.
        """
        self._check_open()
        self._hub.change("token", token_of(token))

    def set_nickname(self, name: str) -> None:
        """Use another nickname, without reconnecting.

        Raises:
            ConfigError: it cannot be used.
        """
        self._check_open()
        self._hub.change("nickname", nickname_of(name))

    @property
    def preferences(self) -> Preferences:
        """How this person likes to answer in the widget: prefix, suffix, quick answers, snippets."""
        return self._hub.settings.values.preferences

    def set_preferences(self, **changes: object) -> Preferences:
        """Change some preferences; returns all as they are then.

        Args:
            **changes: any field of `Preferences`; lists and dicts stand for tuples and snippets.

        Raises:
            ConfigError: a value cannot be used; then nothing is changed.
        """
        self._check_open()
        with self._hub.lock:
            self._hub.change("preferences", self.preferences.changed(changes))
            return self.preferences

    @property
    def retention(self) -> Retention:
        """How long messages are kept on disk."""
        return self._hub.settings.values.retention

    def set_retention(self, *, days: float | None = None, mebibytes: int | None = None) -> Retention:
        """Say how long messages are kept on disk; returns how it is then. What is not over is always kept.

        Args:
            days: older messages leave; 0: never by age; None: as it was.
            mebibytes: beyond this size the oldest leave; 0: never by size; None: as it was.

        Raises:
            ConfigError: a value cannot be used.
        """
        self._check_open()
        wanted = {"days": days, "mebibytes": mebibytes}
        with self._hub.lock:
            changed = self.retention.changed({key: value for key, value in wanted.items() if value is not None})
            self._hub.change("retention", changed)
            return self.retention

    # messages

    def reply(self, message: Message | str, content: object, *contents: object) -> Delivery:
        """Answer a question or report.

        Args:
            message: what to answer, or its id.
            content: str (Markdown), `Path`, bytes, a number, a dict or list (JSON), a figure (matplotlib, plotly,
                altair), an image, a data frame (a Markdown table where small, else a CSV file), or anything that shows
                itself in a notebook.
            *contents: more of the same.

        Returns:
            A `Delivery`: await it for the proof, or leave it.

        Raises:
            UnknownMessageError, NotAnswerableError: there is nothing to answer.
            ConfigError, EncodeError: a value cannot be sent.
        """
        self._check_open()
        return self._hub.messages.reply(message, contents_of((content, *contents)))

    def confirm(self, message: Message | str, content: object = None) -> Delivery:
        """Confirm a report, with words or, without any, with those of the preference `confirmation`.

        Raises:
            UnknownMessageError, NotAnswerableError: there is nothing to confirm.
            ConfigError, EncodeError: the value cannot be sent.
        """
        return self.reply(message, self.preferences.confirmation if content is None or content == "" else content)

    def send(self, to: OnlineUser | str, text: str) -> Delivery:
        """Write to somebody online.

        Args:
            to: an `OnlineUser`, or `"nickname@server label"`.
            text: what to say.

        Returns:
            A `Delivery`: await it for the proof, or leave it.

        Raises:
            UnknownUserError, AmbiguousUserError, UnknownServerError: `to` fits nobody, or several.
            ConfigError, EncodeError: the text cannot be sent.
        """
        self._check_open()
        return self._hub.messages.send(to, text)

    def send_again(self, message: Message | str) -> Delivery:
        """Send a chat message of yours that failed once more; it keeps its place in the log.

        Raises:
            UnknownMessageError: the message is not in this inbox.
            NotAnswerableError: it is not a chat message of yours that failed.
        """
        self._check_open()
        return self._hub.messages.send_again(message)

    def discard(self, message: Message | str) -> Message:
        """Put away a message whose answer failed, or that waits and is none of your business; its text stays.

        It becomes `cancelled` here. An agent that waits is not told; others can still answer it.

        Raises:
            UnknownMessageError, NotAnswerableError: there is nothing to put away.
        """
        self._check_open()
        return self._hub.messages.discard(message)

    def take_back(self, message: Message | str) -> None:
        """Take back an answer of which nothing has left yet, as while its server is down; its text stays.

        It waits again once that is done. An answer that has left goes on, and shows what became of it.

        Raises:
            UnknownMessageError, NotAnswerableError: there is no answer on its way.
        """
        self._check_open()
        self._hub.messages.take_back(message)

    def mark_read(self, upto: Order | None = None, *, server_id: str = "", peer: str = "") -> None:
        """Count messages as read.

        Args:
            upto: the last one's place in the log; None: all of them.
            server_id: only those of this server, if not empty.
            peer: only those of the chat with this nickname, if not empty.
        """
        self._check_open()
        upto = upto or (2**62, 0)  # later than any
        if self._hub.inbox.mark_read(upto, MessageFilter(server_id=server_id, peer=peer)):
            self._hub.history.mark_read(upto, server_id, peer)
            self._hub.notify("counts")

    def clear_history(self) -> int:
        """Forget every message that is over, on disk too; returns how many were in memory.

        What waits for an answer, is on its way or failed stays.
        """
        self._check_open()
        gone = self._hub.inbox.clear()
        self._hub.history.clear()
        self._hub.notify("cleared")
        return gone

    def to_dataframe(self, package: str = "pandas") -> pd.DataFrame | pl.DataFrame:
        """All messages as a data frame, one row each, those of earlier kernels too.

        Args:
            package: whose: "pandas" or "polars".

        Raises:
            ConfigError: another package.
            ImportError: it is not installed; the text names the remedy.
        """
        return self._hub.log.to_dataframe(package)

    def export(self, path: str | Path) -> Path:
        """Write all messages as JSON Lines, those of earlier kernels and attachments too; returns the path.

        It takes half a minute for a million messages. `await asyncio.to_thread(chat.export, path)` keeps the
        connections and other cells running meanwhile; so it does with `import_messages` and `to_dataframe`.

        Raises:
            OSError: the file cannot be written.
        """
        return self._hub.log.export(Path(path))

    def import_messages(self, path: str | Path) -> int:
        """Take in what `export` wrote, attachments included; returns how many messages are new.

        Those that are here already, by their ids, are left as they are: a second import adds nothing. The log keeps
        the order of the file. No handler is called.

        Raises:
            ConfigError: a line is no exported message; those before it are imported.
            OSError: the file cannot be read, or the history cannot be written.
        """
        self._check_open()
        try:
            return self._hub.importer.run(Path(path))
        finally:
            self._hub.notify("cleared")  # another log: whoever shows one asks for it anew

    # new messages

    @property
    def rules(self) -> list[Rule]:
        """The handlers that `on_message` registered: name, conditions, matched, paused; `pause`, `resume`, `remove`."""
        return RuleList(self._hub.subscriptions.rules)

    @overload
    def on_message(self, handler: Handler) -> Handler: ...
    @overload
    def on_message(self, handler: None = None, **conditions: Unpack[Conditions]) -> Callable[[Handler], Handler]: ...
    @takes_conditions
    def on_message(
        self, handler: Handler | None = None, **conditions: Unpack[Conditions]
    ) -> Handler | Callable[[Handler], Handler]:
        """Call a function with every new message; decorator with or without conditions.

        The function may be async. What it returns, unless None, is sent as the reply (a tuple as several parts); when
        it fails, the message says why and waits on. A function of the same name and conditions replaces the earlier
        one, so a cell may be run again. `rules` lists them.

        Args:
            handler: the function.
            **conditions: see `MessageLog.where`.

        Raises:
            UnknownServerError, AmbiguousServerError, ConfigError: a condition fits nothing.
        """
        wanted = self._filter(conditions)
        given = {name: getattr(value, "label", value) for name, value in conditions.items() if value is not None}

        def add(function: Handler) -> Handler:
            self._hub.subscriptions.add_handler(function, wanted, given)
            return function

        return add if handler is None else add(handler)

    @takes_conditions
    def stream(
        self, kind: str | None = None, server: str | ServerConfig | None = None, **conditions: Unpack[FurtherConditions]
    ) -> AsyncGenerator[Message, None]:
        """Iterate over new messages as they come, from the first `async for` step on.

        Args:
            kind: see `MessageLog.where`.
            server: the same.
            **conditions: the same.

        Raises:
            UnknownServerError, AmbiguousServerError, ConfigError: a condition fits nothing.
        """
        return self._hub.subscriptions.stream(self._filter(Conditions(kind=kind, server=server, **conditions)))

    @takes_conditions
    async def wait_for(
        self,
        kind: str | None = None,
        server: str | ServerConfig | None = None,
        timeout: float | None = None,
        **conditions: Unpack[FurtherConditions],
    ) -> Message:
        """Return a question or report that already waits, else the next new message; each at most once.

        Args:
            kind: see `MessageLog.where`.
            server: the same.
            **conditions: the same.
            timeout: seconds; None waits for ever.

        Raises:
            WaitTimeoutError: nothing came in time (a `TimeoutError`, too).
            UnknownServerError, AmbiguousServerError, ConfigError: a condition fits nothing.
        """
        wanted = self._filter(Conditions(kind=kind, server=server, **conditions))
        return await self._hub.subscriptions.wait_for(wanted, self._hub.waiting, timeout)

    # inside

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError(CLOSED)
        self._hub.check_open()

    def _filter(self, conditions: Conditions) -> MessageFilter:
        self._check_open()
        self._hub.loop.bind()
        return self._hub.log.filter(conditions)
