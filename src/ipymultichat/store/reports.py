"""What a person is told about the history: each trouble once, and its end."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from ipymultichat.store.faults import is_damage, reason

logger = logging.getLogger("ipymultichat.store")


class Reports:
    """Tells of trouble with one file.

    Args:
        path: the file.
        trouble: called with a line for the person.
    """

    def __init__(self, path: Path, trouble: Callable[[str], None]) -> None:
        self.failing = False
        self._path = path
        self._trouble = trouble

    def failed(self, error: sqlite3.Error, done: str) -> None:
        """The file could not be used.

        Args:
            error: why.
            done: what could not be done: "read" or "written".
        """
        if is_damage(error):
            self.say("is damaged: nothing more is written to it, and the next start sets it aside")
        elif not self.failing:
            self.failing = True
            self.say(f"cannot be {done}: {reason(error)}; it is tried again")

    def worked(self, lost: int, misfits: int) -> None:
        """Something was written.

        Args:
            lost: messages that left memory before.
            misfits: messages that cannot be written at all.
        """
        if self.failing:
            self.failing = False
            self.say("is being written again")
        if lost:
            self.say(f"lacks {lost:,} messages: they left memory before they could be written")
        if misfits:
            self.say(f"lacks {misfits:,} messages: no file can keep what is in them")

    def say(self, what: str) -> None:
        """Tell something about the file."""
        text = f"the history in {self._path} {what}"
        logger.warning("%s", text)
        try:
            self._trouble(text)
        except Exception:
            logger.exception("trouble with the history could not be told")
