"""What a browser may ask for: each command checks its arguments and calls the hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipymultichat.errors import ConfigError, MultiChatError
from ipymultichat.hub import Hub
from ipymultichat.model import OnlineUser, normalize_url

Args = dict[str, Any]

CONFIRMED = "Confirmed."
"""The text of a confirmation without words; agents read it as the answer."""


class Commands:
    """The commands of `js/README.md`.

    Args:
        hub: where they go.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
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
        }

    def run(self, name: object, args: object) -> Any:
        """Run one command.

        Returns:
            What the browser is told on success.

        Raises:
            MultiChatError: with a sentence for the person.
        """
        command = self._known.get(str(name))
        if command is None or not isinstance(args, dict):
            raise ConfigError(f"unknown command {str(name)[:40]!r}")
        return command(args)

    def _reply(self, args: Args) -> None:
        self._hub.reply(_text(args, "key"), _text(args, "text"))

    def _confirm(self, args: Args) -> None:
        self._hub.reply(_text(args, "key"), _text(args, "text", "").strip() or CONFIRMED)

    def _send(self, args: Args) -> None:
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
        upto = args.get("upto")
        if isinstance(upto, list) and len(upto) == 2 and all(isinstance(part, int) for part in upto):
            self._hub.mark_read((upto[0], upto[1]))


def _text(args: Args, key: str, default: str | None = None) -> str:
    value = args.get(key, default)
    if not isinstance(value, str):
        raise ConfigError(f"{key!r} must be text")
    return value
