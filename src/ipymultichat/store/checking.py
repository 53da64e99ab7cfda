"""Looks at every page of the history once, beside the work, so that damage is found before somebody needs the page."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ipymultichat.store.database import Connect, check_pages, is_damage

logger: logging.Logger = logging.getLogger("ipymultichat.store")

MAX_BYTES = 2**30
"""A larger file is not looked at: it would keep the disk busy at every start. Damage is found there when it is met."""


_END_SECONDS = 1.0


class Checker:
    """A thread that looks at the file once and ends.

    Args:
        path: the file.
        connect: opens it.
        delay: seconds to wait before.
        damaged: called in that thread when a page is damaged.
    """

    def __init__(self, path: Path, connect: Connect, delay: float, damaged: Callable[[], None]) -> None:
        self._path = path
        self._connect = connect
        self._delay = delay
        self._damaged = damaged
        self._ended = threading.Event()
        self._connection: sqlite3.Connection | None = None
        self._thread = threading.Thread(target=self._run, name="ipymultichat-history-check", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Look no further; returns when it has ended, or after a second."""
        self._ended.set()
        with contextlib.suppress(sqlite3.Error):  # it may have come to its end at this very moment
            if self._connection is not None:
                self._connection.interrupt()
        if self._thread.is_alive():
            self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        if self._ended.wait(self._delay):
            return
        try:
            if self._path.stat().st_size > MAX_BYTES:
                return
            with closing(self._connect(self._path, 0.0)) as self._connection:
                if not self._ended.is_set():
                    check_pages(self._connection)
        except sqlite3.Error as error:
            if is_damage(error):
                self._damaged()
            else:
                logger.debug("the history was not checked: %s", error)
        except OSError as error:
            logger.debug("the history was not checked: %s", error)
