"""The history of a profile that keeps nothing."""

# ruff: noqa: ARG002  every method takes what that of `History` takes

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

from ipymultichat.model import Conversation, Entry, Message, MessageFilter, Order
from ipymultichat.store.retention import Retention
from ipymultichat.store.writer import resolved


class NoHistory:
    """A history that keeps nothing and touches no disk."""

    usable = False

    def open(self, limit: int) -> list[Entry]:
        """Nothing is known from earlier."""
        return []

    def touch(self, message_id: str) -> None:
        """Nothing is written."""

    def mark_read(self, upto: Order, server_id: str = "", peer: str = "") -> None:
        """Nothing is written."""

    def rename(self, server_id: str, label: str) -> None:
        """Nothing is written."""

    def clear(self) -> None:
        """There is nothing."""

    def stored(self, message_id: str) -> bool:
        """Nothing ever is."""
        return False

    def page(self, before: Order | None, limit: int, wanted: MessageFilter) -> Future[tuple[list[Entry], bool]]:
        """Nothing."""
        return resolved(([], False))

    def find(self, message_id: str) -> Future[Entry | None]:
        """Nothing."""
        return resolved(None)

    def conversations(self) -> list[Conversation]:
        """None."""
        return []

    def everything(self, before: Order | None = None) -> Iterator[Message]:
        """Nothing."""
        return iter(())

    def set_retention(self, retention: Retention) -> None:
        """Nothing is kept."""

    def flush(self, timeout: float) -> bool:
        """There is nothing to wait for."""
        return False

    def close(self, timeout: float = 2.0) -> None:
        """There is nothing to end."""
