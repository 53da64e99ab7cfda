"""Which paths fit a few letters best."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

_STARTS = "/_-. "


def best(query: str, paths: Iterable[str], limit: int) -> list[str]:
    """Return the best fitting paths, best first; an empty query takes them as they come.

    Args:
        query: letters that must appear in this order, upper or lower case alike; blanks count for nothing.
        paths: the candidates.
        limit: how many at most.
    """
    letters = "".join(query.lower().split())
    scored = ((score(letters, path), -len(path), path) for path in paths)
    if not letters:
        return [path for _, (_, _, path) in zip(range(limit), scored, strict=False)]
    fitting = [item for item in scored if item[0] > 0]
    return [path for _, _, path in heapq.nlargest(limit, fitting)]


def score(letters: str, path: str) -> int:
    """How well a path fits lower-case letters; 0 when one is missing.

    Letters in a row, letters that begin a word, and letters in the last part of the path count more.
    """
    text = path.lower()
    name = text.rstrip("/").rfind("/") + 1
    if letters and letters in text[name:]:
        # The whole of it in the name is what is meant nearly always.
        return 1_000 + (500 if text.startswith(letters, name) else 0)
    total, at, before = 1, 0, -2
    for letter in letters:
        place = text.find(letter, at)
        if place < 0:
            return 0
        total += 1 + 4 * (place == before + 1) + 3 * (place == 0 or text[place - 1] in _STARTS) + (place >= name)
        before, at = place, place + 1
    return total
