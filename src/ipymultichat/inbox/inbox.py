"""One ordered log of messages, with its counts."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from threading import RLock

from ipymultichat.errors import UnknownMessageError
from ipymultichat.model import (
    UNSETTLED,
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
)

_SKEW = 5_000
"""A server's clock may be this far off (ms) before a pushed message is placed by its arrival instead."""

MAX_MESSAGES = 100_000
"""How many messages stay in memory. Beyond it the oldest settled ones leave; what waits, is on its way or failed never
does, whatever the number (a server bounds that: its agents wait for each)."""

MAX_BYTES = 512 * 2**20
"""How many bytes of text and attachments stay in memory; the same rule."""


class Inbox:
    """The log of one profile; every method may be called from any thread.

    Messages are frozen; a change replaces the message in its place. An id stands in the log once.

    Args:
        max_messages: see `MAX_MESSAGES`.
        max_bytes: see `MAX_BYTES`.
        dropped: called with the ids of messages that had to make room.
    """

    def __init__(
        self,
        *,
        max_messages: int = MAX_MESSAGES,
        max_bytes: int = MAX_BYTES,
        dropped: Callable[[list[str]], None] = lambda _ids: None,
    ) -> None:
        self._dropped = dropped
        self.lock = RLock()
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._bytes = 0
        self._trim_messages, self._trim_bytes = max_messages, max_bytes
        self._entries: list[Entry] = []
        self._by_id: dict[str, Entry] = {}
        self._waiting: dict[str, Entry] = {}
        self._pending: dict[str, Entry] = {}
        self._unread: dict[str, Entry] = {}
        self._conversations: dict[tuple[str, str], int] = {}
        self._arrivals = 0
        self.floor: Order | None = None
        """Above this place every message there is is here; at and below it only some. None: every one is."""

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
            created, received = _ms(message.created_at), _ms(received_at)
            place = received if message.live and abs(created - received) > _SKEW else created
            self._arrivals += 1
            entry = Entry((place, self._arrivals), message, unread)
            if self._entries and entry < self._entries[-1]:
                insort(self._entries, entry)
            else:
                self._entries.append(entry)
            self._index(entry)
            if len(self._entries) > self._trim_messages or self._bytes > self._trim_bytes:
                self._trim()
            return True

    def restore(self, entries: Iterable[Entry], *, floor: Order | None, conversations: Iterable[Conversation]) -> None:
        """Take in what was kept elsewhere, before anything else comes in.

        Args:
            entries: messages in their places.
            floor: at and below this place there are more than these; None: these are all.
            conversations: every one there ever was, with people who need not appear in `entries`.
        """
        with self.lock:
            self._entries = sorted(entries)
            for known in conversations:
                self._conversations[known.server_id, known.nickname] = known.last
            for entry in self._entries:
                self._index(entry)
                self._arrivals = max(self._arrivals, entry.order[1])
            self.floor = floor

    def update(self, message_id: str, **changes: object) -> Message | None:
        """Change fields of a message; returns it as it stands then, or None when nothing changed or it is not here."""
        with self.lock:
            entry = self._by_id.get(message_id)
            if entry is None:
                return None
            changed = replace(entry.message, **changes)  # type: ignore[arg-type]
            if changed == entry.message:
                return None
            self._bytes += _weight(changed) - _weight(entry.message)
            entry.message = changed
            self._count(entry)
            return changed

    def clear(self) -> int:
        """Forget everything that is settled; returns how many messages that were.

        What waits for an answer stays, and what is on its way or failed: nothing a person typed is lost.
        """
        with self.lock:
            kept = [entry for entry in self._entries if entry.message.status in UNSETTLED]
            gone = len(self._entries) - len(kept)
            self._entries = kept
            self._by_id = {entry.message.id: entry for entry in kept}
            self._unread = {key: entry for key, entry in self._unread.items() if key in self._by_id}
            self._bytes = sum(_weight(entry.message) for entry in kept)
            self.floor = None
            self._conversations.clear()
            for entry in kept:
                self._converse(entry)
            return gone

    def _trim(self) -> None:
        """Let the oldest settled messages leave: a few more than needed, so that it is not done for every message."""
        messages, size = len(self._entries), self._bytes
        few, small = self._max_messages * 49 // 50, self._max_bytes * 9 // 10
        kept: list[Entry] = []
        gone: list[str] = []
        for entry in self._entries[:-1]:  # never the newest, which has just come
            if (messages > few or size > small) and entry.message.status not in UNSETTLED:
                messages -= 1
                size -= _weight(entry.message)
                del self._by_id[entry.message.id]
                self._unread.pop(entry.message.id, None)
                self.floor = max(self.floor or entry.order, entry.order)
                gone.append(entry.message.id)
            else:
                kept.append(entry)
        self._entries = [*kept, self._entries[-1]]
        self._bytes = size
        # Where too much waits, there is nothing to gain by looking again at once.
        self._trim_messages = max(self._max_messages, messages + self._max_messages // 50)
        self._trim_bytes = max(self._max_bytes, size + self._max_bytes // 10)
        self._dropped(gone)

    def get(self, message_id: str) -> Message:
        """Return a message.

        Raises:
            UnknownMessageError: it is not in the log.
        """
        with self.lock:
            return self.entry(message_id).message

    def find(self, message_id: str) -> Message | None:
        """Return a message, or None."""
        entry = self._by_id.get(message_id)
        return entry.message if entry else None

    def entry(self, message_id: str) -> Entry:
        """Return a message with its place.

        Raises:
            UnknownMessageError: it is not in the log.
        """
        entry = self._by_id.get(message_id)
        if entry is None:
            raise UnknownMessageError(f"no message {message_id!r} in this inbox", name=message_id)
        return entry

    def peek(self, message_id: str) -> Entry | None:
        """Return a message with its place, or None."""
        return self._by_id.get(message_id)

    def mark_read(self, upto: Order, wanted: MessageFilter) -> int:
        """Count everything up to a place that is wanted as read; returns how many were unread."""
        with self.lock:
            seen = [k for k, entry in self._unread.items() if entry.order <= upto and wanted.fits(entry.message)]
            for key in seen:
                self._unread.pop(key).unread = False
            return len(seen)

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
            unread = Counter(_person(entry.message) for entry in self._unread.values())
            found = [Conversation(*who, unread[who], last) for who, last in self._conversations.items()]
            return sorted(found, key=lambda conversation: conversation.last, reverse=True)

    def waiting(self) -> list[Entry]:
        """Entries that want an answer or whose answer is on its way or failed, oldest first."""
        with self.lock:
            return sorted(self._waiting.values())

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

    def of_server(self, server_id: str) -> Iterator[Message]:
        """Waiting messages of one server."""
        return (entry.message for entry in self.waiting() if entry.message.server_id == server_id)

    def rename(self, server_id: str, label: str) -> None:
        """Give every message of a server its new label."""
        with self.lock:
            for entry in self._entries:
                if entry.message.server_id == server_id:
                    entry.message = replace(entry.message, server_name=label)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def pending_count(self) -> int:
        """How many requests wait for an answer."""
        return len(self._pending)

    @property
    def unread_count(self) -> int:
        """How many messages have not been in view."""
        return len(self._unread)

    def _index(self, entry: Entry) -> None:
        self._by_id[entry.message.id] = entry
        self._bytes += _weight(entry.message)
        self._count(entry)
        self._converse(entry)

    def _converse(self, entry: Entry) -> None:
        if entry.message.kind is MessageKind.CHAT:
            who = _person(entry.message)
            self._conversations[who] = max(self._conversations.get(who, 0), entry.order[0])

    def _count(self, entry: Entry) -> None:
        message = entry.message
        request = message.kind is not MessageKind.CHAT
        _keep(self._waiting, entry, request and message.status in UNSETTLED)
        _keep(self._pending, entry, message.status is MessageStatus.PENDING)
        _keep(self._unread, entry, entry.unread)


def _keep(index: dict[str, Entry], entry: Entry, wanted: bool) -> None:
    if wanted:
        index[entry.message.id] = entry
    else:
        index.pop(entry.message.id, None)


def _weight(message: Message) -> int:
    parts = (*message.contents, *message.draft, *(message.reply.contents if message.reply else ()))
    return len(message.text) + sum(_size(part) for part in parts)


def _size(part: Content) -> int:
    if isinstance(part, TextContent):
        return len(part.text)
    return 0 if isinstance(part, UnknownContent) else len(part.data)


def _person(message: Message) -> tuple[str, str]:
    return message.server_id, message.peer


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)


def matches(
    messages: Iterable[Message],
    *,
    server_id: str | None = None,
    kind: str | None = None,
    status: str | None = None,
) -> list[Message]:
    """The messages that fit every condition given."""
    return [
        message
        for message in messages
        if (server_id is None or message.server_id == server_id)
        and (kind is None or message.kind == kind)
        and (status is None or message.status == status)
    ]
