"""Takes in what `export` wrote: a file of any length, a few messages at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from ipymultichat.errors import ConfigError, StoreError
from ipymultichat.inbox import Inbox
from ipymultichat.model import Entry, Message
from ipymultichat.model.forms import FIELDS, from_json, milliseconds
from ipymultichat.model.life import TRANSITIONS
from ipymultichat.store import History

BATCH, BATCH_BYTES = 200, 8 * 2**20
"""So many messages, or bytes of the file, are taken in before the disk has to have them."""

KEPT, KEPT_BYTES = 2_000, 64 * 2**20
"""How many messages, and bytes of them, an import adds to what is in memory at most; the others are on disk alone."""

MAX_LINE = 512 * 2**20
"""Bytes of one line at most."""

PATIENCE = 60.0
"""Seconds for the disk to take a batch."""


class Importer:
    """Puts exported messages into an inbox and its history.

    Args:
        inbox: where the newest of them go.
        history: where all of them go.
        recall: brings entries up to the present, as those of an earlier kernel; called with the lock held.
        lock: the hub's; held while messages change.
    """

    def __init__(
        self,
        inbox: Inbox,
        history: History,
        *,
        recall: Callable[[Iterable[Entry]], list[Entry]],
        lock: AbstractContextManager[object],
    ) -> None:
        self._inbox = inbox
        self._history = history
        self._recall = recall
        self._lock = lock

    def run(self, path: Path) -> int:
        """Take in every message of a file that is not here yet; returns how many. See `Chat.import_messages`."""
        on_disk = self._history.usable
        messages, size = self._inbox.size
        added = 0
        for batch in _batches(path.expanduser()):
            added += self._take_in(batch)
            if on_disk:
                if not self._history.flush(PATIENCE):
                    raise StoreError(
                        f"the history cannot be written; {added:,} messages were imported, run it again for the rest"
                    )
                self._inbox.trim(messages + KEPT, size + KEPT_BYTES)
        return added

    def _take_in(self, batch: list[tuple[int, Message]]) -> int:
        known = self._history.known([message.id for _, message in batch]).result(PATIENCE)
        with self._lock:
            new = [
                Entry((time, 0), message, unread=False)
                for time, message in batch
                if message.id not in known and self._inbox.peek(message.id) is None
            ]
            taken = self._inbox.take_in(self._recall(new))
        for message_id in taken:
            self._history.touch(message_id)
        return len(taken)


def _batches(path: Path) -> Iterator[list[tuple[int, Message]]]:
    """The messages of a file, each with the milliseconds of its place: they stay in the order in which they are."""
    batch: list[tuple[int, Message]] = []
    size = place = 0
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b""), 1):
            if not line.strip():
                continue
            try:
                message = _message(line)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                yield batch
                raise ConfigError(
                    f"line {number:,} of {path} is no message that export() wrote: {type(error).__name__}: "
                    f"{str(error)[:200]}; the lines before it are imported",
                    value=number,
                ) from error
            place = max(place, milliseconds(message.created_at))
            batch.append((place, message))
            size += len(line)
            if len(batch) >= BATCH or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
    yield batch


def _message(line: bytes) -> Message:
    """The message of a line; raises `ValueError` and others where it is none."""
    form = json.loads(line)
    types = {"str": str, "bool": bool}
    for name, kind in FIELDS.items():
        if kind in types and not isinstance(form.get(name, types[kind]()), types[kind]):
            raise ValueError(f"{name} is no {kind}")
    message = from_json(form)
    if not message.id or message.status not in TRANSITIONS[message.kind]:
        raise ValueError(f"a {message.kind} {message.id!r} cannot be {message.status}")
    if any(time is not None and time.tzinfo is None for time in (message.created_at, message.deadline)):
        raise ValueError("a time without a zone")
    return replace(message, live=False)
