"""`MultiChat`: the inbox as a widget and as an object for code cells."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar, overload

import anywidget
import traitlets

from ipymultichat.errors import UnknownOptionError
from ipymultichat.hub import Delivery, Hub, acquire, release
from ipymultichat.inbox import MessageLog
from ipymultichat.inbox.log import word
from ipymultichat.model import Message, MessageKind, OnlineUser, ServerConfig, ServerStatus
from ipymultichat.store import Preferences, Retention
from ipymultichat.widget import encode, exports
from ipymultichat.widget.cell import replace_earlier
from ipymultichat.widget.commands import CONFIRMED
from ipymultichat.widget.local import start_local
from ipymultichat.widget.shell import outside_cells
from ipymultichat.widget.sidebar import open_sidebar
from ipymultichat.widget.sync import Sync

_STATIC = Path(__file__).parent.parent / "static"
_PLACEHOLDER = "MultiChat: run this cell to open the inbox"
_COUNTS = ("connected_count", "server_count", "pending_count", "unread_count")
_OPTIONS = ("servers", "token", "nickname", "profile", "io", "autoconnect")

Handler = TypeVar("Handler", bound=Callable[[Message], Any])


class MultiChat(anywidget.AnyWidget):
    """One inbox over many chat servers, in a notebook cell or a side panel.

    Args:
        servers: addresses (`"ws://host:port"`), dicts with `url` and optionally `name` and `enabled`, or
            `ServerConfig`s. None: the list stored in the profile.
        token: names the group of people and agents; None: `$MULTICHAT_TOKEN`, else the stored one. Without any, the
            widget asks for it.
        nickname: what others see, 1 to 64 characters; None: the stored one, else the OS user name.
        profile: whose settings; `":memory:"` keeps nothing on disk and is shared with nobody.
        io: `"kernel"` runs the connections on the kernel's event loop; `"thread"` on a loop of their own, which a
            long-running cell does not block.
        autoconnect: connect at once.

    What is passed here is used for this kernel and not written to the profile. Made again with the same profile, it
    joins the connections that are there.

    Raises:
        ConfigError: a value cannot be used; names the value and the remedy.
    """

    _esm = _STATIC / "widget.js"
    _css = _STATIC / "widget.css"

    # Until the constructor is through, there is nothing to release.
    _holding = False
    _panel: Any = None
    _sending_counts = False

    connected_count = traitlets.Int(0, read_only=True, help="Servers connected now.").tag(sync=True)
    server_count = traitlets.Int(0, read_only=True, help="Servers switched on.").tag(sync=True)
    pending_count = traitlets.Int(0, read_only=True, help="Questions and reports that wait.").tag(sync=True)
    unread_count = traitlets.Int(0, read_only=True, help="Messages not seen yet.").tag(sync=True)
    _servers = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)
    _settings = traitlets.Dict(read_only=True).tag(sync=True)
    _notices = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)

    def __init__(
        self,
        servers: Iterable[object] | None = None,
        *,
        token: str | None = None,
        nickname: str | None = None,
        profile: str = "default",
        io: str = "kernel",
        autoconnect: bool = True,
        **unknown: object,
    ) -> None:
        for name in unknown:
            close = difflib.get_close_matches(name, _OPTIONS, 1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise UnknownOptionError(
                f"MultiChat() has no option {name!r}; {hint}There are: {', '.join(_OPTIONS)}", value=name
            )
        self._hub, made = acquire(
            profile, self, lambda: Hub(profile, servers=servers, token=token, nickname=nickname, io=io)
        )
        self._holding = True
        if not made:
            self._hub.adopt(servers=servers, token=token, nickname=nickname, io=io)
        super().__init__()
        self._stop_counting = self._hub.listen(self._count)
        self._sync = Sync(self._hub, send=self._send_frame, refresh=self._refresh)
        self.on_msg(lambda _widget, content, buffers: self._sync.receive(content, buffers or ()))
        self._count()
        self._refresh()
        for earlier in replace_earlier(profile, self):
            earlier.close()
        if autoconnect:
            self._hub.start()

    # what is there

    @property
    def servers(self) -> tuple[ServerConfig, ...]:
        """The server list."""
        return self._hub.servers

    @property
    def statuses(self) -> dict[str, ServerStatus]:
        """The status of every server, by its id."""
        return self._hub.statuses

    @property
    def messages(self) -> MessageLog:
        """Messages, oldest first; a live view with `.pending` and `.where(server=, kind=, status=)`.

        It begins with the newest 2,000 of earlier kernels; `export` and `to_dataframe` have all there are.
        """
        return self._hub.messages

    @property
    def users(self) -> tuple[OnlineUser, ...]:
        """Everybody else online, each with their server."""
        return self._hub.users

    @property
    def nickname(self) -> str:
        """What others see."""
        return self._hub.nickname

    @property
    def profile(self) -> str:
        """Whose settings these are."""
        return self._hub.profile

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return not self._holding

    def __repr__(self) -> str:
        return (
            f"<MultiChat: {self.connected_count} of {self.server_count} servers connected, "
            f"{self.pending_count} pending>"
        )

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """What a cell shows: the widget, and words for where there is none (saved notebooks, exports, terminals)."""
        bundle = super()._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["text/plain"] = _PLACEHOLDER
        return bundle

    # connections

    async def connect(self) -> None:
        """Start every enabled server; returns once each is connected or has failed its first try.

        A server that fails raises nothing here: its status says why, and it is tried again.

        Raises:
            ClosedError: this object was closed.
        """
        await self._hub.connect()

    async def disconnect(self) -> None:
        """Close every connection until `connect` or `reconnect`."""
        await self._hub.disconnect()

    def reconnect(self, server: str | ServerConfig | None = None) -> None:
        """Try one server (id, label or entry), or all, now rather than later.

        Raises:
            UnknownServerError, AmbiguousServerError: with the candidates.
        """
        self._hub.reconnect(server)

    def close(self) -> None:
        """Close for good; the sockets are closed within 2 s, unless another widget shares them."""
        if self._holding:
            self._holding = False
            if hasattr(self, "_sync"):
                self._sync.close()
                self._stop_counting()
            if self._panel is not None:
                self._panel.close()
            release(self._hub, self)
        super().close()

    # settings

    def add_server(self, url: str, name: str = "", enabled: bool = True) -> ServerConfig:
        """Add a server and connect to it; returns its entry.

        Raises:
            ConfigError: the address or name cannot be used, or the address is in the list already.
        """
        return self._hub.add_server({"url": url, "name": name, "enabled": enabled})

    def import_servers(self, path: str | Path) -> tuple[ServerConfig, ...]:
        """Add the servers of a JSON file that are not in the list yet; returns those.

        Args:
            path: a list of `{id, name, url, isEnabled}`, an object with such a list under `server_configs`, or the
                settings file of the protocol's desktop client.

        Raises:
            ConfigError: the file holds no usable server.
            OSError: it cannot be read.
        """
        return self._hub.import_servers(Path(path).expanduser())

    def update_server(
        self,
        server: str | ServerConfig,
        *,
        name: str | None = None,
        url: str | None = None,
        enabled: bool | None = None,
    ) -> ServerConfig:
        """Change a server (id, label or entry); returns its new entry. A new address connects at once.

        Raises:
            UnknownServerError, AmbiguousServerError: with the candidates.
            ConfigError: a value cannot be used.
        """
        given = {"name": name, "url": url, "enabled": enabled}
        return self._hub.update_server(server, **{key: value for key, value in given.items() if value is not None})

    def remove_server(self, server: str | ServerConfig) -> None:
        """Take a server off the list; its messages stay.

        Raises:
            UnknownServerError, AmbiguousServerError: with the candidates.
        """
        self._hub.remove_server(server)

    def set_token(self, token: str) -> None:
        """Use another token and connect with it at once.

        Raises:
            ConfigError: it cannot be used; the error does not show it.
        """
        self._hub.set_token(token)

    def set_nickname(self, name: str) -> None:
        """Use another nickname, without reconnecting.

        Raises:
            ConfigError: it cannot be used.
        """
        self._hub.set_nickname(name)

    @property
    def preferences(self) -> Preferences:
        """How this person likes to answer in the widget: prefix, suffix, quick answers, snippets."""
        return self._hub.preferences

    def set_preferences(self, **changes: object) -> Preferences:
        """Change some preferences; returns all as they are then.

        Args:
            **changes: any of `prefix`, `suffix` (str), `quick` (list of str), `snippets` (list of
                `{"name": …, "text": …}`).

        Raises:
            ConfigError: a value cannot be used; then nothing is changed.
        """
        self._hub.change_preferences(changes)
        return self._hub.preferences

    @property
    def retention(self) -> Retention:
        """How long messages are kept on disk."""
        return self._hub.retention

    def set_retention(self, *, days: float | None = None, mebibytes: int | None = None) -> Retention:
        """Say how long messages are kept on disk; returns how it is then. What is not settled is always kept.

        Args:
            days: older messages leave; 0: never by age; None: as it was.
            mebibytes: beyond this size the oldest leave; 0: never by size; None: as it was.

        Raises:
            ConfigError: a value cannot be used.
        """
        given = {"days": days, "mebibytes": mebibytes}
        wanted = {key: value for key, value in given.items() if value is not None}
        self._hub.set_retention(self._hub.retention.changed(wanted))
        return self._hub.retention

    def clear_history(self) -> int:
        """Forget every message that is settled, on disk too; returns how many were in memory.

        What waits for an answer, is on its way or failed stays.
        """
        return self._hub.clear_history()

    async def test_server(self, url: str) -> str:
        """Try an address with the token in use, beside the connections there are.

        Returns:
            "" when a login works, else the reason why not.

        Raises:
            ConfigError: the address cannot be used.
        """
        return await self._hub.test_server(url)

    async def start_local_server(self) -> str:
        """Start a chat server on this machine and add it; it runs until this inbox closes. Returns its address.

        Raises:
            ConfigError: it runs already, or the `server` extra is not installed; the text names the remedy.
            ServerStartError: it cannot listen.
        """
        return await start_local(self._hub)

    # messages

    def reply(self, message: Message | str, content: object, *contents: object) -> Delivery:
        """Answer a question or report (a `Message` or its id).

        Args:
            message: what to answer.
            content: str (Markdown), `Path`, bytes, a figure, an image or a data frame.
            *contents: more of the same.

        Returns:
            A `Delivery`: await it for the proof, or leave it.

        Raises:
            UnknownMessageError, NotAnswerableError: there is nothing to answer.
            ConfigError, EncodeError: a value cannot be sent.
        """
        return self._hub.reply(message, content, *contents)

    def confirm(self, message: Message | str, content: object = None) -> Delivery:
        """Confirm a report, with words or without.

        Raises:
            UnknownMessageError, NotAnswerableError: there is nothing to confirm.
            ConfigError, EncodeError: the value cannot be sent.
        """
        return self._hub.reply(message, CONFIRMED if content is None or content == "" else content)

    def send(self, to: Any, text: Any = "", buffers: Any = None) -> Any:
        """Write to somebody online.

        Args:
            to: an `OnlineUser`, or `"nickname@server label"`.
            text: what to say.
            buffers: not for chat, see below.

        Returns:
            A `Delivery`: await it for the proof, or leave it.

        Raises:
            UnknownUserError, AmbiguousUserError, UnknownServerError: `to` fits nobody, or several.
            ConfigError, EncodeError: the text cannot be sent.

        Every ipywidget has a `send(content, buffers)` for custom messages to its frontend; a dict still goes that way.
        """
        if isinstance(to, dict):
            return super().send(to, buffers)
        return self._hub.send(to, text)

    @overload
    def on_message(self, handler: Handler) -> Handler: ...
    @overload
    def on_message(
        self, handler: None = None, *, kind: str | None = None, server: str | ServerConfig | None = None
    ) -> Callable[[Handler], Handler]: ...
    def on_message(
        self,
        handler: Handler | None = None,
        *,
        kind: str | None = None,
        server: str | ServerConfig | None = None,
    ) -> Handler | Callable[[Handler], Handler]:
        """Call a function with every new message; decorator with or without conditions.

        The function may be async. What it returns, unless None, is sent as the reply. A function of the same name and
        conditions replaces the earlier one, so a cell may be run again.

        Args:
            handler: the function.
            kind: only "question", "report" or "chat".
            server: only this server (id, label or entry).

        Raises:
            ConfigError: an unknown kind.
            UnknownServerError, AmbiguousServerError: with the candidates.
        """
        fits, conditions = self._condition(kind, server)

        def add(function: Handler) -> Handler:
            self._hub.feed.add_handler(function, fits, conditions)
            return function

        return add if handler is None else add(handler)

    def stream(
        self, kind: str | None = None, server: str | ServerConfig | None = None
    ) -> AsyncGenerator[Message, None]:
        """Iterate over new messages as they come, from the first `async for` step on.

        Raises:
            ConfigError, UnknownServerError, AmbiguousServerError: a condition fits nothing.
        """
        return self._hub.feed.stream(self._condition(kind, server)[0])

    async def wait_for(
        self, kind: str | None = None, server: str | ServerConfig | None = None, timeout: float | None = None
    ) -> Message:
        """Return a question or report that already waits, else the next new message; each at most once.

        Args:
            kind: only "question", "report" or "chat".
            server: only this server (id, label or entry).
            timeout: seconds; None waits for ever.

        Raises:
            WaitTimeoutError: nothing came in time (a `TimeoutError`, too).
            ConfigError, UnknownServerError, AmbiguousServerError: a condition fits nothing.
        """
        fits, _ = self._condition(kind, server)
        return await self._hub.feed.wait_for(fits, self._hub.waiting(), timeout)

    def to_dataframe(self) -> Any:
        """All messages as a pandas data frame, one row each, those of earlier kernels too.

        Raises:
            ImportError: pandas is not installed; the text names the remedy.
        """
        return exports.to_dataframe(self._hub.pages.everything())

    def export(self, path: str | Path) -> Path:
        """Write all messages as JSON Lines, those of earlier kernels too; returns the path.

        Raises:
            OSError: the file cannot be written.
        """
        return exports.to_json_lines(self._hub.pages.everything(), Path(path))

    def sidebar(self, anchor: str = "right") -> None:
        """Open the widget in JupyterLab's side panel; called again, the panel comes to the front.

        Args:
            anchor: where: "right", "split-right", "split-left", "split-top", "split-bottom", "tab-before" or
                "tab-after".

        Raises:
            ConfigError: an unknown anchor.
            ImportError: the `sidecar` package is not installed; the text names the remedy.
        """
        self._panel = open_sidebar(self, anchor, self._panel)

    # inside

    def _send_frame(self, content: dict[str, Any], buffers: Any = None) -> None:
        super().send(content, buffers)

    def _condition(
        self, kind: str | None, server: str | ServerConfig | None
    ) -> tuple[Callable[[Message], bool], tuple[str | None, str | None]]:
        wanted_kind = None if kind is None else word(MessageKind, kind, "kind")
        server_id = None if server is None else self._hub.server_id_of(server)

        def fits(message: Message) -> bool:
            return wanted_kind in (None, message.kind.value) and server_id in (None, message.server_id)

        return fits, (wanted_kind, server_id)

    def _count(self, _change: object = None) -> None:
        """Counts are true at once for Python; the browser gets them with the next patch."""
        counts = self._hub.counts()
        for name in _COUNTS:
            if getattr(self, name) != counts[name]:
                self.set_trait(name, counts[name])

    def open(self) -> None:
        """Make the model in the frontend; called by the constructor."""
        with self._publishing():
            super().open()

    def _send(self, msg: Any, buffers: Any = None) -> None:
        with self._publishing():
            super()._send(msg, buffers)

    def _publishing(self) -> contextlib.AbstractContextManager[None]:
        # On a loop of its own the hub can act on a click in mid-cell, if the click gets through.
        return outside_cells() if self._hub.io == "thread" else contextlib.nullcontext()

    def _should_send_property(self, key: str, value: object) -> bool:
        # A flood of messages must not become a flood of trait updates: Jupyter drops what comes too fast.
        return (key not in _COUNTS or self._sending_counts) and bool(super()._should_send_property(key, value))

    def _refresh(self) -> None:
        hub = self._hub
        statuses = hub.statuses
        values = {
            "_servers": [encode.server(config, statuses[config.id]) for config in hub.servers if config.id in statuses],
            "_settings": {
                "nickname": hub.nickname,
                "has_token": hub.has_token,
                "profile": hub.profile,
                "io": hub.io,
                "preferences": encode.preferences(hub.preferences),
                "history": {"kept": hub.history.usable, **asdict(hub.retention)},
            },
            "_notices": [{"text": notice.text, "at": encode.ms(notice.at)} for notice in list(hub.notices)],
        }
        for name, value in values.items():
            if getattr(self, name) != value:
                self.set_trait(name, value)
        self._sending_counts = True
        try:
            self.send_state(list(_COUNTS))
        finally:
            self._sending_counts = False
