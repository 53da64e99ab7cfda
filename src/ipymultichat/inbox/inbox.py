"""One ordered log of messages, with its counts. Messages change their status only here, by `Message.moved`."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import heappop, heappush, nlargest
from operator import attrgetter
from threading import RLock

from ipymultichat.errors import UnknownMessageError
from ipymultichat.model import (
    OPEN,
    AgentState,
    Content,
    Conversation,
    Entry,
    Message,
    MessageFilter,
    MessageKind,
    MessageStatus,
    Order,
    TextContent,
    UnknownContent,
    state_after,
)

_SKEW = timedelta(seconds=5)
"""A server's clock may be this far off before a pushed message is placed by its arrival instead."""

MAX_MESSAGES = 100_000
"""How many messages stay in memory. Beyond it the oldest that are over leave; what waits, is on its way or failed never
does, whatever the number (a server bounds that: its agents wait for each)."""

MAX_BYTES = 512 * 2**20
"""How many bytes of text and attachments stay in memory; the same rule."""


def _nobody(_message_id: str) -> None:
    """Tell nobody of a change."""


class Inbox:
    """The log of one profile; every method may be called from any thread.

    Messages are frozen; a change replaces the message in its place. An id stands in the log once.

    Args:
        max_messages: see `MAX_MESSAGES`.
        max_bytes: see `MAX_BYTES`.
        changed: called with the id of every message that was added or changed.
        dropped: called with the ids of messages that had to make room.
    """

    def __init__(
        self,
        *,
        max_messages: int = MAX_MESSAGES,
        max_bytes: int = MAX_BYTES,
        changed: Callable[[str], None] = _nobody,
        dropped: Callable[[list[str]], None] = lambda _ids: None,
    ) -> None:
        self.lock: RLock = RLock()
        self._changed = changed
        self._dropped = dropped
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._trim_messages, self._trim_bytes = max_messages, max_bytes
        self._bytes = 0
        self._entries: list[Entry] = []
        self._by_id: dict[str, Entry] = {}
        self._open: dict[str, Entry] = {}
        self._pending: set[str] = set()
        # What opened, by deadline, and what of it was due when last asked.
        self._deadlines: list[tuple[datetime, str]] = []
        self._due: set[str] = set()
        self._unread: dict[str, Entry] = {}
        self._conversations: dict[tuple[str, str], list[int]] = {}
        self._sequence = 0
        self.conversations_version: int = 0
        """Counts the changes of what `conversations` returns."""
        self.complete_from: Order | None = None
        """Above this place every message there is is here; at and below it only some. None: every one is."""

    # changes

    def add(self, message: Message, *, received_at: datetime, unread: bool = True) -> bool:
        """Put a new message in its place, in order of time.

        Args:
            message: the message; one whose id is in the log already is left out.
            received_at: when it came in (aware). A pushed message from a server whose clock is off by more than
                5 s is placed by this, so that a new message is always found at the end.
            unread: whether it counts as unread.

        Returns:
            Whether it was new.
        """
        with self.lock:
            if message.id in self._by_id:
                return False
            placed_by = message.created_at
            if message.live and not -_SKEW <= placed_by - received_at <= _SKEW:
                placed_by = received_at
            timestamp_ms = int(placed_by.timestamp() * 1000)
            self._sequence += 1
            entry = Entry((timestamp_ms, self._sequence), message, unread)
            if self._entries and entry.order < self._entries[-1].order:
                insort(self._entries, entry)
            else:
                self._entries.append(entry)
            self._index(entry)
            if len(self._entries) > self._trim_messages or self._bytes > self._trim_bytes:
                self._trim()
        self._changed(message.id)
        return True

    def move(self, message_id: str, status: MessageStatus, **changes: object) -> Message | None:
        """Give a message another status, and other fields with it.

        Returns:
            The message as it stands then, or None when it is not here.

        Raises:
            TransitionError: that status does not follow the one it has.
        """
        with self.lock:
            entry = self._by_id.get(message_id)
            if entry is None:
                return None
            moved = self._replace(entry, entry.message.moved(status, **changes))
        self._changed(message_id)
        return moved

    def note_agent(self, message_id: str, state: AgentState) -> None:
        """Note what is known of the agent that asked; where that says nothing of such a message, it stays as it is.

        Args:
            message_id: a request.
            state: whether its agent is there, while it is open; what became of its answer, also once it has one.
        """
        with self.lock:
            entry = self._by_id.get(message_id)
            if entry is None:
                return
            message = entry.message
            fits = message.open or (state and state is state_after(state, message.status))
            if not fits or message.agent_state is state:
                return
            self._replace(entry, replace(message, agent_state=state))
        self._changed(message_id)

    def note_trouble(self, message_id: str, trouble: str) -> None:
        """Note why the rule of a message failed; one that is answered meanwhile, or over, stays as it is.

        Args:
            message_id: a request that waits, or a chat message that came.
            trouble: why, in words.
        """
        with self.lock:
            entry = self._by_id.get(message_id)
            if entry is None or entry.message.status not in (MessageStatus.PENDING, MessageStatus.RECEIVED):
                return
            self._replace(entry, replace(entry.message, error=trouble))
        self._changed(message_id)

    def restore(
        self, entries: Iterable[Entry], *, complete_from: Order | None, conversations: Iterable[Conversation]
    ) -> None:
        """Take in what was kept elsewhere, before anything else comes in.

        Args:
            entries: messages in their places.
            complete_from: at and below this place there are more than these; None: these are all.
            conversations: every one there ever was, with people who need not appear in `entries`.
        """
        with self.lock:
            for known in conversations:
                self._conversations[known.server_id, known.nickname] = [0, known.last]
            self._entries = sorted(entries)
            for entry in self._entries:
                self._index(entry)
                self._sequence = max(self._sequence, entry.order[1])
            self.complete_from = complete_from

    def take_in(self, entries: Iterable[Entry]) -> list[str]:
        """Put older messages into their places, telling nobody of each; returns the ids of those that were not here.

        Args:
            entries: with the milliseconds of their places; at the same one they stay in the order in which they come.
        """
        with self.lock:
            taken: list[str] = []
            for entry in entries:
                if entry.message.id not in self._by_id:
                    self._sequence += 1
                    entry.order = (entry.order[0], self._sequence)
                    self._entries.append(entry)
                    self._index(entry)
                    taken.append(entry.message.id)
            self._entries.sort()
            if len(self._entries) > self._trim_messages or self._bytes > self._trim_bytes:
                self._trim()
            return taken

    def trim(self, messages: int, size: int) -> None:
        """Let the oldest that are over leave, until no more than so many messages and bytes are here."""
        with self.lock:
            if len(self._entries) > messages or self._bytes > size:
                self._let_go(messages, size)

    def clear(self) -> int:
        """Forget everything that is over; returns how many messages that were.

        What waits for an answer stays, and what is on its way or failed: nothing a person typed is lost.
        """
        with self.lock:
            kept = [entry for entry in self._entries if entry.message.open]
            gone = len(self._entries) - len(kept)
            self._entries, self._bytes = kept, 0
            for index in (self._by_id, self._open, self._pending, self._unread, self._conversations, self._deadlines):
                index.clear()
            for entry in kept:
                self._index(entry)
            self.complete_from = None
            self.conversations_version += 1
            return gone

    def mark_read(self, upto: Order, wanted: MessageFilter) -> int:
        """Count everything up to a place that is wanted as read; returns how many were unread."""
        with self.lock:
            seen = [entry for entry in self._unread.values() if entry.order <= upto and wanted.fits(entry.message)]
            for entry in seen:
                self._forget_unread(entry)
                entry.unread = False
            return len(seen)

    def rename(self, server_id: str, label: str) -> None:
        """Give every message of a server its new label."""
        with self.lock:
            for entry in self._entries:
                if entry.message.server_id == server_id:
                    entry.message = replace(entry.message, server_name=label)

    # what is there

    def get(self, message_id: str) -> Message:
        """Return a message.

        Raises:
            UnknownMessageError: it is not in the log.
        """
        entry = self._by_id.get(message_id)
        if entry is None:
            raise UnknownMessageError(f"no message {message_id!r} in this inbox", name=message_id)
        return entry.message

    def find(self, message_id: str) -> Message | None:
        """Return a message, or None."""
        entry = self._by_id.get(message_id)
        return entry.message if entry else None

    def peek(self, message_id: str) -> Entry | None:
        """Return a message with its place, or None."""
        return self._by_id.get(message_id)

    def page(self, before: Order | None, limit: int, wanted: MessageFilter) -> tuple[list[Entry], bool]:
        """Return the newest entries before a place, oldest first, and whether there are older ones that fit."""
        with self.lock:
            entries = self._entries
            end = len(entries) if before is None else bisect_left(entries, before, key=lambda entry: entry.order)
            found: list[Entry] = []
            for index in range(end - 1, -1, -1):
                if wanted.fits(entries[index].message):
                    if len(found) == limit:
                        return found[::-1], True
                    found.append(entries[index])
            return found[::-1], False

    def conversations(self) -> list[Conversation]:
        """Chat with each person there ever was, the newest first."""
        with self.lock:
            found = [Conversation(*who, unread, last) for who, (unread, last) in self._conversations.items()]
        return sorted(found, key=lambda conversation: conversation.last, reverse=True)

    def open_requests(self, most: int) -> list[Entry]:
        """The newest requests that want an answer, or whose answer is on its way or failed, newest first.

        Args:
            most: how many at most.
        """
        with self.lock:
            found = [entry for entry in self._open.values() if entry.message.kind is not MessageKind.CHAT]
        return nlargest(most, reversed(found), key=attrgetter("order"))  # about as they came: quick

    def open_beyond(self, server_id: str, request_ids: Container[str]) -> tuple[list[Message], list[Message]]:
        """Open requests of one server that are not among these; and those of whose agent something is known.

        Both oldest first. There may be very many: each is looked at once.
        """
        with self.lock:
            found = [
                entry
                for entry in self._open.values()
                if ((message := entry.message).agent_state or message.request_id not in request_ids)
                and message.server_id == server_id
                and message.kind is not MessageKind.CHAT
            ]
        found.sort(key=attrgetter("order"))
        messages = [entry.message for entry in found]
        beyond = [message for message in messages if message.request_id not in request_ids]
        return beyond, [message for message in messages if message.agent_state]

    def due(self, before: datetime) -> list[Message]:
        """Open requests whose deadline is before that time (aware)."""
        with self.lock:
            while self._deadlines and self._deadlines[0][0] < before:
                self._due.add(heappop(self._deadlines)[1])
            self._due &= self._open.keys()
            return [self._open[message_id].message for message_id in self._due]

    def pending(self) -> list[Message]:
        """Requests that wait for an answer, oldest first."""
        with self.lock:
            return [entry.message for entry in sorted(self._by_id[key] for key in self._pending)]

    def snapshot(self) -> list[Message]:
        """All messages, oldest first."""
        with self.lock:
            return [entry.message for entry in self._entries]

    def above(self, floor: Order | None) -> list[Entry]:
        """Everything above a place, oldest first; None: everything."""
        with self.lock:
            start = 0 if floor is None else bisect_right(self._entries, floor, key=lambda entry: entry.order)
            return self._entries[start:]

    def at(self, index: int | slice) -> Message | list[Message]:
        """The message at an index, or those of a slice."""
        with self.lock:
            if isinstance(index, slice):
                return [entry.message for entry in self._entries[index]]
            return self._entries[index].message

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Message]:
        return iter(self.snapshot())

    @property
    def size(self) -> tuple[int, int]:
        """How many messages are here, and the bytes of their texts and attachments."""
        with self.lock:
            return len(self._entries), self._bytes

    @property
    def pending_count(self) -> int:
        """How many requests wait for an answer."""
        return len(self._pending)

    @property
    def unread_count(self) -> int:
        """How many messages have not been in view."""
        return len(self._unread)

    # inside

    def _index(self, entry: Entry) -> None:
        """Count a message that has come in."""
        message = entry.message
        self._by_id[message.id] = entry
        self._bytes += _size(message)
        if message.status in OPEN[message.kind]:
            self._opened(entry)
            if message.status is MessageStatus.PENDING:
                self._pending.add(message.id)
        if entry.unread:
            self._unread[message.id] = entry
        if message.kind is MessageKind.CHAT:
            known = self._conversations.setdefault((message.server_id, message.peer), [0, 0])
            known[0] += entry.unread
            known[1] = max(known[1], entry.order[0])
            self.conversations_version += 1

    def _opened(self, entry: Entry) -> None:
        self._open[entry.message.id] = entry
        if entry.message.deadline is not None:
            heappush(self._deadlines, (entry.message.deadline, entry.message.id))

    def _replace(self, entry: Entry, message: Message) -> Message:
        """Put a changed message in the place of the old one."""
        self._bytes += _size(message) - _size(entry.message)
        entry.message = message
        if message.status in OPEN[message.kind]:
            if message.id not in self._open:
                self._opened(entry)
        else:
            self._open.pop(message.id, None)
        if message.status is MessageStatus.PENDING:
            self._pending.add(message.id)
        else:
            self._pending.discard(message.id)
        return message

    def _forget_unread(self, entry: Entry) -> None:
        message = entry.message
        if self._unread.pop(message.id, None) is not None and message.kind is MessageKind.CHAT:
            self._conversations[message.server_id, message.peer][0] -= 1
            self.conversations_version += 1

    def _trim(self) -> None:
        """Let the oldest that are over leave: a few more than needed, so that it is not done for every message."""
        messages, size = self._let_go(self._max_messages * 49 // 50, self._max_bytes * 9 // 10)
        # Where too much waits, there is nothing to gain by looking again at once.
        self._trim_messages = max(self._max_messages, messages + self._max_messages // 50)
        self._trim_bytes = max(self._max_bytes, size + self._max_bytes // 10)

    def _let_go(self, few: int, small: int) -> tuple[int, int]:
        """Let the oldest that are over leave until so few messages and bytes are left; returns how many are."""
        messages, size = len(self._entries), self._bytes
        kept: list[Entry] = []
        gone: list[str] = []
        for entry in self._entries[:-1]:  # never the newest, which has just come
            if (messages > few or size > small) and not entry.message.open:
                messages -= 1
                size -= _size(entry.message)
                del self._by_id[entry.message.id]
                self._forget_unread(entry)
                self.complete_from = max(self.complete_from or entry.order, entry.order)
                gone.append(entry.message.id)
            else:
                kept.append(entry)
        self._entries = [*kept, self._entries[-1]]
        self._bytes = size
        self._dropped(gone)
        return messages, size


def _size(message: Message) -> int:
    """Characters of the texts and bytes of the attachments of a message."""
    size = len(message.text) + _size_of(message.contents)
    if message.draft or message.reply is not None:
        size += _size_of(message.draft) + _size_of(message.reply.contents if message.reply else ())
    return size


def _size_of(contents: tuple[Content, ...]) -> int:
    size = 0
    for part in contents:
        if isinstance(part, TextContent):
            size += len(part.text)
        elif not isinstance(part, UnknownContent):
            size += len(part.data)
    return size
