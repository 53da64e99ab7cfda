"""A message and its place in a log, and what messages with one person make up."""

from __future__ import annotations

from dataclasses import dataclass

from ipymultichat.model.message import Message

Order = tuple[int, int]
"""A message's place: milliseconds since the epoch, then the number of its arrival."""


@dataclass(frozen=True)
class Conversation:
    """Chat with one person, whatever their client id.

    Attributes:
        server_id: their server.
        nickname: their name there.
        unread: how many messages have not been in view.
        last: milliseconds since the epoch of the newest message.
    """

    server_id: str
    nickname: str
    unread: int
    last: int


@dataclass
class Entry:
    """A message, its place, and whether it still has to be seen."""

    order: Order
    message: Message
    unread: bool

    def __lt__(self, other: Entry) -> bool:
        return self.order < other.order
