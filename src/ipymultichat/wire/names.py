"""Names as they came in, with nothing hidden in them."""

from __future__ import annotations

from functools import lru_cache

from ipymultichat.model.invisible import escape_invisible

MAX_ID = 1_000
MAX_NAME = 200
LONG_NAME = MAX_NAME + 1
_MAX_WORDS = 500
"""Characters of ids, names and reasons that a server sends; they become state, which travels with every change."""


@lru_cache(1_000)  # the same few names come with every message
def name_of(text: str) -> str:
    """A name that a server sends, with nothing hidden in it and of a length that fits everywhere.

    Args:
        text: its first `LONG_NAME` characters.
    """
    return escape_invisible(text if len(text) <= MAX_NAME else f"{text[:MAX_NAME]}…")


def words_of(text: str) -> str:
    """A reason that a server sends, with nothing hidden in it and not too long to be read."""
    return escape_invisible(text if len(text) <= _MAX_WORDS else f"{text[:_MAX_WORDS]}…")
