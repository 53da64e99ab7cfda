"""The history's files: where they are, made for their owner only, set aside when damaged."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from ipymultichat.errors import StoreError
from ipymultichat.store.config import config_path
from ipymultichat.store.faults import is_damage
from ipymultichat.store.schema import migrate, remake_index, transaction

Connect = Callable[[Path, float], sqlite3.Connection]

_LOCK_SECONDS = 20.0


def history_path(profile: str) -> Path:
    """Where a profile's history is: in `$MULTICHAT_CONFIG_DIR`, else the user's data directory.

    Raises:
        ConfigError: the name cannot be a file name.
    """
    name = config_path(profile).stem
    folder = os.environ.get("MULTICHAT_CONFIG_DIR") or platformdirs.user_data_dir("ipymultichat", appauthor=False)
    return Path(folder) / f"{name}.sqlite3"


def open_file(path: Path, connect: Connect, busy: float) -> tuple[sqlite3.Connection, str]:
    """Open a history, made or brought up to date where that is needed.

    A damaged file is set aside under another name, and a new one begun.

    Args:
        path: the file.
        connect: see `schema.connect`.
        busy: seconds to wait for another kernel that writes.

    Returns:
        The connection, and the name of the damaged file, or "".

    Raises:
        OSError, sqlite3.Error: it cannot be used.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        # Of two kernels that find a damaged file, the later one must not set aside the new one of the other.
        with FileLock(f"{path}.lock", timeout=_LOCK_SECONDS):
            try:
                return _open(path, connect, busy), ""
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
            aside = _set_aside(path)
            return _open(path, connect, busy), aside
    except Timeout as error:
        raise StoreError("another kernel is at work on it") from error


def mark_damaged(path: Path) -> None:
    """Have the next one that opens the file look whether it is sound; that takes too long to do it every time.

    Raises:
        OSError: the mark cannot be made.
    """
    _mark(path).touch(mode=0o600)


def _open(path: Path, connect: Connect, busy: float) -> sqlite3.Connection:
    # SQLite gives the files beside it the same rights.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = connect(path, busy)
    try:
        migrate(connection)
        if _mark(path).exists():
            _examine(connection)
            _mark(path).unlink()
    except BaseException:
        connection.close()
        raise
    return connection


def _examine(connection: sqlite3.Connection) -> None:
    """Look at every page; the index of words, which can be made from the rows, is not worth a look.

    Raises:
        sqlite3.DatabaseError: the file is damaged.
    """
    with transaction(connection):
        remake_index(connection, lambda: None)
        if connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("malformed")


def _set_aside(path: Path) -> str:
    aside = path.with_name(f"{path.stem}.corrupt-{os.urandom(3).hex()}{path.suffix}")
    for suffix in ("", "-wal", "-shm"):  # a name of one stem: they belong together
        part = Path(f"{path}{suffix}")
        if part.exists():
            part.rename(f"{aside}{suffix}")
    _mark(path).unlink(missing_ok=True)
    return aside.name


def _mark(path: Path) -> Path:
    return Path(f"{path}.damaged")
