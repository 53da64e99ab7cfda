"""What is still to be written, however long the disk takes: ids and orders only, never the messages."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import islice
from threading import Condition, RLock

from ipymultichat.model import Entry, Order

CROWDED = 50_000
"""From so many waiting messages on, those that left memory are looked for: they can never be written."""


@dataclass
class Work:
    """What is to be written next: first the changes to many messages, then the messages.

    Attributes:
        ids: which messages are new or changed.
        clear: everything that is over was forgotten, also what the file does not know to be over: then all ids there
            are come with it, and what left memory is to be deleted.
        labels: new labels of servers, by id.
        read: up to where messages are read, by server and peer; ("", "") stands for all of them.
        lost: how many messages left memory before they could be written; 0 while more may follow.
    """

    ids: tuple[str, ...] = ()
    clear: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    read: dict[tuple[str, str], Order] = field(default_factory=dict)
    lost: int = 0

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.ids or self.clear or self.labels or self.read)


class Backlog:
    """Collects what is new; every method may be called from any thread, and none waits for the disk.

    Messages are asked for when they are written, so that one that changes often is written once. Whoever calls has
    changed the living messages before: a message that is written after a change to many has it already.

    Args:
        entry: returns a living message, or None. It is called without the lock: whoever answers may wait for one that
            is held by a caller of this class.
        crowded: see `CROWDED`.

    Attributes:
        accepting: whether what is new is collected, or left out because nothing will ever be written.
        changed: notified when there is something to write where there was nothing, and when something was written.
    """

    def __init__(self, entry: Callable[[str], Entry | None], crowded: int = CROWDED) -> None:
        self.accepting = True
        self._lock = RLock()
        self.changed: Condition = Condition(self._lock)
        self._entry = entry
        self._crowded = crowded
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._writing = Work()
        self._next = Work()
        self._elsewhere: set[str] = set()  # unread messages that have another order in the file than in memory
        self._lost = 0

    def touch(self, message_id: str) -> None:
        """A message is new or changed: it is written soon. This is called for every message, so it does little."""
        if not self.accepting:
            return
        with self._lock:
            if not self._waiting:
                self.changed.notify_all()
            self._waiting[message_id] = None
            if len(self._waiting) <= self._crowded:
                return
        self._thin_out()

    def touch_all(self, message_ids: Iterable[str]) -> None:
        """Have messages written again that may be in the file no more."""
        with self._lock:
            if self.accepting:
                self._waiting.update(dict.fromkeys(message_ids))
                self.changed.notify_all()

    def mark_read(self, upto: Order, server_id: str, peer: str) -> None:
        """All messages up to an order are read, or those of a server, or of a chat."""
        with self._lock:
            if self.accepting:
                self._next.read[server_id, peer] = max(self._next.read.get((server_id, peer), upto), upto)
                self.changed.notify_all()

    def rename(self, server_id: str, label: str) -> None:
        """A server has another label."""
        with self._lock:
            if self.accepting:
                self._next.labels[server_id] = label
                self.changed.notify_all()

    def clear(self) -> None:
        """Everything that is over was forgotten."""
        with self._lock:
            if self.accepting:
                self._lost = 0
                self._next.clear = True
                self.changed.notify_all()

    def take(self, limit: int) -> Work:
        """Begin to write so many messages at most; `done` or `put_back` has to follow."""
        with self._lock:
            if self._next.read:  # it says up to which order, which does not reach those that have another one
                self._waiting.update(dict.fromkeys(self._elsewhere))
            ids = tuple(islice(self._waiting, None if self._next.clear else limit))
            for message_id in ids:
                del self._waiting[message_id]
            lost = self._lost if len(ids) < limit else 0
            self._lost -= lost
            self._writing = replace(self._next, ids=ids, lost=lost)
            self._next = Work()
            return self._writing

    def living(self, ids: Iterable[str]) -> tuple[list[Entry], tuple[str, ...]]:
        """The messages as they are now, and the ids of those that left memory."""
        found = [(message_id, self._entry(message_id)) for message_id in ids]
        # Copies: whoever marks a living one as read meanwhile changes it.
        entries = [Entry(entry.order, entry.message, entry.unread) for _id, entry in found if entry]
        return entries, tuple(message_id for message_id, entry in found if entry is None)

    def done(self, missing: Iterable[str], moved: Iterable[Entry]) -> None:
        """What was taken is written.

        Args:
            missing: those that were no longer in memory.
            moved: those that have another order in the file than in memory.
        """
        with self._lock:
            if self._next.clear:
                self._waiting.update(dict.fromkeys(missing))
            elif not self._writing.clear:
                self._lost += len(set(missing) - self._elsewhere)
            self._elsewhere.difference_update(self._writing.ids)
            self._elsewhere.update(entry.message.id for entry in moved if entry.unread)
            self._writing = Work()
            self.changed.notify_all()

    def put_back(self) -> None:
        """What was taken could not be written: it comes before what is newer."""
        with self._lock:
            work, later = self._writing, self._next
            for key, upto in later.read.items():
                work.read[key] = max(work.read.get(key, upto), upto)
            self._next = Work((), work.clear or later.clear, {**work.labels, **later.labels}, work.read)
            self._waiting = OrderedDict.fromkeys((*work.ids, *self._waiting))
            self._lost += work.lost
            self._writing = Work()

    def holds(self, message_id: str) -> bool:
        """Whether something of a message is still to be written."""
        with self._lock:
            return message_id in self._waiting or message_id in self._writing.ids

    def left(self) -> int:
        """How many messages are still to be written."""
        with self._lock:
            return len(self._waiting) + len(self._writing.ids)

    def waits(self) -> bool:
        """Whether something is to be taken, be it a loss to tell of."""
        return bool(self._waiting or self._lost or self._next)

    def empty(self) -> bool:
        """Whether nothing is still to be written."""
        return not (self.waits() or self._writing)

    def _thin_out(self) -> None:
        """Look at the two that wait longest, so that the backlog grows no larger than memory, however long it waits."""
        with self._lock:
            oldest = tuple(islice(self._waiting, 2))
        _entries, gone = self.living(oldest)
        with self._lock:
            for message_id in oldest:
                if message_id not in self._waiting:  # the thread took it meanwhile
                    continue
                if message_id in gone:
                    del self._waiting[message_id]
                    self._lost += message_id not in self._elsewhere
                else:
                    self._waiting.move_to_end(message_id)
