"""Every message of a profile on disk, written behind the reader by a thread of its own."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

from ipymultichat.errors import StoreError
from ipymultichat.model import Conversation, Entry, Message, MessageFilter, Order
from ipymultichat.store import schema
from ipymultichat.store.archive import Archive
from ipymultichat.store.faults import reason
from ipymultichat.store.files import Connect, history_path
from ipymultichat.store.retention import Retention
from ipymultichat.store.writer import Timing, Writer


class History:
    """The history of one profile; every method may be called from any thread.

    Trouble with the disk is reported, never raised: the chat goes on, and what could not be written is tried again
    for as long as it is in memory.

    Args:
        profile: its name.
        entry: returns the living message of an id, or None; called from any thread.
        trouble: called with a line for the person, from the history's thread.
        clock: seconds since the epoch.
        retention: how much is kept.
        timing: see `Timing`.
        connect: opens the file, see `schema.connect`.

    Raises:
        ConfigError: the profile's name cannot be a file name.
    """

    def __init__(
        self,
        profile: str,
        *,
        entry: Callable[[str], Entry | None],
        trouble: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        retention: Retention = Retention(),  # noqa: B008  frozen
        timing: Timing = Timing(),  # noqa: B008  frozen
        connect: Connect = schema.connect,
    ) -> None:
        self._path = history_path(profile)
        self._connect = connect
        self._timing = timing
        self._writer = Writer(
            self._path, entry=entry, trouble=trouble, clock=clock, retention=retention, timing=timing, connect=connect
        )
        self._backlog = self._writer.backlog

    @property
    def usable(self) -> bool:
        """Whether the history is being written."""
        return self._writer.usable

    def open(self, limit: int) -> list[Entry]:
        """Open the file and return the newest entries and everything that is not over yet, oldest first.

        Where that fails, it is reported, and the history works as an empty one that keeps nothing.

        Args:
            limit: how many entries, besides those that are not over.
        """
        return self._writer.start(limit)

    def touch(self, message_id: str) -> None:
        """A message is new or changed: it is written soon."""
        if self._writer.heard:
            self._backlog.touch(message_id)

    def mark_read(self, upto: Order, server_id: str = "", peer: str = "") -> None:
        """Every message up to a place is read; call it once the living ones are.

        Args:
            upto: the last one's place.
            server_id: only those of this server, if not empty.
            peer: only those of the chat with this person, if not empty.
        """
        if self._writer.heard:
            self._backlog.mark_read(upto, server_id, peer)

    def rename(self, server_id: str, label: str) -> None:
        """Give every message of a server its new label; call it once the living ones have it."""
        if self._writer.heard:
            self._backlog.rename(server_id, label)

    def clear(self) -> None:
        """Forget everything that is settled; call it once the living ones are forgotten."""
        if self._writer.heard:
            self._backlog.clear()

    def stored(self, message_id: str) -> bool:
        """Whether nothing of a message is still to be written."""
        return self.usable and not self._backlog.holds(message_id)

    def page(self, before: Order | None, limit: int, wanted: MessageFilter) -> Future[tuple[list[Entry], bool]]:
        """The newest entries before a place, oldest first, and whether there are older ones that fit."""
        return self._writer.ask(lambda archive: archive.page(before, limit, wanted), ([], False))

    def find(self, message_id: str) -> Future[Entry | None]:
        """A message with its place, or None."""
        return self._writer.ask(lambda archive: archive.find(message_id), None)

    def conversations(self) -> list[Conversation]:
        """Every chat, the one with the newest message first; waits for the disk, so it is for the start."""
        found: Future[list[Conversation]] = self._writer.ask(lambda archive: archive.conversations(), [])
        try:
            return found.result(self._timing.patience)
        except FutureTimeoutError:
            return []

    def everything(self, before: Order | None = None) -> Iterator[Message]:
        """All messages on disk, oldest first, read as they are asked for.

        Args:
            before: only those before this place.

        Raises:
            StoreError: the file cannot be read.
        """
        if not self.usable:
            return
        try:
            with contextlib.closing(self._connect(self._path, self._timing.busy)) as connection:
                for entry in Archive(connection).walk(before):
                    yield entry.message
        except sqlite3.Error as error:
            raise StoreError(f"the history in {self._path} cannot be read: {reason(error)}") from error

    def set_retention(self, retention: Retention) -> None:
        """Keep so much from now on."""
        self._writer.set_retention(retention)

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is left to be written; returns whether that came about in time."""
        return self._writer.flush(timeout)

    def close(self, timeout: float = 2.0) -> None:
        """Write what can be written in that time, and end; a disk that hangs holds up nobody for longer."""
        self._writer.close(timeout)
