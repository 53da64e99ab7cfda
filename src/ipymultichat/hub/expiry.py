"""Deadlines that pass without a push from the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from ipymultichat.inbox import Inbox
from ipymultichat.model import Message, MessageStatus

_LOOK = 1.0
_GRACE = timedelta(seconds=1)
_AGAIN = timedelta(seconds=30)
_OPEN = (MessageStatus.PENDING, MessageStatus.SENDING)


class Expiry:
    """Looks once a second for requests whose deadline passed.

    Args:
        inbox: where they are.
        expire: called with such a request, pending or with an answer on its way; again after 30 s while it still is
            (the server's clock counts).
        clock: returns the time now (aware UTC).
    """

    def __init__(self, inbox: Inbox, *, expire: Callable[[Message], None], clock: Callable[[], datetime]) -> None:
        self._inbox = inbox
        self._expire = expire
        self._clock = clock
        self._asked: dict[str, datetime] = {}
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_later(_LOOK, self._tick)

    def stop(self) -> None:
        """Look no more."""
        self._handle.cancel()

    def look(self) -> None:
        """Look now."""
        now = self._clock()
        waiting = [entry.message for entry in self._inbox.waiting()]
        overdue = [m for m in waiting if m.status in _OPEN and m.deadline and m.deadline + _GRACE < now]
        self._asked = {m.id: self._asked[m.id] for m in overdue if m.id in self._asked}
        for message in overdue:
            if message.id not in self._asked or self._asked[message.id] + _AGAIN < now:
                self._asked[message.id] = now
                self._expire(message)

    def _tick(self) -> None:
        self._handle = self._loop.call_later(_LOOK, self._tick)
        self.look()
