"""Replies that are proved to have arrived.

Servers acknowledge nothing, and the common one loses replies that come back to back. What can be known: frames of one
connection are handled in order, and `CheckMessageValidity` says whether a request still waits. So each send is
framed by two checks. The one before it must say "waits": otherwise somebody else, or the clock, was first. The one
after it must say "waits no longer": otherwise the reply was lost and goes out again after a pause. One reply is in
flight per server; the others queue in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ipymultichat.model import Content
from ipymultichat.session.events import ReplyFailed, ReplyVerified
from ipymultichat.session.port import Port
from ipymultichat.session.timing import MAX_SENDS, MAX_SILENT_CHECKS
from ipymultichat.wire import commands as c
from ipymultichat.wire.events import Request, RequestAnswered


@dataclass
class _Outgoing:
    request: Request
    contents: tuple[Content, ...]
    sends: int = 0
    silent: int = 0
    sent_before: bool = False
    """On an earlier connection, whose outcome is unknown."""
    rival: RequestAnswered | None = None
    withdrawn: str | None = None


class Replies:
    """The replies of one server on their way.

    Args:
        port: the session's way out.
        on_gone: called with the id of a request that is known to wait no longer.
    """

    def __init__(self, port: Port, on_gone: Callable[[str], None]) -> None:
        self._port = port
        self._on_gone = on_gone
        self._queue: deque[_Outgoing] = deque()
        self._running = False

    def __contains__(self, request_id: str) -> bool:
        return self._find(request_id) is not None

    def add(self, request: Request, contents: tuple[Content, ...], now: float) -> None:
        """Queue a reply; it leaves when those before it are settled and the connection is up."""
        self._queue.append(_Outgoing(request, contents))
        self.advance(now)

    def advance(self, now: float) -> None:
        """Start the first in the queue, if nothing is in flight and the login stands."""
        if self._queue and not self._running and self._port.online:
            self._running = True
            self._begin(self._queue[0], now)

    def answered_elsewhere(self, answer: RequestAnswered) -> bool:
        """Note that somebody else replied; returns False when no reply of ours is on its way to that request.

        This proves nothing yet: servers broadcast replies that they did not take, too.
        """
        found = self._find(answer.request_id)
        if found is not None:
            found.rival = answer
        return found is not None

    def withdrawn(self, request_id: str, reason: str, now: float) -> bool:
        """End a reply whose agent hung up; returns False when none of ours is on its way."""
        found = self._find(request_id)
        if found is None:
            return False
        found.withdrawn = reason
        self._fail(found, f"the agent no longer waits: {reason or 'cancelled'}", now, gone=True)
        return True

    def disconnected(self) -> None:
        """Keep the queue for the next connection."""
        self._running = False
        for item in self._queue:
            item.sent_before = item.sent_before or item.sends > 0
            item.sends = 0
            item.silent = 0

    def abandon(self, reason: str) -> None:
        """Fail everything: the server was removed or the inbox closed."""
        items, self._queue, self._running = list(self._queue), deque(), False
        for item in items:
            self._port.emit(ReplyFailed(item.request.request_id, item.contents, reason))

    def _find(self, request_id: str) -> _Outgoing | None:
        return next((item for item in self._queue if item.request.request_id == request_id), None)

    def _is_current(self, item: _Outgoing) -> bool:
        return bool(self._queue) and self._queue[0] is item

    def _begin(self, item: _Outgoing, now: float) -> None:
        self._port.check(item.request.request_id, lambda waits, at: self._checked_before(item, waits, at), now)

    def _checked_before(self, item: _Outgoing, waits: bool | None, now: float) -> None:
        if not self._is_current(item):
            return
        if waits is None:
            self._silence(item, now)
        elif waits:
            item.silent = 0
            item.rival = None  # whatever was broadcast, the request still waits
            self._transmit(item, now)
        elif item.rival is not None:
            self._lost_to_rival(item, now)
        elif item.sent_before:
            reason = "the connection broke while it was sent, and whether it arrived cannot be known"
            self._fail(item, reason, now, gone=True)
        else:
            self._fail(item, "the request no longer waits: answered elsewhere, expired or cancelled", now, gone=True)

    def _transmit(self, item: _Outgoing, now: float) -> None:
        item.sends += 1
        self._port.send(c.AnswerRequest(item.request, item.contents))
        self._port.check(item.request.request_id, lambda waits, at: self._checked_after(item, waits, at), now)

    def _checked_after(self, item: _Outgoing, waits: bool | None, now: float, *, settled: bool = False) -> None:
        if not self._is_current(item):
            return
        if waits is None:
            self._silence(item, now)
        elif not waits and item.rival is None:
            self._verified(item, now)
        elif not waits:
            self._lost_to_rival(item, now)
        else:
            item.silent = 0
            item.rival = None  # whatever was broadcast, the request still waits
            self._pause(item, now, settled=settled)

    def _pause(self, item: _Outgoing, now: float, *, settled: bool) -> None:
        if not settled:
            self._port.later(now + self._port.timing.settle, lambda at: self._check_again(item, at))
        elif item.sends >= MAX_SENDS:
            self._fail(item, f"sent {item.sends} times and the server still lists the request as waiting", now)
        else:
            pause = min(self._port.timing.resend_cap, self._port.timing.resend_first * 2 ** (item.sends - 1))
            self._port.later(now + pause, lambda at: self._resend(item, at))

    def _check_again(self, item: _Outgoing, now: float) -> None:
        if self._is_current(item):
            request_id = item.request.request_id
            self._port.check(request_id, lambda waits, at: self._checked_after(item, waits, at, settled=True), now)

    def _resend(self, item: _Outgoing, now: float) -> None:
        if self._is_current(item):
            self._transmit(item, now)

    def _silence(self, item: _Outgoing, now: float) -> None:
        item.silent += 1
        if item.silent >= MAX_SILENT_CHECKS:
            self._fail(item, "the server does not answer whether it arrived", now)
        elif item.sends:
            self._check_again(item, now)
        else:
            self._begin(item, now)

    def _verified(self, item: _Outgoing, now: float) -> None:
        self._on_gone(item.request.request_id)
        self._port.emit(ReplyVerified(item.request.request_id, item.contents))
        self._drop(item, now)

    def _lost_to_rival(self, item: _Outgoing, now: float) -> None:
        who = (item.rival.nickname if item.rival else "") or "somebody else"
        self._fail(item, f"{who} answered at the same time or before", now, gone=True)

    def _fail(self, item: _Outgoing, reason: str, now: float, *, gone: bool = False) -> None:
        if gone:
            self._on_gone(item.request.request_id)
        self._port.emit(
            ReplyFailed(item.request.request_id, item.contents, reason, item.rival, item.withdrawn, gone=gone)
        )
        self._drop(item, now)

    def _drop(self, item: _Outgoing, now: float) -> None:
        if self._is_current(item):
            self._running = False
        self._queue.remove(item)
        self.advance(now)
