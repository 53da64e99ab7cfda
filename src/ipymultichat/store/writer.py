"""The thread that owns the history's file: it alone writes, and it answers what is asked of the file."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ipymultichat.model import Entry
from ipymultichat.store.archive import Archive
from ipymultichat.store.backlog import Backlog
from ipymultichat.store.faults import is_damage, reason
from ipymultichat.store.files import Connect, mark_damaged, open_file
from ipymultichat.store.reports import Reports
from ipymultichat.store.retention import Retention
from ipymultichat.store.shelf import Keeper, Shelf

logger = logging.getLogger("ipymultichat.store")

_BATCH = 250
"""Messages in one transaction at most: so long a reader waits."""

_NAME = "ipymultichat-history"

T = TypeVar("T")


@dataclass(frozen=True)
class Timing:
    """Seconds.

    Attributes:
        delay: what changes within it is written at once.
        pause: from a failed try to write to the next.
        busy: to wait for another kernel that writes.
        patience: to wait for the file to be opened and read at the start.
    """

    delay: float = 0.075
    pause: float = 5.0
    busy: float = 5.0
    patience: float = 10.0


class Writer:
    """Writes what is new, in batches; answers questions between them; lets leave what is too old or too much.

    Args: see `History`.
    """

    def __init__(
        self,
        path: Path,
        *,
        entry: Callable[[str], Entry | None],
        trouble: Callable[[str], None],
        clock: Callable[[], float],
        retention: Retention,
        timing: Timing,
        connect: Connect,
    ) -> None:
        self.heard = True  # whether it is worth while to say what is new
        self._reports = Reports(path, trouble)
        self._path = path
        self._entry = entry
        self._keeper = Keeper(retention, clock)
        self._timing = timing
        self._connect = connect
        self._changed = threading.Condition(threading.RLock())
        self.backlog = Backlog(entry, self._changed)
        self._thread: threading.Thread | None = None
        self._reads: deque[Callable[[Archive | None], None]] = deque()
        self._ready = False
        self._hurry = False
        self._broken = False
        self._due: float | None = None
        self._deadline: float | None = None

    @property
    def usable(self) -> bool:
        """Whether the file is open and being written."""
        return self._ready and self.heard

    def start(self, limit: int) -> list[Entry]:
        """Open the file; see `History.open`."""
        opened: Future[list[Entry]] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(limit, opened), name="ipymultichat-history", daemon=True
        )
        self._thread.start()
        try:
            return opened.result(self._timing.patience)
        except FutureTimeoutError:
            self._reports.say("takes long to open: the chat goes on without what was earlier")
            return []

    def ask(self, question: Callable[[Archive], T], otherwise: T) -> Future[T]:
        """Have a question answered before anything else is written.

        Args:
            question: asks the file.
            otherwise: the answer when the file cannot be read.
        """
        answer: Future[T] = Future()

        def read(archive: Archive | None) -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(otherwise if archive is None else question(archive))
            except sqlite3.Error as error:
                answer.set_result(otherwise)
                self._failed(error, "read")
            except Exception as error:  # noqa: BLE001  whoever asked gets it
                answer.set_exception(error)

        with self._changed:
            if self.usable:
                self._reads.append(read)
                self._changed.notify_all()
                return answer
        read(None)
        return answer

    def set_retention(self, retention: Retention) -> None:
        """Keep so much from now on."""
        with self._changed:
            self._keeper.keep(retention)
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is left to be written; returns whether that came about in time."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self.backlog.empty() or not self.heard, timeout) and self.usable

    def close(self, timeout: float) -> None:
        """Write what can be written in that time, and end."""
        with self._changed:
            if self._deadline is None:
                self._deadline = time.monotonic() + timeout
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
        self.heard = False

    # on the thread

    def _run(self, limit: int, opened: Future[list[Entry]]) -> None:
        connection = None
        try:
            connection, entries = self._open(limit)
            with self._changed:
                self._ready = True
            opened.set_result(entries)
            archive, shelf = Archive(connection), Shelf(connection)
            while self._turn(archive, shelf):
                pass
            if not self._broken:
                self._finish(archive, shelf)
        except (OSError, sqlite3.Error) as error:
            self._reports.say(f"cannot be used: {reason(error)}; the chat goes on without it")
        except Exception as error:
            logger.exception("the history failed")
            self._reports.say(f"is not written any more: {type(error).__name__}, see the log")
        finally:
            with self._changed:
                self.heard = False
                self._changed.notify_all()
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
            if not opened.done():
                opened.set_result([])
            self._answer(None)

    def _open(self, limit: int) -> tuple[sqlite3.Connection, list[Entry]]:
        try:
            return self._open_once(limit)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            mark_damaged(self._path)  # its first page is sound, so it has to be looked at closely
        return self._open_once(limit)

    def _open_once(self, limit: int) -> tuple[sqlite3.Connection, list[Entry]]:
        connection, aside = open_file(self._path, self._connect, self._timing.busy)
        if aside:
            self._reports.say(f"was damaged: it now stands in {aside}, and a new one begins")
        try:
            return connection, Archive(connection).newest(limit)
        except BaseException:
            connection.close()
            raise

    def _turn(self, archive: Archive, shelf: Shelf) -> bool:
        """Wait until there is something to do, and do it; returns whether to go on."""
        with self._changed:
            while (rest := self._rest()) > 0:
                self._changed.wait(rest)
        self._answer(archive)
        if self._broken or self._deadline is not None:
            return False
        if self._write_is_due():
            self._write(archive, shelf)
        elif not self._keeper.rest():
            try:
                self._keeper.step(shelf)
            except sqlite3.Error as error:
                self._failed(error, "written")
        return not self._broken

    def _rest(self) -> float:
        """Seconds until there is something to do."""
        if self._due is None and self.backlog.waits():
            self._due = time.monotonic() + self._timing.delay
        if self._reads or self._deadline is not None or self._write_is_due():
            return 0.0
        rest = self._keeper.rest()
        return rest if self._due is None else min(rest, self._due - time.monotonic())

    def _write_is_due(self) -> bool:
        if self._due is None:
            return False
        return time.monotonic() >= self._due or (self._hurry and not self._reports.failing)

    def _answer(self, archive: Archive | None) -> None:
        with self._changed:
            reads = list(self._reads)
            self._reads.clear()
        for read in reads:
            read(archive)

    def _write(self, archive: Archive, shelf: Shelf) -> bool:
        """Write one batch; returns whether that was possible."""
        work = self.backlog.take(_BATCH)
        entries, missing = self._living(work.ids)
        try:
            with archive.transaction():
                if work.clear:
                    archive.clear((*work.gone, *missing))
                archive.change(work.labels, work.read)
                moved, misfits = archive.write(entries)
                size = shelf.size()
        except sqlite3.Error as error:
            self.backlog.put_back()
            self._failed(error, "written")
            return False
        self._keeper.written(size, cleared=work.clear)
        self.backlog.done(missing, moved)
        self._reports.worked(work.lost, misfits)
        with self._changed:
            self._hurry = self._hurry and not self.backlog.empty()
            self._due = time.monotonic() if len(work.ids) == _BATCH else None
        return True

    def _living(self, ids: Iterable[str]) -> tuple[list[Entry], list[str]]:
        """The messages as they are now, and the ids of those that left memory."""
        entries: list[Entry] = []
        missing: list[str] = []
        for message_id in ids:
            entry = self._entry(message_id)
            if entry is None:
                missing.append(message_id)
            else:  # a copy: whoever reads it meanwhile changes the living one
                entries.append(Entry(entry.order, entry.message, entry.unread))
        return entries, missing

    def _finish(self, archive: Archive, shelf: Shelf) -> None:
        """Write what is left, for as long as there is time; a new try is not waited for."""
        while not self.backlog.empty() and time.monotonic() < (self._deadline or 0.0) and self._write(archive, shelf):
            pass
        if left := self.backlog.left():
            self._reports.say(f"lacks the last {left:,} messages: it was closed before they could be written")

    def _failed(self, error: sqlite3.Error, done: str) -> None:
        if is_damage(error):
            self._broken = True
            with contextlib.suppress(OSError):
                mark_damaged(self._path)
        else:
            self._due = time.monotonic() + self._timing.pause
        self._reports.failed(error, done)


def resolved(answer: T) -> Future[T]:
    """A question that is answered already."""
    future: Future[T] = Future()
    future.set_result(answer)
    return future
