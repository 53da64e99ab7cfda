"""The inbox as a sequence, for people who read it from code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import overload

from ipymultichat.errors import ConfigError
from ipymultichat.inbox.inbox import Inbox, matches
from ipymultichat.model import Message, MessageKind, MessageStatus, ServerConfig


class MessageLog(Sequence[Message]):
    """Live, read-only view of all messages, oldest first.

    Indexing and `len` show the log as it is at that moment; iteration walks a snapshot.
    """

    def __init__(self, inbox: Inbox, server_id_of: Callable[[str | ServerConfig], str]) -> None:
        self._inbox = inbox
        self._server_id_of = server_id_of

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> list[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        return self._inbox.at(index)

    def __len__(self) -> int:
        return len(self._inbox)

    def __iter__(self) -> Iterator[Message]:
        return iter(self._inbox.snapshot())

    def __repr__(self) -> str:
        return f"<{len(self)} messages, {len(self.pending)} pending>"

    @property
    def pending(self) -> list[Message]:
        """Questions and reports that wait for an answer, oldest first."""
        return matches((entry.message for entry in self._inbox.waiting()), status=MessageStatus.PENDING)

    def where(
        self, *, server: str | ServerConfig | None = None, kind: str | None = None, status: str | None = None
    ) -> list[Message]:
        """The messages that fit every condition given, oldest first.

        Args:
            server: id, label or `ServerConfig`.
            kind: "question", "report" or "chat".
            status: a word of `MessageStatus`.

        Raises:
            UnknownServerError, AmbiguousServerError: `server` fits none, or several.
            ConfigError: an unknown kind or status.
        """
        return matches(
            self._inbox.snapshot(),
            server_id=None if server is None else self._server_id_of(server),
            kind=None if kind is None else word(MessageKind, kind, "kind"),
            status=None if status is None else word(MessageStatus, status, "status"),
        )


def word(enum: type[MessageKind | MessageStatus], value: str, what: str) -> str:
    """Check that a word is one of an enum's.

    Raises:
        ConfigError: naming the words there are.
    """
    try:
        return str(enum(value))
    except ValueError:
        known = ", ".join(item.value for item in enum)
        raise ConfigError(f"unknown {what} {value!r}; known are {known}", value=value) from None
