"""Every message of a profile on disk, written behind the reader by a thread of its own."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path

import platformdirs

from ipymultichat.errors import StoreError
from ipymultichat.model import Conversation, Entry, MessageFilter, Order
from ipymultichat.model.settings import Retention
from ipymultichat.store import database
from ipymultichat.store.backlog import Backlog
from ipymultichat.store.config import MEMORY, config_path
from ipymultichat.store.pruning import Pruner
from ipymultichat.store.queries import MessageTable
from ipymultichat.store.writer import Writer, WriterTiming


def history_path(profile: str) -> Path:
    """Where a profile's history is: in `$MULTICHAT_CONFIG_DIR`, else the user's data directory.

    Raises:
        ConfigError: the name cannot be a file name.
    """
    name = config_path(profile).stem
    folder = os.environ.get("MULTICHAT_CONFIG_DIR") or platformdirs.user_data_dir("ipymultichat", appauthor=False)
    return Path(folder) / f"{name}.sqlite3"


class History:
    """The history of one profile; every method may be called from any thread.

    Trouble with the disk is reported, never raised: the chat goes on, and what could not be written is tried again
    for as long as it is in memory.

    Args:
        profile: its name, or ":memory:": nothing is kept, and no disk is touched.
        entry: returns the living message of an id, or None; called from any thread.
        living: returns the ids of all that are in memory; called from the history's thread.
        trouble: called with a line for the person, from the history's thread.
        clock: seconds since the epoch.
        retention: how much is kept.
        timing: see `WriterTiming`.
        connect: opens the file, see `database.connect`.

    Attributes:
        touch: call it with the id of a message that is new or changed: it is written soon.

    Raises:
        ConfigError: the profile's name cannot be a file name.
    """

    def __init__(
        self,
        profile: str,
        *,
        entry: Callable[[str], Entry | None],
        living: Callable[[], Iterable[str]] = tuple,
        trouble: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        retention: Retention = Retention(),  # noqa: B008  frozen
        timing: WriterTiming = WriterTiming(),  # noqa: B008  frozen
        connect: database.Connect = database.connect,
    ) -> None:
        self._path = None if profile == MEMORY else history_path(profile)
        self._connect = connect
        self._timing = timing
        self._backlog = Backlog(entry)
        self._pruner = Pruner(retention, clock)
        self._writer = Writer(self._path, self._backlog, self._pruner, living, trouble, timing, connect)
        self.touch: Callable[[str], None] = (
            self._backlog.touch
        )  # called for every message, so without a call in between

    @property
    def usable(self) -> bool:
        """Whether the history is being written."""
        return self._writer.usable

    def open(self, limit: int) -> list[Entry]:
        """Open the file; where that fails, it is reported, and the history works as an empty one that keeps nothing.

        Args:
            limit: how many entries to return, besides those that are not over.

        Returns:
            The newest entries and everything that is not over yet, oldest first.
        """
        return self._writer.start(limit)

    def mark_read(self, upto: Order, server_id: str = "", peer: str = "") -> None:
        """Every message up to an order is read; call it once the living ones are.

        Args:
            upto: the last one's order.
            server_id: only those of this server, if not empty.
            peer: only those of the chat with this person, if not empty.
        """
        self._backlog.mark_read(upto, server_id, peer)

    def rename(self, server_id: str, label: str) -> None:
        """Give every message of a server its new label; call it once the living ones have it."""
        self._backlog.rename(server_id, label)

    def clear(self) -> None:
        """Forget everything that is over; call it once the living ones are forgotten."""
        self._backlog.clear()

    def stored(self, message_id: str) -> bool:
        """Whether nothing of a message is still to be written."""
        return self.usable and not self._backlog.holds(message_id)

    def page(self, before: Order | None, limit: int, wanted: MessageFilter) -> Future[tuple[list[Entry], bool]]:
        """Read the newest entries that fit and come before an order, if one is given.

        Returns:
            At most `limit` entries, oldest first, and whether there are older ones that fit.
        """
        return self._writer.ask(lambda table: table.page(before, limit, wanted), ([], False))

    def find(self, message_id: str) -> Future[Entry | None]:
        """A message with its order, or None."""
        return self._writer.ask(lambda table: table.find(message_id), None)

    def known(self, message_ids: Sequence[str]) -> Future[set[str]]:
        """Which of these messages are on disk."""
        return self._writer.ask(lambda table: table.known(message_ids), set())

    def conversations(self) -> list[Conversation]:
        """Every chat, the one with the newest message first; waits for the disk, so it is for the start."""
        found: Future[list[Conversation]] = self._writer.ask(lambda table: table.conversations(), [])
        try:
            return found.result(self._timing.patience)
        except FutureTimeoutError:
            return []

    def entries(self, before: Order | None = None) -> Iterator[Entry]:
        """All entries on disk before an order, oldest first, read as they are asked for, in the caller's thread.

        Where the file is damaged, it is repaired first, which takes a second for some thousand messages.

        Raises:
            StoreError: the file cannot be read.
        """
        after, damaged = None, False
        while self._path is not None and self.usable:
            try:
                with contextlib.closing(self._connect(self._path, self._timing.busy)) as connection:
                    for entry in MessageTable(connection, self._writer.found_unreadable).entries(before, after):
                        after = entry.order
                        yield entry
                    break
            except sqlite3.Error as error:
                if damaged or not database.is_damage(error) or not self._writer.repair():
                    reason = database.reason(error)
                    raise StoreError(f"the history in {self._path} cannot be read: {reason}") from error
                damaged = True

    def set_retention(self, retention: Retention) -> None:
        """Use other limits on age and size."""
        with self._backlog.changed:
            self._pruner.set_retention(retention)
            self._backlog.changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds until nothing is left to be written; returns whether that came about."""
        return self._writer.flush(timeout)

    def close(self, timeout: float = 2.0) -> None:
        """Write what can be written in `timeout` seconds, and end; a disk that hangs holds up nobody for longer."""
        self._writer.close(timeout)
