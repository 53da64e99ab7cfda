"""`%multichat`: the inbox from the command line of a notebook."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class

from ipymultichat.errors import MultiChatError
from ipymultichat.hub import Delivery
from ipymultichat.model import Message
from ipymultichat.widget.multichat import MultiChat

_USAGE = """%multichat                     show the inbox
%multichat status              how each server stands
%multichat pending             what waits for an answer, numbered
%multichat reply [N] TEXT      answer what waits under that number; N may be left out when one thing waits
%multichat send NAME@SERVER TEXT"""
_VERBS = ("pending", "reply", "send", "status")


@magics_class
class MultiChatMagics(Magics):
    """The line magic `%multichat`; it works on the inbox of the default profile."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._chat: MultiChat | None = None

    @property
    def chat(self) -> MultiChat:
        """The widget of this session, made on first use; it joins the connections that are there."""
        if self._chat is None or self._chat.closed:
            self._chat = MultiChat()
        return self._chat

    @line_magic  # type: ignore[untyped-decorator]
    def multichat(self, line: str) -> object:
        """Show the inbox, or do one thing with it; see `%multichat help`."""
        verb, _, rest = line.strip().partition(" ")
        try:
            if not verb:
                return self.chat
            if verb == "status":
                return print(self._status() or "no servers yet")  # noqa: T201  (what was asked for)
            if verb == "pending":
                return print(self._pending() or "nothing waits")  # noqa: T201
            if verb == "reply":
                return self._reply(rest.strip())
            if verb == "send":
                return self._send(rest.strip())
        except MultiChatError as error:
            raise UsageError(str(error)) from error
        raise UsageError(f"unknown: {verb!r}\n{_USAGE}" if verb != "help" else _USAGE)

    def complete(self, _shell: Any, event: Any) -> list[str]:
        """Complete verbs, people online (`send`) and numbers of what waits (`reply`)."""
        words = event.line.split()
        given = len(words) if event.line.endswith(" ") else len(words) - 1
        if given <= 1:
            return list(_VERBS)
        if words[1] == "send" and given == 2:
            return [user.title for user in self.chat.users]
        if words[1] == "reply" and given == 2:
            return [str(number) for number in range(1, len(self.chat.messages.pending) + 1)]
        return []

    def _status(self) -> str:
        statuses = self.chat.statuses
        lines = (
            f"{config.label}: {(s := statuses[config.id]).state} {s.error or s.notice}".rstrip()
            for config in self.chat.servers
        )
        return "\n".join(lines)

    def _pending(self) -> str:
        return "\n".join(f"{number}  {_line(message)}" for number, message in enumerate(self.chat.messages.pending, 1))

    def _reply(self, text: str) -> Delivery:
        pending = self.chat.messages.pending
        number, _, rest = text.partition(" ")
        if number.isdigit() and rest.strip():
            if not 1 <= int(number) <= len(pending):
                raise UsageError(f"nothing waits under {number}; there is:\n{self._pending() or 'nothing'}")
            return self.chat.reply(pending[int(number) - 1], rest.strip())
        if len(pending) != 1:
            raise UsageError(f"say which, as %multichat reply N TEXT; there is:\n{self._pending() or 'nothing'}")
        return self.chat.reply(pending[0], text)

    def _send(self, text: str) -> Delivery:
        if not text:
            raise UsageError(_USAGE)
        # Names and labels may hold blanks: the longest title that the text starts with is meant.
        titles = sorted((user.title for user in self.chat.users), key=len, reverse=True)
        to = next((title for title in titles if text.startswith(f"{title} ")), text.partition(" ")[0])
        return self.chat.send(to, text[len(to) :].strip())


def _line(message: Message) -> str:
    first = message.text.strip().partition("\n")[0]
    return f"{message.title}: {first if len(first) <= 80 else first[:79] + '…'}"


def register(shell: Any) -> None:
    """Add the magic and its completion to a shell."""
    magics = MultiChatMagics(shell)
    shell.register_magics(magics)
    shell.set_hook("complete_command", magics.complete, str_key="%multichat")
