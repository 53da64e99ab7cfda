"""A message and its place in a log."""

from __future__ import annotations

from dataclasses import dataclass

from ipymultichat.model.message import Message

Order = tuple[int, int]
"""A message's place: milliseconds since the epoch, then the number of its arrival."""


@dataclass
class Entry:
    """A message, its place, and whether it still has to be seen."""

    order: Order
    message: Message
    unread: bool

    def __lt__(self, other: Entry) -> bool:
        return self.order < other.order
