"""`MultiChat`: the inbox as a widget. What it can do is `Chat`; here is what shows it in a frontend."""

from __future__ import annotations

import contextlib
import difflib
import os
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast, overload

import anywidget
import traitlets

from ipymultichat.errors import UnknownOptionError
from ipymultichat.hub import Chat, Delivery
from ipymultichat.model import OnlineUser, ServerStatus
from ipymultichat.model.forms import milliseconds
from ipymultichat.net import LinkSettings
from ipymultichat.widget.commands import Commands
from ipymultichat.widget.files import Json, Uploads
from ipymultichat.widget.jupyter import open_sidebar, outside_cells, replace_earlier
from ipymultichat.widget.sync import Sync

_STATIC = Path(__file__).parent.parent / "static"
_PLACEHOLDER = "MultiChat: run this cell to open the inbox"
_OPTIONS = ("servers", "token", "nickname", "profile", "io", "autoconnect")


def _bundled(name: str) -> Path | str:
    """A file of the bundle: its text, or with `ANYWIDGET_HMR=1` its path, which anywidget watches while it is changed.

    A path would keep every widget for good: anywidget connects each to the file, whether it is watched or not.
    """
    path = _STATIC / name
    return path if os.environ.get("ANYWIDGET_HMR") == "1" else path.read_text("utf-8")


class _Count(traitlets.Int):
    """A number that is true whenever it is read, and told to observers and the frontend once per frame."""

    def get(self, obj: Any, cls: Any = None) -> int:  # noqa: ARG002  as traitlets has it
        """The number as it is now."""
        return int(getattr(super(MultiChat, obj), self.name)) if obj._ready else 0  # noqa: SLF001  its own owner


class MultiChat(Chat, anywidget.AnyWidget):  # noqa: D101  it has the docstring of `Chat`, see below
    _esm = _bundled("widget.js")
    _css = _bundled("widget.css")

    # Until the constructor is through, there is nothing to show.
    _ready = False
    _panel: Any = None

    connected_count: int = _Count(0, read_only=True, help="Servers connected now.").tag(sync=True)
    server_count: int = _Count(0, read_only=True, help="Servers switched on.").tag(sync=True)
    pending_count: int = _Count(0, read_only=True, help="Questions and reports that wait.").tag(sync=True)
    unread_count: int = _Count(0, read_only=True, help="Messages not seen yet.").tag(sync=True)
    _servers = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)
    _settings = traitlets.Dict(read_only=True).tag(sync=True)
    _notices = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)
    _rules = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)

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
        **unknown: object,
    ) -> None:
        for name in unknown:
            close = difflib.get_close_matches(name, _OPTIONS, 1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise UnknownOptionError(
                f"MultiChat() has no option {name!r}; {hint}There are: {', '.join(_OPTIONS)}", value=name
            )
        Chat.__init__(
            self,
            servers,
            token=token,
            nickname=nickname,
            profile=profile,
            io=io,
            autoconnect=False,
            link_settings=link_settings,
        )
        anywidget.AnyWidget.__init__(self)
        self._ready = True
        self._refresh(True)
        uploads = Uploads()
        # What the hub calls must not keep this widget alive: others may share the hub, and it outlives them.
        commands = Commands(cast(Chat, weakref.proxy(self)), self._hub.paths, uploads)
        send, refresh = weakref.WeakMethod(self._send_frame), weakref.WeakMethod(self._refresh)
        self._sync = Sync(self._hub, uploads, commands, send=send, refresh=refresh)
        self._sync.on_change("servers", "")  # what may have changed in between
        self.on_msg(lambda _widget, content, buffers: self._sync.receive(content, buffers or ()))
        for earlier in replace_earlier(profile, self):
            earlier.close()
        if autoconnect:
            self._hub.connections.want()

    def close(self) -> None:
        """Close for good; the sockets are closed within 2 s, unless another widget shares them."""
        if not self.closed and self._ready:
            self._sync.close()
            if self._panel is not None:
                self._panel.close()
        Chat.close(self)
        anywidget.AnyWidget.close(self)

    def __del__(self) -> None:
        """Let go of what was never closed, and is neither referred to any more nor in ipywidgets' list of living ones.

        Whoever collects may hold any lock, so the hub is not closed here but later, on its loop: see `Hub.join`.
        """
        if not self.closed and self._ready:
            self._sync.close()
        anywidget.AnyWidget.close(self)

    @overload
    def send(self, to: OnlineUser | str, text: str) -> Delivery: ...
    @overload
    def send(self, to: Json, text: list[bytes] | None = None, *, buffers: list[bytes] | None = None) -> None: ...
    def send(self, to: Any, text: Any = "", *, buffers: Any = None) -> Delivery | None:
        """Write to somebody online; see `Chat.send`.

        Every ipywidget has a `send(content, buffers)` for custom messages to its frontend: a dict goes that way.
        """
        if isinstance(to, dict):
            self._send_frame(to, buffers or text or None)
            return None
        return Chat.send(self, to, text)

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

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """What a cell shows: the widget, and words for where there is none (saved notebooks, exports, terminals)."""
        bundle = super()._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["text/plain"] = _PLACEHOLDER
        return bundle

    # inside

    def _send_frame(self, content: Json, buffers: Any = None) -> None:
        anywidget.AnyWidget.send(self, content, buffers)

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

    def _refresh(self, everything: bool) -> None:
        """Tell the traits what is new; at most once per frame, for Jupyter drops what comes too fast."""
        with self.hold_sync():
            counts = ("pending_count", "unread_count", *(("connected_count", "server_count") if everything else ()))
            for name in counts:
                self.set_trait(name, getattr(self, name))
            if everything:
                self.set_trait("_servers", self._server_forms())
                self.set_trait("_settings", self._settings_form())
                notices = list(self._hub.notices)
                self.set_trait("_notices", [{"text": n.text, "at": milliseconds(n.at)} for n in notices])
                shown = ("id", "name", "wanted", "matched", "paused")
                self.set_trait("_rules", [{name: getattr(rule, name) for name in shown} for rule in self.rules])

    def _server_forms(self) -> list[Json]:
        forms, statuses = [], self.statuses
        for config in self.servers:
            status = statuses.get(config.id, ServerStatus())
            times = {name: milliseconds(getattr(status, name)) for name in ("retry_at", "connected_at")}
            words = {
                "state": status.state.value,
                "error": status.error,
                "notice": status.notice,
                "attempt": status.attempt,
            }
            own = self._hub.own_server
            file = str(own.token_file) if own is not None and own.server.url == config.url else ""
            entry = {name: getattr(config, name) for name in ("id", "name", "url", "enabled", "label")}  # not its token
            forms.append({**entry, "own_token": config.token is not None, "token_file": file, **words, **times})
        return forms

    def _settings_form(self) -> Json:
        return {
            "nickname": self.nickname,
            "has_token": self._hub.settings.all_have_tokens(),
            "profile": self.profile,
            "io": self._hub.io,
            "preferences": self.preferences.browser_form(),
            "history": {"kept": self._hub.history.usable, **self.retention.browser_form()},
        }


MultiChat.__doc__ = (Chat.__doc__ or "").replace("it needs no Jupyter.", "in a notebook cell or a side panel.")
