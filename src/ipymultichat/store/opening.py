"""Opens the history's file, whatever state it is in: new, old, damaged, or no longer there."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeVar

from filelock import FileLock, Timeout

from ipymultichat.errors import StoreError
from ipymultichat.store.database import (
    VERSION,
    Connect,
    check_pages,
    is_damage,
    migrate,
    remake_index,
    transaction,
)
from ipymultichat.store.salvage import Salvage, salvage

logger: logging.Logger = logging.getLogger("ipymultichat.store")

T = TypeVar("T")
Inode = tuple[int, int]

_LOCK_SECONDS = 20.0


class Stamp(NamedTuple):
    """What tells a file from another one that takes its place later.

    Attributes:
        file: of the file; None: there is none.
        log: of its write-ahead log.
    """

    file: Inode | None = None
    log: Inode | None = None

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """The one of a file.

        Raises:
            OSError: that cannot be known now.
        """
        found: list[Inode | None] = []
        for part in (path, Path(f"{path}-wal")):
            try:
                there = part.stat()
                found.append((there.st_dev, there.st_ino))
            except (FileNotFoundError, NotADirectoryError):
                found.append(None)
        return cls(*found)


def open_file(
    path: Path,
    connect: Connect,
    busy: float,
    read: Callable[[sqlite3.Connection], T],
    damaged: Inode | None = None,
) -> tuple[sqlite3.Connection, T, Salvage | None]:
    """Open a history, made or brought up to date where that is needed.

    Of a damaged file what can be read goes into a new one, and the file is kept under another name.

    Args:
        path: the file.
        connect: opens it, as the function of that name does.
        busy: seconds to wait for another kernel that writes.
        read: reads something, which shows whether the file can be used.
        damaged: the file was found to be damaged; another kernel may have repaired it since.

    Returns:
        The connection, what was read, and what became of a damaged file.

    Raises:
        OSError, sqlite3.Error: it cannot be used.
    """

    def attempt() -> tuple[sqlite3.Connection, T]:
        # SQLite gives the files beside it the same rights.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = connect(path, busy)
        try:
            before = migrate(connection)
            logger.debug("%s is open, version %d (was %d)", path.name, VERSION, before)
            return connection, read(connection)
        except BaseException:
            connection.close()
            raise

    # Of two kernels that find a damaged file, the later one must not set aside the new one of the other.
    with _locked(path):
        if not path.exists() and _new(path).exists():  # a kernel was killed between the two steps of `_put_in_place`
            _put_in_place(path)
        if damaged is None or Stamp.of(path).file != damaged:
            try:
                return *attempt(), None
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
        repaired = _repair(path, connect, busy)
        return *attempt(), repaired


def open_again(
    path: Path, connect: Connect, busy: float, connection: sqlite3.Connection, was: Stamp, *, damaged: bool
) -> tuple[sqlite3.Connection, Salvage | None, str]:
    """Open a file that is damaged, or no longer at its path.

    Args:
        path: see `open_file`.
        connect: the same.
        busy: the same.
        connection: the one there was; it is closed.
        was: of the file when it was opened.
        damaged: whether it is damaged, if it is still there.

    Returns:
        The new connection, what became of a damaged file, and what happened to one that is not damaged any more.

    Raises:
        OSError, sqlite3.Error: it cannot be used.
    """
    what = (
        "was damaged, and another kernel has repaired it"
        if damaged
        else "was replaced by another file, which gets what is in memory"
    )
    now = Stamp.of(path)
    if now.file is None:
        what = "was removed; it was made again, with what is in memory"
        try:
            if _make_again(path, connect, busy, connection):
                what = "was removed; it was made again, and nothing is missing in it"
        except sqlite3.OperationalError:
            raise
        except sqlite3.Error as error:
            logger.warning("the removed history cannot be read: %s", error)
    connection.close()
    if now.file not in (None, was.file) and now.log == was.log:
        set_aside(path, "-wal", "-shm")  # SQLite would put what is in them into the file that took the other's place
    inode = was.file if damaged and now.file else None
    found, _nothing, salvaged = open_file(path, connect, busy, lambda _connection: None, inode)
    return found, salvaged, what


def _make_again(path: Path, connect: Connect, busy: float, connection: sqlite3.Connection) -> bool:
    """Make a file that was removed again, with all that is still to be had by a connection to it.

    Returns:
        Whether it was; another kernel may have made it first.

    Raises:
        OSError, sqlite3.Error: that cannot be done.
    """
    with _locked(path):
        if path.exists():
            return False
        with _begun(path, connect, busy) as copy:
            connection.backup(copy)
        _put_in_place(path)
        return True


def set_aside(path: Path, *suffixes: str) -> str:
    """Give a damaged file and what belongs to it, or only parts with these suffixes, another name; returns that."""
    aside = path.with_name(f"{path.stem}.corrupt-{os.urandom(3).hex()}{path.suffix}")
    for suffix in suffixes or ("", "-wal", "-shm"):  # a name of one stem: they belong together
        part = Path(f"{path}{suffix}")
        if part.exists():
            part.rename(f"{aside}{suffix}")
    return aside.name


def _repair(path: Path, connect: Connect, busy: float) -> Salvage:
    """Make a damaged file one that can be used."""
    try:
        with closing(connect(path, busy)) as connection:
            migrate(connection)
            for table in ("messages", "attachments"):  # a damaged one is found sooner than all the rest is looked at
                check_pages(connection, f"quick_check({table})")
            with transaction(connection):
                remake_index(connection)  # most of a file is this index, and it can be made from the rows
                check_pages(connection, "integrity_check(1)")
        return Salvage()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
    with _begun(path, connect, busy) as copy, _held(path, busy):
        migrate(copy)
        found = salvage(path, copy)
    found.aside = _put_in_place(path)
    return found


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other kernels from opening and replacing the file; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with FileLock(f"{path}.lock", timeout=_LOCK_SECONDS):
            yield
    except Timeout as error:
        raise StoreError("another kernel is at work on it") from error


@contextlib.contextmanager
def _held(path: Path, busy: float) -> Iterator[None]:
    """Keep other kernels from writing to a damaged file, where that is possible."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(sqlite3.Error):
            connection = stack.enter_context(closing(sqlite3.connect(path, timeout=busy, isolation_level=None)))
            connection.execute("BEGIN IMMEDIATE")
        yield


@contextlib.contextmanager
def _begun(path: Path, connect: Connect, busy: float) -> Iterator[sqlite3.Connection]:
    """A new file that is to take the place of another one."""
    _remove(_new(path))
    os.close(os.open(_new(path), os.O_CREAT | os.O_RDWR, 0o600))
    try:
        with closing(connect(_new(path), busy)) as connection:
            yield connection
    except BaseException:
        _remove(_new(path))
        raise


def _put_in_place(path: Path) -> str:
    """Set aside what is there, and give the new file its name; returns the name of what was there."""
    aside = set_aside(path)
    _new(path).rename(path)
    return aside


def _new(path: Path) -> Path:
    return Path(f"{path}.new")


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
