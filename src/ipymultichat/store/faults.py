"""What SQLite's errors mean to a person."""

from __future__ import annotations

import sqlite3

from ipymultichat.errors import StoreError

_WORDS = {
    "is locked": "another program holds it locked",
    "is full": "the disk is full",
    "readonly": "it may not be written",
    "unable to open": "it cannot be opened",
    "disk I/O error": "the disk reports an error",
    "malformed": "it is damaged",
    "not a database": "it is no history",
}


def is_trouble(error: Exception) -> bool:
    """Whether the file or the disk is to blame, not the value that was to be written."""
    return isinstance(error, sqlite3.OperationalError) or is_damage(error)


def is_damage(error: Exception) -> bool:
    """Whether the file is damaged, or is no database at all."""
    return type(error) is sqlite3.DatabaseError


def reason(error: Exception) -> str:
    """An error in plain words."""
    if isinstance(error, OSError) and not isinstance(error, StoreError):
        return error.strerror or type(error).__name__
    text = str(error)
    return next((words for part, words in _WORDS.items() if part in text), text)
