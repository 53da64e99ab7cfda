"""Replies that are proved to have arrived.

Servers acknowledge nothing, and the common one loses replies that come back to back. What can be known: frames of one
connection are handled in order, and `CheckMessageValidity` says whether a request still waits. So each send is
framed by two checks. The one before it must say "waits": otherwise somebody else, or the clock, was first. The one
after it must say "waits no longer": otherwise the reply was lost and goes out again after a pause. One reply is in
flight per server; the others queue in order.

Two answers need more care. "Waits" may be stale, because a server lists an answered request for a moment longer
(measured): it counts only when asked a while after our login, our last send and the last news of somebody else's
answer. "Waits no longer" may be somebody else's doing, and the news of that takes another way through the server: it
counts as our success only when no such news follows within a moment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ipymultichat.errors import EncodeError
from ipymultichat.model import Content
from ipymultichat.session.events import ReplyFailed, ReplyTakenBack, ReplyVerified
from ipymultichat.session.session_io import SessionIO
from ipymultichat.session.timing import MAX_SENDS, MAX_SILENT_CHECKS
from ipymultichat.wire import commands as c
from ipymultichat.wire.events import Request, RequestAnswered

_UNKNOWN = "the connection broke while it was sent, and whether it arrived cannot be known"
_OVER = "the request no longer waits: answered elsewhere, expired or cancelled"
_DOUBT = "; it may have arrived"
SUPERSEDED = "the agent asks something else under the same id now"


@dataclass(eq=False)
class _Outgoing:
    request: Request
    contents: tuple[Content, ...]
    sends: int = 0
    """On this connection."""
    silent: int = 0
    """Checks in a row that were not answered."""
    sent_before: bool = False
    """On an earlier connection, whose outcome is unknown."""
    stale_until: float = float("-inf")
    """A check asked before this may say "waits" of an answered request."""
    rival: RequestAnswered | None = None

    @property
    def doubt(self) -> str:
        return _DOUBT if self.sends or self.sent_before else ""


class Replies:
    """The replies of one server on their way.

    Args:
        io: the session's input and output.
        on_gone: called with the id of a request that is known to wait no longer.
    """

    def __init__(self, io: SessionIO, on_gone: Callable[[str], None]) -> None:
        self._io = io
        self._on_gone = on_gone
        self._queue: deque[_Outgoing] = deque()
        self._proving: list[_Outgoing] = []
        self._running = False
        self._stale_until = float("-inf")
        self._mute = False
        """Whether the server leaves checks unanswered: what is sent cannot be proved there, but it can be sent."""
        self._news: dict[str, float] = {}

    def __contains__(self, request_id: str) -> bool:
        return self._find(request_id) is not None

    def request_ids(self) -> list[str]:
        """Ids of the requests to which a reply is on its way."""
        return [item.request.request_id for item in (*self._proving, *self._queue)]

    def connected(self, now: float) -> None:
        """A login was taken: what others answered just before it may still be listed as waiting."""
        self._mute = False
        self._stale_until = max(self._stale_until, now + self._io.timing.settle)

    def add(self, request: Request, contents: tuple[Content, ...], now: float) -> None:
        """Queue a reply; it leaves when those before it are settled and the connection is up."""
        # The person may have answered just before the news that somebody else did.
        stale_until = self._news.get(request.request_id, float("-inf"))
        self._queue.append(_Outgoing(request, contents, stale_until=stale_until))
        self.advance(now)

    def advance(self, now: float) -> None:
        """Start the first in the queue, if nothing is in flight and the login stands."""
        if self._queue and not self._running and self._io.online:
            self._running = True
            if self._mute:
                self._transmit(self._queue[0], now)
            else:
                self._check(self._queue[0], now)

    def answered_elsewhere(self, answer: RequestAnswered, now: float) -> bool:
        """Note that somebody else replied; returns False when no reply of ours is on its way to that request.

        This proves nothing yet: servers broadcast replies that they did not take, too.
        """
        stale_until = now + self._io.timing.settle
        self._news = {key: until for key, until in self._news.items() if until > now}
        self._news[answer.request_id] = stale_until
        found = self._find(answer.request_id)
        if found is not None:
            found.rival = answer
            found.stale_until = stale_until
        return found is not None

    def withdrawn(self, request_id: str, reason: str, now: float) -> bool:
        """End a reply whose agent hung up; returns False when none of ours is on its way."""
        found = self._find(request_id)
        if found is None:
            return False
        self._fail(found, f"the agent no longer waits: {reason or 'cancelled'}", now, withdrawn=reason, gone=True)
        return True

    def superseded(self, request_id: str, now: float) -> None:
        """End a reply whose agent asks something else under the same id."""
        found = self._find(request_id)
        if found is not None:
            self._fail(found, f"{SUPERSEDED}{found.doubt}", now, gone=True)

    def give_up(self, request_id: str, reason: str, now: float) -> None:
        """Fail the reply to one request, if there is one on its way."""
        found = self._find(request_id)
        if found is not None:
            self._fail(found, f"{reason}{found.doubt}", now)

    def take_back(self, request_id: str, now: float) -> None:
        """Let go of the reply to one request, if nothing of it was ever sent; else it goes on."""
        found = self._find(request_id)
        if found is None or found.doubt:
            return
        if self._is_current(found):
            self._running = False
        self._queue.remove(found)
        self._io.emit(ReplyTakenBack(request_id))
        self.advance(now)

    def disconnected(self, now: float) -> None:
        """Keep the queue for the next connection."""
        self._running = False
        for item in self._queue:
            item.sent_before = item.sent_before or item.sends > 0
            item.sends = 0
            item.silent = 0
        for item in list(self._proving):
            if item.rival is not None:
                self._lost_to_rival(item, item.rival, now)
            else:
                self._fail(item, _UNKNOWN, now, gone=True)

    def abandon(self, reason: str) -> None:
        """Fail everything: the server was removed or the inbox closed."""
        items = [*self._proving, *self._queue]
        self._queue.clear()
        self._proving.clear()
        self._running = False
        for item in items:
            self._io.emit(ReplyFailed(item.request.request_id, item.contents, f"{reason}{item.doubt}"))

    def _find(self, request_id: str) -> _Outgoing | None:
        return next((item for item in (*self._proving, *self._queue) if item.request.request_id == request_id), None)

    def _is_current(self, item: _Outgoing) -> bool:
        return bool(self._queue) and self._queue[0] is item

    def _check(self, item: _Outgoing, now: float, *, allowance: float = 0.0) -> None:
        if self._is_current(item):
            self._io.check(
                item.request.request_id,
                lambda waits, at: self._checked(item, waits, asked=now, now=at),
                now,
                allowance=allowance,
            )

    def _checked(self, item: _Outgoing, waits: bool | None, *, asked: float, now: float) -> None:
        if not self._is_current(item):
            return
        if waits is None:
            self._silence(item, now)
            return
        item.silent = 0
        self._mute = False
        if not waits:
            self._over(item, now)
        elif asked < (conclusive := max(item.stale_until, self._stale_until)):
            self._io.later(max(now, conclusive), lambda at: self._check(item, at))
        else:
            item.rival = None  # whatever was broadcast, the request still waits
            self._still_waits(item, now)

    def _still_waits(self, item: _Outgoing, now: float) -> None:
        if not item.sends:
            self._transmit(item, now)
        elif item.sends >= MAX_SENDS:
            self._fail(item, f"sent {item.sends} times and the server still lists the request as waiting", now)
        else:
            pause = min(self._io.timing.resend_cap, self._io.timing.resend_first * 2 ** (item.sends - 1))
            self._io.later(now + pause, lambda at: self._resend(item, at))

    def _resend(self, item: _Outgoing, now: float) -> None:
        if item.rival is not None:  # came in during the pause: perhaps it was taken
            self._check(item, now)
        elif self._is_current(item):
            self._transmit(item, now)

    def _transmit(self, item: _Outgoing, now: float) -> None:
        try:
            size = self._io.send(c.AnswerRequest(item.request, item.contents))
        except EncodeError as error:
            self._fail(item, str(error), now)
            return
        item.sends += 1
        item.stale_until = now + self._io.timing.settle
        self._check(item, now, allowance=size / self._io.timing.min_bytes_per_second)

    def _silence(self, item: _Outgoing, now: float) -> None:
        item.silent += 1
        if item.silent < MAX_SILENT_CHECKS and not self._mute:
            self._check(item, now)
            return
        self._mute = True
        if item.sends:
            self._fail(item, f"it was sent, but the server does not answer whether it arrived{item.doubt}", now)
        else:
            self._transmit(item, now)

    def _over(self, item: _Outgoing, now: float) -> None:
        if item.rival is not None:
            self._lost_to_rival(item, item.rival, now)
        elif item.sends:
            self._queue.remove(item)
            self._running = False
            self._proving.append(item)
            self._io.later(now + self._io.timing.grace, lambda at: self._proved(item, at))
            self.advance(now)
        else:
            self._fail(item, _UNKNOWN if item.sent_before else _OVER, now, gone=True)

    def _proved(self, item: _Outgoing, now: float) -> None:
        if item not in self._proving:
            return
        if item.rival is not None:
            self._lost_to_rival(item, item.rival, now)
            return
        self._proving.remove(item)
        self._on_gone(item.request.request_id)
        self._io.emit(ReplyVerified(item.request.request_id, item.contents))

    def _lost_to_rival(self, item: _Outgoing, rival: RequestAnswered, now: float) -> None:
        name = rival.nickname or "somebody else"
        # Servers tell of an answer also when it came too late, unless they say that it was the one they took.
        undecided = bool(item.doubt) and not rival.taken
        reason = (
            f"answered at the same moment by you and {name}; which answer the agent got cannot be known"
            if undecided
            else f"{name} answered before"
        )
        self._fail(item, reason, now, rival=rival, undecided=undecided, gone=True)

    def _fail(
        self,
        item: _Outgoing,
        reason: str,
        now: float,
        *,
        rival: RequestAnswered | None = None,
        undecided: bool = False,
        withdrawn: str | None = None,
        gone: bool = False,
    ) -> None:
        request_id = item.request.request_id
        # Another try must not take this one's arrival for its own.
        self._stale_until = max(self._stale_until, item.stale_until)
        if gone:
            self._on_gone(request_id)
        self._io.emit(ReplyFailed(request_id, item.contents, reason, rival, withdrawn, gone=gone, undecided=undecided))
        if item in self._proving:
            self._proving.remove(item)
            return
        if self._is_current(item):
            self._running = False
        self._queue.remove(item)
        self.advance(now)
