"""What is still to be written, however long the disk takes: names and places only, never the messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import islice
from threading import Condition

from ipymultichat.model import Entry, Order

_MANY = 50_000
"""From so many on, it is looked from time to time which of them have left memory."""


@dataclass(frozen=True)
class Work:
    """What is to be written next: first the changes to all messages, then the messages.

    Attributes:
        ids: which messages are new or changed.
        gone: which messages were forgotten with everything settled, before the file knew that they are.
        clear, labels, read: see `Archive`.
        lost: how many messages left memory before they could be written; 0 while more may follow.
    """

    ids: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    clear: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    read: dict[tuple[str, str], Order] = field(default_factory=dict)
    lost: int = 0

    @property
    def changes(self) -> bool:
        """Whether there is more than messages."""
        return bool(self.clear or self.labels or self.read)


class Backlog:
    """Collects what is new; every method may be called from any thread and takes no time.

    The messages are asked for when they are written, so that one that changes often is written once. Whoever calls
    has changed the living messages before: a message that is written after a change to all of them has it already.

    Args:
        entry: returns a living message, or None.
        changed: is notified when there is something to write, or nothing any more.
    """

    def __init__(self, entry: Callable[[str], Entry | None], changed: Condition) -> None:
        self._entry = entry
        self._changed = changed
        self._dirty: dict[str, None] = {}
        self._writing = Work()
        self._next = Work()
        self._elsewhere: set[str] = set()
        self._many = _MANY
        self._lost = 0

    def touch(self, message_id: str) -> None:
        """A message is new or changed."""
        with self._changed:
            if not self._dirty:
                self._changed.notify_all()
            self._dirty[message_id] = None
            crowded = len(self._dirty) > self._many
        if crowded:
            self._thin_out()

    def mark_read(self, upto: Order, server_id: str, peer: str) -> None:
        """All messages up to a place are read, or those of a server, or of a chat."""
        with self._changed:
            known = self._next.read.get((server_id, peer), upto)
            self._next.read[server_id, peer] = max(known, upto)
            self._changed.notify_all()

    def rename(self, server_id: str, label: str) -> None:
        """A server has another label."""
        with self._changed:
            self._next.labels[server_id] = label
            self._changed.notify_all()

    def clear(self) -> None:
        """Everything that is settled was forgotten."""
        with self._changed:
            ids = list(self._dirty)
        gone = self._gone(ids)
        with self._changed:
            self._forget(gone)
            self._lost = 0
            self._next = replace(self._next, clear=True, gone=(*self._next.gone, *gone))
            self._changed.notify_all()

    def take(self, limit: int) -> Work:
        """Begin to write; `done` or `put_back` has to follow."""
        with self._changed:
            if self._next.read:
                # Those that stand elsewhere in the file than in memory are not met by a place.
                self._dirty |= dict.fromkeys(self._elsewhere)
            ids = tuple(islice(self._dirty, limit))
            for message_id in ids:
                del self._dirty[message_id]
            lost = self._lost if len(ids) < limit else 0
            self._lost -= lost
            self._writing = replace(self._next, ids=ids, lost=lost)
            self._next = Work()
            return self._writing

    def done(self, missing: Iterable[str], moved: Iterable[Entry]) -> None:
        """What was taken is written.

        Args:
            missing: those that were no longer in memory.
            moved: those that stand elsewhere in the file than in memory.
        """
        with self._changed:
            if self._next.clear:
                self._next = replace(self._next, gone=(*self._next.gone, *missing))
            elif not self._writing.clear:
                self._lost += len(set(missing) - self._elsewhere)
            self._elsewhere.difference_update(self._writing.ids)
            self._elsewhere.update(entry.message.id for entry in moved if entry.unread)
            self._writing = Work()
            self._changed.notify_all()

    def put_back(self) -> None:
        """What was taken could not be written."""
        with self._changed:
            work, later = self._writing, self._next
            read = dict(work.read)
            for key, upto in later.read.items():
                read[key] = max(read.get(key, upto), upto)
            self._next = Work(
                gone=(*work.gone, *later.gone),
                clear=work.clear or later.clear,
                labels={**work.labels, **later.labels},
                read=read,
            )
            self._dirty = {**dict.fromkeys(work.ids), **self._dirty}
            self._lost += work.lost
            self._writing = Work()

    def holds(self, message_id: str) -> bool:
        """Whether something of a message is still to be written."""
        with self._changed:
            return message_id in self._dirty or message_id in self._writing.ids

    def left(self) -> int:
        """How many messages are still to be written."""
        with self._changed:
            return len(self._dirty) + len(self._writing.ids)

    def waits(self) -> bool:
        """Whether something is to be taken, be it a loss to tell of."""
        return bool(self._dirty or self._lost) or self._next.changes

    def empty(self) -> bool:
        """Whether nothing is still to be written."""
        return not (self.waits() or self._writing.ids or self._writing.changes)

    def _thin_out(self) -> None:
        with self._changed:
            ids = list(self._dirty)
        gone = self._gone(ids)
        with self._changed:
            self._forget(gone)
            self._lost += len(gone)
            self._many = max(_MANY, 2 * len(self._dirty))

    def _gone(self, ids: Iterable[str]) -> list[str]:
        # Asked without the lock: whoever answers may wait for one that is held by a caller of this class.
        return [message_id for message_id in ids if self._entry(message_id) is None]

    def _forget(self, ids: Iterable[str]) -> None:
        for message_id in ids:
            self._dirty.pop(message_id, None)
