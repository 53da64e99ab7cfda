"""Pages of the whole log: from memory first, further back from the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from ipymultichat.inbox import Inbox
from ipymultichat.model import Entry, Message, MessageFilter, Order
from ipymultichat.store import History, NoHistory


class Pages:
    """Reads the inbox and, below its floor, the history.

    Args:
        inbox: what is in memory; where both have a message, this one is right.
        history: what is on disk.
    """

    def __init__(self, inbox: Inbox, history: History | NoHistory) -> None:
        self._inbox = inbox
        self._history = history

    async def page(self, before: Order | None, limit: int, wanted: MessageFilter) -> tuple[list[Entry], bool]:
        """Return the newest entries before a place, oldest first, and whether there are older ones that fit.

        Args:
            before: the place; None: the end.
            limit: how many at most.
            wanted: which.
        """
        found, more = self._inbox.page(before, limit, wanted)
        floor = self._inbox.floor
        if floor is None:
            return found, more
        # At and below the floor memory has gaps, so what it found there is only part of it.
        whole = [entry for entry in found if entry.order > floor]
        if len(whole) == limit:
            return whole, True
        below = before if before is not None and before <= floor else (floor[0], floor[1] + 1)
        older, more = await self._below(below, limit - len(whole), wanted)
        return older + whole, more

    async def _below(self, before: Order, limit: int, wanted: MessageFilter) -> tuple[list[Entry], bool]:
        while True:
            kept, more = await asyncio.wrap_future(self._history.page(before, limit, wanted))
            # What waits is in memory however old it is, and what the disk has of it may be out of date.
            living, _ = self._inbox.page(before, limit, wanted)
            bottom = kept[0].order if kept and more else None
            fitting = {entry.message.id: entry for entry in living if bottom is None or entry.order >= bottom}
            for entry in kept:
                now = self._inbox.peek(entry.message.id) or entry
                if wanted.fits(now.message):
                    fitting[now.message.id] = now
            if fitting or not more:
                entries = sorted(fitting.values())
                return entries[-limit:], more or len(entries) > limit
            before = kept[0].order

    async def find(self, message_id: str) -> Entry | None:
        """Return a message wherever it is, or None."""
        return self._inbox.peek(message_id) or await asyncio.wrap_future(self._history.find(message_id))

    def everything(self) -> Iterator[Message]:
        """Every message there is, oldest first; reads the disk, so not for an event loop."""
        floor = self._inbox.floor
        if floor is not None:
            for message in self._history.everything((floor[0], floor[1] + 1)):
                yield self._inbox.find(message.id) or message
        yield from (entry.message for entry in self._inbox.above(floor))
