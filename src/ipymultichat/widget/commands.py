"""What a browser may ask for: each command checks its arguments and calls the hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipymultichat.errors import ConfigError, MultiChatError
from ipymultichat.hub import Hub
from ipymultichat.model import OnlineUser, normalize_url
from ipymultichat.widget.filters import order_of
from ipymultichat.widget.local import start_local
from ipymultichat.widget.uploads import Uploads

Args = dict[str, Any]

CONFIRMED = "Confirmed."
"""The text of a confirmation without words; agents read it as the answer."""


class Commands:
    """The commands of `js/README.md`.

    Args:
        hub: where they go.
        uploads: files that a reply may take along.
    """

    def __init__(self, hub: Hub, uploads: Uploads) -> None:
        self._hub = hub
        self._uploads = uploads
        self._known: dict[str, Callable[[Args], Any]] = {
            "reply": self._reply,
            "confirm": self._confirm,
            "send": self._send,
            "reconnect": lambda args: hub.reconnect(args.get("server_id") or None),
            "add_server": self._add_server,
            "update_server": self._update_server,
            "remove_server": lambda args: hub.remove_server(_text(args, "server_id")),
            "check_url": self._check_url,
            "set_token": lambda args: hub.set_token(_text(args, "token")),
            "set_nickname": lambda args: hub.set_nickname(_text(args, "nickname")),
            "seen": self._seen,
            "set_preferences": hub.change_preferences,
            "set_history": lambda args: hub.set_retention(hub.retention.changed(args)),
            "clear_history": lambda _args: hub.clear_history(),
            "test_server": self._test_server,
            "start_local": lambda _args: start_local(hub),
            "complete_path": lambda args: hub.paths.complete(_text(args, "key"), _text(args, "query")),
        }

    def run(self, name: object, args: object) -> Any:
        """Run one command.

        Returns:
            What the browser is told on success, or an awaitable of it, to be awaited on the hub's loop.

        Raises:
            MultiChatError: with a sentence for the person.
        """
        command = self._known.get(str(name))
        if command is None or not isinstance(args, dict):
            raise ConfigError(f"unknown command {str(name)[:40]!r}")
        return command(args)

    def _reply(self, args: Args) -> None:
        text = _text(args, "text")
        self._hub.reply(_text(args, "key"), *self._contents(args, text))

    def _confirm(self, args: Args) -> None:
        text = _text(args, "text", "")
        self._hub.reply(_text(args, "key"), *(self._contents(args, text) or [CONFIRMED]))

    def _contents(self, args: Args, text: str) -> list[object]:
        """What a person typed, wrapped as they like it, and the files they attached."""
        keys = args.get("uploads", [])
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise ConfigError("'uploads' must be a list of ids")
        wrapped = self._hub.preferences.wrap(text) if args.get("wrap") is True else text
        return [*([wrapped] if text.strip() else []), *self._uploads.contents(keys)]

    async def _test_server(self, args: Args) -> Args:
        reason = await self._hub.test_server(_text(args, "url"))
        return {"ok": not reason, "reason": reason}

    def _send(self, args: Args) -> None:
        again = _text(args, "key", "")
        if again:
            self._hub.send_again(again)
            return
        server_id = _text(args, "server_id")
        peer = OnlineUser(
            client_id=_text(args, "client_id", ""),
            nickname=_text(args, "nickname"),
            server_id=server_id,
            server_name=self._hub.label_of(server_id),
        )
        self._hub.send(peer, _text(args, "text"))

    def _add_server(self, args: Args) -> None:
        enabled = args.get("enabled", True) is not False
        self._hub.add_server({"url": _text(args, "url"), "name": _text(args, "name", ""), "enabled": enabled})

    def _update_server(self, args: Args) -> None:
        changes: dict[str, object] = {key: _text(args, key) for key in ("url", "name") if key in args}
        if "enabled" in args:
            changes["enabled"] = args["enabled"] is True
        self._hub.update_server(_text(args, "server_id"), **changes)

    def _check_url(self, args: Args) -> Args:
        try:
            return {"ok": True, "url": normalize_url(_text(args, "url")), "reason": ""}
        except MultiChatError as error:
            return {"ok": False, "url": "", "reason": str(error)}

    def _seen(self, args: Args) -> None:
        upto = order_of(args.get("upto"))
        if upto is not None:
            self._hub.mark_read(upto, _text(args, "server_id", ""), _text(args, "peer", ""))


def _text(args: Args, key: str, default: str | None = None) -> str:
    value = args.get(key, default)
    if not isinstance(value, str):
        raise ConfigError(f"{key!r} must be text")
    return value
