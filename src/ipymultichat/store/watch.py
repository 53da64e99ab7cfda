"""Notices when another kernel, or a person with an editor, changes a file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

LOOK = 1.0
"""Seconds between two looks. Looking costs one `stat`; notification APIs differ by system and fail on network homes."""


class FileWatch:
    """Looks at a file from a thread of its own, so that a slow disk holds up nobody.

    Args:
        path: the file; it need not exist.
        changed: called in that thread after the file became another one.
    """

    def __init__(self, path: Path, changed: Callable[[], None]) -> None:
        self._path = path
        self._changed = changed
        self._stopped = threading.Event()
        self._seen = self._stamp()
        self._thread = threading.Thread(target=self._run, name="ipymultichat-config", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def look(self) -> None:
        """Look now."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            self._changed()

    def _run(self) -> None:
        while not self._stopped.wait(LOOK):
            self.look()

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
