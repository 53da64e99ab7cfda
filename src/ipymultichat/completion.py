"""Paths under an agent's project directory, for `@` completion.

Only directories that a message of the inbox names are ever listed, and only where they exist on this machine: whoever
asks a question chooses the name, and must not make this machine turn to another one.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ipymultichat.model import Message

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

MAX_ENTRIES = 20_000
"""Paths listed of one project at most; directories near the root come first."""

FRESH = 5.0
"""Seconds a listing is used before the directory is looked at again."""

MAX_LISTINGS = 8
_STARTS = "/_-. "
_NEVER = (".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv")

Rules = tuple[tuple[str, "GitIgnoreSpec"], ...]
"""Ignore rules that hold somewhere: the directory they stand in (relative, "" or ending in "/"), and the rules."""


@dataclass(frozen=True)
class _Listing:
    paths: tuple[str, ...]
    at: float


class ProjectPaths:
    """Completes paths below the project directories of messages.

    Args:
        find: returns a message of the inbox by its id, or None.
        clock: returns seconds that never run backwards.
    """

    def __init__(self, find: Callable[[str], Message | None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._find = find
        self._clock = clock
        self._listings: dict[Path, _Listing] = {}
        self._running: dict[Path, asyncio.Future[tuple[str, ...]]] = {}

    async def complete(self, message_id: str, query: str, limit: int = 20) -> list[str] | None:
        """Return the paths that fit best what was typed, relative to the project; directories end in "/".

        Args:
            message_id: the message whose project directory is meant.
            query: letters in the order in which they must appear in a path.
            limit: how many at most.

        Returns:
            None where the message names no directory of this machine.
        """
        message = self._find(message_id)
        root = None if message is None else await asyncio.to_thread(_root, message.project_directory)
        if root is None:
            return None
        paths = await self._listed(root)
        return await asyncio.to_thread(best_paths, query, paths, limit)

    async def _listed(self, root: Path) -> tuple[str, ...]:
        known = self._listings.get(root)
        if known is not None and self._clock() - known.at < FRESH:
            return known.paths
        running = self._running.get(root)
        if running is None:
            # Keys come faster than a large project can be read: all of them wait for the same reading.
            running = self._running[root] = asyncio.ensure_future(asyncio.to_thread(list_project, root))
            running.add_done_callback(lambda _done: self._running.pop(root, None))
        paths = await asyncio.shield(running)
        self._listings.pop(root, None)
        self._listings[root] = _Listing(paths, self._clock())
        while len(self._listings) > MAX_LISTINGS:
            self._listings.pop(next(iter(self._listings)))
        return paths


def names_another_machine(directory: str) -> bool:
    r"""Whether a path is one of the network, as Windows has them; told from its text alone, on every platform.

    These are `\\host\share`, `\\?\UNC\host\share` and `\\.\…`, with either slash: to ask Windows for such a directory
    is to log in at its host. Nobody needs two slashes at the start elsewhere.
    """
    return directory.replace("\\", "/").startswith("//")


def _root(directory: str) -> Path | None:
    """The directory a message names, as it really lies on this machine, or None."""
    if names_another_machine(directory):
        return None
    try:
        path = Path(directory).expanduser()
        return path.resolve() if directory and path.is_absolute() and path.is_dir() else None
    except (OSError, RuntimeError, ValueError):
        return None


def list_project(root: Path, most: int = MAX_ENTRIES) -> tuple[str, ...]:
    """List what lies below a directory, breadth first, without what its `.gitignore` files leave out.

    A link is listed when it leads to a place inside, and never followed.

    Args:
        root: an absolute path without links in it.
        most: how many paths at most.
    """
    found: list[str] = []
    waiting: deque[tuple[str, Rules]] = deque([("", _rules(root, "", ()))])
    while waiting and len(found) < most:
        folder, rules = waiting.popleft()
        try:
            with os.scandir(root / folder) as entries:
                names = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in names:
            kind = _kind(entry, root)
            path = f"{folder}{entry.name}{'/' if kind == 'folder' else ''}"
            if not kind or entry.name in _NEVER or _ignored(path, rules):
                continue
            found.append(path)
            if len(found) >= most:
                break
            if kind == "folder" and not entry.is_symlink():
                waiting.append((path, _rules(root, path, rules)))
    return tuple(found)


def _kind(entry: os.DirEntry[str], root: Path) -> str:
    """What an entry is: "folder", "file", or "" for what must not be shown: a link that leads outside or nowhere."""
    try:
        if entry.is_symlink() and not Path(entry.path).resolve(strict=True).is_relative_to(root):
            return ""
        return "folder" if entry.is_dir() else "file"
    except (OSError, RuntimeError):
        return ""


def _rules(root: Path, folder: str, above: Rules) -> Rules:
    """The rules that hold in a folder: those above, and those of its own `.gitignore`."""
    file = root / folder / ".gitignore"
    from pathspec import GitIgnoreSpec

    try:
        if file.is_symlink() or not file.is_file():
            return above
        return (*above, (folder, GitIgnoreSpec.from_lines(file.read_text("utf-8", "replace").splitlines())))
    except (OSError, ValueError):
        return above


def _ignored(path: str, rules: Rules) -> bool:
    """Whether git would leave a path out: the deepest rule that says anything decides."""
    for folder, spec in reversed(rules):
        verdict = spec.check_file(path[len(folder) :]).include
        if verdict is not None:
            return verdict
    return False


def best_paths(query: str, paths: Iterable[str], limit: int) -> list[str]:
    """Return the best fitting paths, best first; an empty query takes them as they come.

    Args:
        query: letters that must appear in this order, upper or lower case alike; blanks count for nothing.
        paths: the candidates.
        limit: how many at most.
    """
    letters = "".join(query.lower().split())
    scored = ((_score(letters, path), -len(path), path) for path in paths)
    if not letters:
        return [path for _, (_, _, path) in zip(range(limit), scored, strict=False)]
    fitting = [item for item in scored if item[0] > 0]
    return [path for _, _, path in heapq.nlargest(limit, fitting)]


def _score(letters: str, path: str) -> int:
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
