"""Requests in SQLite: in memory, or in a file that one server process has to itself."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import queue
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ipymultichat.server.stores.port import LARGE, StoreError
from ipymultichat.server.stores.sql import BEAT, MIGRATIONS, VERSION, Parameters, Row, SqlStore

MOST_TOGETHER = 256
"""Changes that are made durable together."""

APPLICATION_ID = 0x69706D63
"""Marks the file as ours (`PRAGMA application_id`)."""

_Job = tuple[str, Parameters, "asyncio.Future[list[Row]]"]


class MemoryStore(SqlStore):
    """Keeps requests as long as this object lives."""

    durable = False

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None
        self._turn = asyncio.Lock()
        self._has_large = False

    async def open(self, process: str, now_ms: int, away_until_ms: int) -> None:
        """See `Store.open`."""
        del process, now_ms, away_until_ms  # nothing is left of others
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        _migrate(self._connection)

    async def close(self) -> None:
        """See `Store.close`."""
        async with self._turn:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    async def _run(self, statement: str, parameters: Parameters) -> list[Row]:
        # A row of 24 MB takes a third of a second, for which no loop can wait; where all are small, threads cost more.
        sizes = (len(value) for value in parameters.values() if isinstance(value, bytes))
        self._has_large = self._has_large or max(sizes, default=0) > LARGE
        async with self._turn:
            if self._connection is None:
                raise StoreError("the store is closed")
            with _named("memory"):
                if self._has_large:
                    return await asyncio.to_thread(_rows, self._connection, statement, parameters)
                return _rows(self._connection, statement, parameters)


class SqliteStore(SqlStore):
    """Keeps requests in a file, durable when acknowledged (WAL, synchronous=FULL).

    A thread carries out the statements, and commits together what came while the last commit was under way: so many
    agents at once share the time that the disk takes.

    Args:
        path: the file; it is made, and its folder too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = _lock_of(path)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def open(self, process: str, now_ms: int, away_until_ms: int) -> None:
        """See `Store.open`."""
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        arguments = loop, opened, bool(process)
        self._thread = threading.Thread(target=self._work, args=arguments, name="ipymultichat-server-store")
        self._thread.start()
        try:
            await opened
            if not process:
                return
            # Nobody else uses the file: whoever stands in it is no more.
            await self._run("DELETE FROM processes", {})
            await self._run(BEAT, {"process": process, "now": now_ms})
            await self._orphan(away_until_ms)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """See `Store.close`."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(thread.join)

    async def _run(self, statement: str, parameters: Parameters) -> list[Row]:
        if self._thread is None:
            raise StoreError("the store is closed")
        done: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()
        self._jobs.put((statement, parameters, done))
        return await done

    # In the thread

    def _work(self, loop: asyncio.AbstractEventLoop, opened: asyncio.Future[None], serving: bool) -> None:
        try:
            connection = self._connect(serving)
        except StoreError as error:
            _tell(loop, [(opened, error)])
            return
        _tell(loop, [(opened, None)])
        try:
            while jobs := self._next():
                self._carry_out(connection, jobs, loop)
        finally:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
            self._lock.release()

    def _next(self) -> list[_Job]:
        """Wait for something to do and return all there is; nothing when the end has come."""
        jobs: list[_Job] = []
        while len(jobs) < MOST_TOGETHER:
            try:
                job = self._jobs.get(block=not jobs)
            except queue.Empty:
                break
            if job is None:
                if jobs:
                    self._jobs.put(None)  # for the next turn: nothing is put behind it
                break
            jobs.append(job)
        return jobs

    def _connect(self, serving: bool) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = None
        try:
            with _named(self._path):
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                if serving:
                    self._lock.acquire(timeout=0)
                self._path.touch(mode=0o600)
                connection = sqlite3.connect(self._path, isolation_level=None)
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                _migrate(connection)
                return connection
        except BaseException:
            if connection is not None:
                connection.close()
            self._lock.release()
            raise

    def _carry_out(self, connection: sqlite3.Connection, jobs: list[_Job], loop: asyncio.AbstractEventLoop) -> None:
        """Carry out all of it together, or each by itself where that fails: one that cannot be done harms no other."""
        try:
            with _named(self._path), _transaction(connection):
                results = [_rows(connection, statement, parameters) for statement, parameters, _ in jobs]
        except StoreError as error:
            if len(jobs) == 1:
                _tell(loop, [(jobs[0][2], error)])
            else:
                for job in jobs:
                    self._carry_out(connection, [job], loop)
        else:
            _tell(loop, [(done, rows) for (_, _, done), rows in zip(jobs, results, strict=True)])


def _rows(connection: sqlite3.Connection, statement: str, parameters: Parameters) -> list[Row]:
    return connection.execute(statement, parameters).fetchall()


def in_use(path: Path) -> bool:
    """Whether a server has a file open."""
    lock = _lock_of(path)
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # opening it says what is wrong
        return False


def _lock_of(path: Path) -> FileLock:
    return FileLock(f"{path}.lock")


def _tell(loop: asyncio.AbstractEventLoop, results: list[tuple[asyncio.Future[Any], object]]) -> None:
    """Hand results over to those who wait for them; a loop that has ended has none of them any more."""

    def hand_over() -> None:
        for done, result in results:
            if done.done():
                continue
            if isinstance(result, BaseException):
                done.set_exception(result)
            else:
                done.set_result(result)

    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(hand_over)


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk ends it by itself
            connection.execute("ROLLBACK")
        raise


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to today's form.

    Raises:
        StoreError: the file is a newer version's, or another program's.
    """
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    marked = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    if not marked and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise StoreError("it is the database of another program; name another file")
    if found > VERSION:
        raise StoreError(
            f"it is of version {found}, this ipymultichat knows {VERSION}: install a newer one, or name another file"
        )
    with _transaction(connection):
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        for version in range(found + 1, VERSION + 1):
            for statement in MIGRATIONS[version]:
                connection.execute(statement.format(bytes="BLOB"))
        connection.execute(f"PRAGMA user_version = {VERSION}")


@contextlib.contextmanager
def _named(place: object) -> Iterator[None]:
    """Say in one line what is wrong with the file."""
    try:
        yield
    except StoreError as error:
        raise StoreError(f"the store {place} cannot be used: {error}", full=error.full) from error
    except Timeout as error:
        raise StoreError(
            f"the store {place} cannot be used: another server has it open; stop that one first", in_use=True
        ) from error
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise StoreError(f"the store {place} cannot be used: {error.strerror}", full=full) from error
    except sqlite3.Error as error:
        full = "full" in str(error)
        words = "the disk is full; make room" if full else str(error)
        raise StoreError(f"the store {place} cannot be used: {words}", full=full) from error
