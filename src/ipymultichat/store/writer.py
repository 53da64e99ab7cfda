"""The thread that owns the history's file: it alone writes, and it answers what is asked of the file."""

from __future__ import annotations

import contextlib
import logging
import math
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
from ipymultichat.store.backlog import Backlog
from ipymultichat.store.checking import Checker
from ipymultichat.store.database import Connect, is_damage, reason, transaction
from ipymultichat.store.opening import Stamp, open_again, open_file
from ipymultichat.store.pruning import Pruner
from ipymultichat.store.queries import MessageTable
from ipymultichat.store.salvage import Salvage

logger: logging.Logger = logging.getLogger("ipymultichat.store")

_BATCH = 500
"""Messages in one transaction at most: whoever reads waits for so many."""

_REPAIRS = 5
"""A file that is damaged more often while a kernel lives is on a disk, or passes a memory, that cannot be trusted."""

T = TypeVar("T")


@dataclass(frozen=True)
class WriterTiming:
    """Seconds.

    Attributes:
        delay: from the first change to the writing of all there are by then.
        burst: how long writing is put off, at most, while more than a batch comes in within each `delay`: it would cost
            the reader of that burst its pace.
        pause: from a failed try to write to the next.
        busy: to wait for another kernel that writes.
        patience: to wait for the file to be opened and read at the start.
        check: from the start to the look at every page.
        look: between two looks whether the file is still there, while nothing is written.
        repair: from a failed try to repair the file, or to make it again, to the next.
    """

    delay: float = 0.075
    burst: float = 1.0
    pause: float = 5.0
    busy: float = 5.0
    patience: float = 10.0
    check: float = 30.0
    look: float = 10.0
    repair: float = 60.0


class Writer:
    """Writes what is new, in batches; answers questions between them; prunes when there is nothing else to do.

    Args:
        path: the file, or None: nothing is kept.
        backlog: what is to be written.
        pruner: says what has to be deleted.
        living, trouble, timing, connect: see `History`.
    """

    def __init__(
        self,
        path: Path | None,
        backlog: Backlog,
        pruner: Pruner,
        living: Callable[[], Iterable[str]],
        trouble: Callable[[str], None],
        timing: WriterTiming,
        connect: Connect,
    ) -> None:
        self._path = path
        self._backlog = backlog
        self._pruner = pruner
        self._living = living
        self._trouble = trouble
        self._timing = timing
        self._connect = connect
        self._changed = backlog.changed
        self._thread: threading.Thread | None = None
        self._questions: deque[Callable[[MessageTable | None], None]] = deque()
        self._ready = False
        self._hurry = False  # somebody waits for everything to be written
        self._failing = False  # it was said that the file cannot be used
        self._unreadable = False  # it was said that some messages are
        self._damaged = False
        self._repairs = 0
        self._stamp = Stamp()
        self._look = math.inf  # when to look next whether the file is still there
        self._due = math.inf  # when the next batch is to be written
        self._waits_since = math.inf
        self._waited = 0  # how many there were when it was last looked
        self._deadline: float | None = None  # when to end, once that is wanted
        backlog.accepting = path is not None

    @property
    def usable(self) -> bool:
        """Whether the file is being written, if need be once it is repaired."""
        return self._ready and self._backlog.accepting

    def start(self, limit: int) -> list[Entry]:
        """Open the file; see `History.open`."""
        if self._path is None:
            return []
        opened: Future[list[Entry]] = Future()
        arguments = (self._path, limit, opened)
        self._thread = threading.Thread(target=self._run, args=arguments, name="ipymultichat-history", daemon=True)
        self._thread.start()
        try:
            return opened.result(self._timing.patience)
        except FutureTimeoutError:
            self._say("takes long to open: the chat goes on without what was earlier")
            return []

    def ask(self, question: Callable[[MessageTable], T], otherwise: T) -> Future[T]:
        """Have a question answered before anything else is written.

        Args:
            question: asks the file.
            otherwise: the answer when the file cannot be read.
        """
        answer: Future[T] = Future()

        def read(table: MessageTable | None) -> None:
            if not (answer.running() or answer.set_running_or_notify_cancel()):
                return
            try:
                answer.set_result(otherwise if table is None else question(table))
            except sqlite3.Error as error:
                self._failed(error, "read")
                if self._damaged:
                    self._questions.append(read)  # it is answered once the file is repaired
                else:
                    answer.set_result(otherwise)
            except Exception as error:  # noqa: BLE001  whoever asked gets it
                answer.set_exception(error)

        with self._changed:
            if self.usable:
                self._questions.append(read)
                self._changed.notify_all()
                return answer
        read(None)
        return answer

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is left to be written; see `History.flush`."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: self._backlog.empty() or not self._backlog.accepting, timeout)
            return done and self.usable

    def repair(self) -> bool:
        """Have a file repaired that was found to be damaged, and wait for that; returns whether it can be used now."""
        with self._changed:
            before = self._repairs
            self._found_damaged()
            self._changed.wait_for(lambda: self._repairs > before or not self._backlog.accepting, self._timing.repair)
            return self._repairs > before and self.usable

    def found_unreadable(self) -> None:
        """Say, once, that there are rows which hold no message any more."""
        if not self._unreadable:
            self._unreadable = True
            self._say("has messages that cannot be read, as what is kept of them is damaged; the log counts them")

    def close(self, timeout: float) -> None:
        """Write what can be written in `timeout` seconds, and end."""
        with self._changed:
            if self._deadline is None:
                self._deadline = time.monotonic() + timeout
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
        self._backlog.accepting = False

    # on the thread

    def _run(self, path: Path, limit: int, opened: Future[list[Entry]]) -> None:
        connection: sqlite3.Connection | None = None
        checker = Checker(path, self._connect, self._timing.check, self._found_damaged)
        try:
            connection, entries, salvaged = open_file(
                path, self._connect, self._timing.busy, lambda found: self._table(found).newest(limit)
            )
            self._stamp = Stamp.of(path)
            if salvaged is not None:
                self._tell(salvaged)
            self._ready = True
            opened.set_result(entries)
            checker.start()
            while self._work(path, connection):
                if (found := self._reopen(path, connection)) is None:
                    break
                connection = found
        except (OSError, sqlite3.Error) as error:
            self._say(f"cannot be used: {reason(error)}; the chat goes on without it")
        except Exception as error:
            logger.exception("the history failed")
            self._say(f"is not written any more: {type(error).__name__}, see the log")
        finally:
            checker.end()
            with self._changed:
                self._backlog.accepting = False
                self._changed.notify_all()
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
            if not opened.done():
                opened.set_result([])
            self._answer(None)

    def _work(self, path: Path, connection: sqlite3.Connection) -> bool:
        """Do what there is to do until the history is to be closed; then write what is left, once.

        Returns:
            Whether the file has to be opened again: it is damaged, or stands no longer at its path.
        """
        table = self._table(connection)
        while self._deadline is None:
            with self._changed:
                while (rest := self._rest()) > 0:
                    self._changed.wait(rest)
            if self._needs_reopening(path):
                return True
            self._answer(table)
            if self._damaged or self._deadline is not None:
                continue
            if self._until_write() <= 0:
                if not self._put_off():
                    self._write(connection, table)
            elif self._pruner.rest() <= 0:
                self._prune(connection)
        while not self._backlog.empty() and time.monotonic() < (self._deadline or 0.0):
            if self._needs_reopening(path):
                return True
            if not (self._write(connection, table) or self._damaged):
                break
        if left := self._backlog.left():
            self._say(f"lacks the last {left:,} messages: it was closed before they could be written")
        return False

    def _prune(self, connection: sqlite3.Connection) -> None:
        try:
            told = self._pruner.step(connection)
        except sqlite3.Error as error:
            self._failed(error, "written")
        else:
            if told:
                self._say(told)

    def _needs_reopening(self, path: Path) -> bool:
        """Whether the file is damaged, or another one or none stands at its path."""
        self._look = time.monotonic() + self._timing.look
        try:
            return self._damaged or Stamp.of(path).file != self._stamp.file
        except OSError:  # a network drive that is away for a moment
            return False

    def _reopen(self, path: Path, connection: sqlite3.Connection) -> sqlite3.Connection | None:
        """Repair the file, or make it again, and have all that memory holds written to it; None: it is given up."""
        told = False
        while self._repairs < _REPAIRS:
            damaged = self._damaged
            try:
                found, salvaged, what = open_again(
                    path, self._connect, self._timing.busy, connection, self._stamp, damaged=damaged
                )
                self._stamp = Stamp.of(path)
            except (OSError, sqlite3.Error) as error:
                if not told:
                    self._say(f"is {'damaged' if damaged else 'gone'}, and {reason(error)}; it is tried again")
                told = True
                self._answer(None)
                with self._changed:
                    self._changed.wait_for(lambda: self._deadline is not None, self._timing.repair)
                    if self._deadline is None:
                        continue
                self._say(f"lacks the last {self._backlog.left():,} messages: it could not be repaired in time")
                return None
            if salvaged is None or salvaged.aside:
                self._backlog.touch_all(self._living())
            if salvaged is None:
                self._say(what)
            else:
                self._tell(salvaged)
            with self._changed:
                self._repairs += damaged
                self._damaged = False
                self._due = math.inf
                self._changed.notify_all()
            return found
        self._say("is damaged again and again: nothing more is written to it; have the disk checked")
        return None

    def _table(self, connection: sqlite3.Connection) -> MessageTable:
        return MessageTable(connection, self.found_unreadable)

    def _tell(self, salvaged: Salvage) -> None:
        """Say what became of a damaged file; what memory holds is not lost."""
        _entries, gone = self._backlog.living(salvaged.lost)
        self._say(salvaged.told(len(gone) + salvaged.unnamed))

    def _found_damaged(self) -> None:
        with self._changed:
            self._damaged = True
            self._changed.notify_all()

    def _rest(self) -> float:
        """Seconds until there is something to do."""
        if self._due == math.inf and self._backlog.waits():
            self._waits_since, self._waited = time.monotonic(), 0
            self._due = self._waits_since + self._timing.delay
        if self._questions or self._damaged or self._deadline is not None:
            return 0.0
        return min(self._until_write(), self._pruner.rest(), self._look - time.monotonic())

    def _until_write(self) -> float:
        """Seconds until the next batch is to be written."""
        if self._hurry and not self._failing and self._due < math.inf:
            return 0.0
        return self._due - time.monotonic()

    def _put_off(self) -> bool:
        """Put writing off while a burst comes in, see `WriterTiming.burst`; returns whether it does."""
        now, waiting = time.monotonic(), self._backlog.left()
        grown, self._waited = waiting - self._waited, waiting
        if self._hurry or self._failing or grown < _BATCH or now - self._waits_since >= self._timing.burst:
            return False
        self._due = now + self._timing.delay
        return True

    def _answer(self, table: MessageTable | None) -> None:
        with self._changed:
            questions = list(self._questions)
            self._questions.clear()
        for question in questions:
            question(table)

    def _write(self, connection: sqlite3.Connection, table: MessageTable) -> bool:
        """Write one batch; returns whether that was possible."""
        began = time.monotonic()
        work = self._backlog.take(_BATCH)
        entries, missing = self._backlog.living(work.ids)
        try:
            with transaction(connection):
                if work.clear:
                    table.clear(missing)
                table.rename(work.labels)
                table.mark_read(work.read)
                moved, misfits = table.write(entries)
                self._pruner.written(connection, cleared=work.clear)
        except sqlite3.Error as error:
            self._backlog.put_back()
            self._failed(error, "written")
            return False
        self._backlog.done(missing, moved)
        logger.debug("%d messages written in %.1f ms", len(entries) - misfits, 1000 * (time.monotonic() - began))
        if self._failing:
            self._failing = False
            self._say("is being written again")
        if work.lost:
            self._say(f"lacks {work.lost:,} messages: they left memory before they could be written")
        if misfits:
            self._say(f"lacks {misfits:,} messages: no file can keep what is in them")
        with self._changed:
            self._hurry = self._hurry and not self._backlog.empty()
            self._due = time.monotonic() if len(work.ids) >= _BATCH else math.inf
        return True

    def _failed(self, error: sqlite3.Error, done: str) -> None:
        """The file could not be `done`: read or written. Each trouble is told once, and its end."""
        if is_damage(error):
            self._damaged = True
            return
        self._due = time.monotonic() + self._timing.pause
        if not self._failing:
            self._failing = True
            self._say(f"cannot be {done}: {reason(error)}; it is tried again")

    def _say(self, what: str) -> None:
        text = f"the history in {self._path} {what}"
        logger.warning("%s", text)
        try:
            self._trouble(text)
        except Exception:
            logger.exception("trouble with the history could not be told")
