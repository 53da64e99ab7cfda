"""Search for text: what of a message is searched, and the condition that finds it."""

from __future__ import annotations

from ipymultichat.model import Message, searchable

_GRAM = 3
_MAX_GRAMS = 24
"""Beyond so many, more of them hardly make the answer smaller."""


def search_text(message: Message) -> str:
    """The text to be searched, as it stands in the file."""
    return _plain(searchable(message))


def condition(text: str, *, indexed: bool) -> tuple[str, str]:
    """The condition on rows that may hold a text, and its parameter.

    Every row that holds it meets the condition; a few that do not may meet it too.

    Args:
        text: what is looked for.
        indexed: whether there is an index of words.
    """
    needle = _plain(text.casefold())
    if not indexed or len(needle) < _GRAM:
        return "instr(search, ?) > 0", needle
    grams = list(dict.fromkeys(needle[start : start + _GRAM] for start in range(len(needle) - _GRAM + 1)))
    stride = -(-len(grams) // _MAX_GRAMS)
    quoted = ('"' + gram.replace('"', '""') + '"' for gram in grams[::stride])
    return "row IN (SELECT rowid FROM words WHERE words MATCH ?)", " AND ".join(quoted)


def _plain(text: str) -> str:
    """Replace what SQLite cannot encode, or ends a text at, character by character: what holds a text still does."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
