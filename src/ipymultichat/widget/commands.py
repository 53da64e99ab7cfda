"""What a browser may ask for: each command checks its arguments and calls the verb of the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipymultichat.completion import ProjectPaths
from ipymultichat.errors import ConfigError, MultiChatError
from ipymultichat.hub import Chat
from ipymultichat.model import MessageFilter, OnlineUser, Order, normalize_url
from ipymultichat.widget.files import Json, Uploads


class Commands:
    """The commands of `js/README.md`.

    Args:
        chat: whose verbs they call.
        paths: completes paths.
        uploads: files that a reply may take along.
    """

    def __init__(self, chat: Chat, paths: ProjectPaths, uploads: Uploads) -> None:
        self._chat = chat
        self._uploads = uploads
        self._known: dict[str, Callable[[Json], Any]] = {
            "reply": self._reply,
            "confirm": self._confirm,
            "send": self._send,
            "discard": lambda args: _nothing(chat.discard(_text(args, "message_id"))),
            "take_back": lambda args: chat.take_back(_text(args, "message_id")),
            "seen": self._seen,
            "reconnect": lambda args: chat.reconnect(args.get("server_id") or None),
            "add_server": self._add_server,
            "update_server": self._update_server,
            "remove_server": lambda args: chat.remove_server(_text(args, "server_id")),
            "check_url": self._check_url,
            "test_server": self._test_server,
            "start_local": lambda _args: chat.start_local_server(),
            "agent_setup": self._agent_setup,
            "set_token": lambda args: chat.set_token(_text(args, "token")),
            "set_nickname": lambda args: chat.set_nickname(_text(args, "nickname")),
            "set_preferences": lambda args: _nothing(chat.set_preferences(**args)),
            "set_history": lambda args: _nothing(chat.set_retention(**args)),
            "clear_history": lambda _args: chat.clear_history(),
            "pause_rule": self._pause_rule,
            "complete_path": lambda args: paths.complete(_text(args, "message_id"), _text(args, "query")),
        }

    def find(self, name: object, args: object) -> Callable[[Json], Any]:
        """Return the command of a name: called with its arguments, it returns what the browser is told on success, or
        an awaitable of it, and raises `MultiChatError` with a sentence for the person.

        Raises:
            ConfigError: there is no such command, or the arguments are no object.
        """
        command = self._known.get(str(name))
        if command is None or not isinstance(args, dict):
            raise ConfigError(f"unknown command {str(name)[:40]!r}")
        return command

    def _reply(self, args: Json) -> None:
        self._chat.reply(_text(args, "message_id"), *(self._contents(args, _text(args, "text")) or [""]))

    def _confirm(self, args: Json) -> None:
        contents = self._contents(args, _text(args, "text", ""))
        verb = self._chat.reply if contents else self._chat.confirm
        verb(_text(args, "message_id"), *contents)

    def _contents(self, args: Json, text: str) -> list[object]:
        """What a person typed, wrapped as they like it, and the files they attached."""
        keys = args.get("uploads", [])
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise ConfigError("'uploads' must be a list of ids")
        wrapped = self._chat.preferences.wrap(text) if args.get("wrap") is True else text
        return [*([wrapped] if text.strip() else []), *self._uploads.contents(keys)]

    def _send(self, args: Json) -> None:
        again = _text(args, "message_id", "")
        if again:
            self._chat.send_again(again)
            return
        server_id = _text(args, "server_id")
        label = next((config.label for config in self._chat.servers if config.id == server_id), server_id)
        peer = OnlineUser(_text(args, "client_id", ""), _text(args, "nickname"), server_id, label)
        self._chat.send(peer, _text(args, "text"))

    def _seen(self, args: Json) -> None:
        upto = order_of(args.get("upto"))
        if upto is not None:
            self._chat.mark_read(upto, server_id=_text(args, "server_id", ""), peer=_text(args, "peer", ""))

    def _add_server(self, args: Json) -> None:
        self._chat.add_server(
            _text(args, "url"),
            _text(args, "name", ""),
            args.get("enabled", True) is not False,
            token=_text(args, "token", "") or None,
        )

    def _update_server(self, args: Json) -> None:
        changes: Json = {key: _text(args, key) for key in ("url", "name", "token") if key in args}
        if "enabled" in args:
            changes["enabled"] = args["enabled"] is True
        self._chat.update_server(_text(args, "server_id"), **changes)

    def _pause_rule(self, args: Json) -> None:
        rule = next((rule for rule in self._chat.rules if rule.id == args.get("rule")), None)
        if rule is None:
            raise ConfigError("this rule is there no more")
        (rule.pause if args.get("paused") is True else rule.resume)()

    def _check_url(self, args: Json) -> Json:
        try:
            return {"ok": True, "url": normalize_url(_text(args, "url")), "reason": ""}
        except MultiChatError as error:
            return {"ok": False, "url": "", "reason": str(error)}

    def _agent_setup(self, args: Json) -> Json:
        shown = args.get("show_token") is True
        return vars(self._chat.agent_setup(_text(args, "client"), _text(args, "server_id"), show_token=shown))

    async def _test_server(self, args: Json) -> Json:
        reason = await self._chat.test_server(_text(args, "url"), _text(args, "token", ""))
        return {"ok": not reason, "reason": reason}


def filter_of(conditions: object) -> MessageFilter:
    """The `filter` of a page; what cannot be read does not count."""
    wanted: Json = conditions if isinstance(conditions, dict) else {}
    names = ("search", "kind", "server_id", "agent", "project", "status", "peer")
    words = {name: wanted[name] for name in names if isinstance(wanted.get(name), str)}
    return MessageFilter(**words, pending=bool(wanted.get("pending")))


def order_of(value: object) -> Order | None:
    """A place in the log as JSON has it, or None."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, int) for part in value):
        return value[0], value[1]
    return None


def _text(args: Json, key: str, default: str | None = None) -> str:
    value = args.get(key, default)
    if not isinstance(value, str):
        raise ConfigError(f"{key!r} must be text")
    return value


def _nothing(_value: object) -> None:
    """A browser has no use for what the verb returns."""
