"""What the parts of one session share: outgoing frames and events, timers, and calls that wait for an answer."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from ipymultichat.session.events import Overdue, SessionEvent
from ipymultichat.session.timing import Timing
from ipymultichat.wire import commands as c
from ipymultichat.wire import encode
from ipymultichat.wire import events as e

Answer = e.PendingAnswered | e.UsersAnswered | e.ValidityAnswered
OnAnswer = Callable[[Answer | None, float], None]


@dataclass
class _Call:
    """A request that waits for its answer; `asked` are the ids of a validity check."""

    on_answer: OnAnswer
    deadline: float
    asked: frozenset[str] = frozenset()
    settled: bool = False

    def settle(self, answer: Answer | None, now: float) -> None:
        """Report the answer, once; what comes after that is too late."""
        if not self.settled:
            self.settled = True
            self.on_answer(answer, now)


@dataclass(order=True)
class _Timer:
    when: float
    number: int
    action: Callable[[float], None] = field(compare=False)


class SessionIO:
    """Outgoing frames and events, timers, and calls matched to answers by their order.

    Servers handle the frames of one connection in order, so the first answer of a kind belongs to the first call.
    """

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.online: bool = False
        self._frames: list[bytes] = []
        self._events: list[SessionEvent] = []
        self.emit: Callable[[SessionEvent], None] = self._events.append
        """Queues one event."""
        self._timers: list[_Timer] = []
        self._calls: dict[type, deque[_Call]] = {}
        self._numbers = count()

    def send(self, command: c.Command) -> int:
        """Queue one frame; returns its size in bytes.

        Raises:
            EncodeError: a text is not valid Unicode; nothing is queued.
        """
        frame = encode(command)
        self._frames.append(frame)
        return len(frame)

    def take_frames(self) -> list[bytes]:
        """Return the frames to send, oldest first, and forget them."""
        frames, self._frames = self._frames, []
        return frames

    def take_events(self) -> list[SessionEvent]:
        """Return what happened, oldest first, and forget it."""
        events = self._events.copy()
        self._events.clear()
        return events

    def later(self, when: float, action: Callable[[float], None]) -> None:
        """Run `action(now)` at the first tick at or after `when`, unless the connection ends before."""
        heapq.heappush(self._timers, _Timer(when, next(self._numbers), action))

    def call(
        self, command: c.Command, kind: type[Answer], on_answer: OnAnswer, now: float, *, allowance: float = 0.0
    ) -> None:
        """Send a request; `on_answer` gets its answer, or None when it is overdue.

        Args:
            command: the request.
            kind: what answers it.
            on_answer: called once, unless the connection ends before.
            now: the time.
            allowance: seconds that the answer may take longer than usual.
        """
        asked = frozenset(command.request_ids) if isinstance(command, c.CheckValidity) else frozenset()
        call = _Call(on_answer, now + self.timing.answer + allowance, asked)
        self._calls.setdefault(kind, deque()).append(call)
        self.send(command)
        self.later(call.deadline, lambda at: self._overdue(call, at))

    def check(
        self,
        request_id: str,
        on_answer: Callable[[bool | None, float], None],
        now: float,
        *,
        allowance: float = 0.0,
    ) -> None:
        """Ask whether one request still waits; `on_answer` gets True, False, or None when there is no answer."""

        def read(answer: Answer | None, at: float) -> None:
            on_answer(answer.validity.get(request_id) if isinstance(answer, e.ValidityAnswered) else None, at)

        self.call(c.CheckValidity((request_id,)), e.ValidityAnswered, read, now, allowance=allowance)

    def answered(self, answer: Answer, now: float) -> None:
        """Hand an answer to the call it belongs to; one that fits none is dropped."""
        waiting = self._calls.get(type(answer), deque())
        place = 0
        if isinstance(answer, e.ValidityAnswered):
            ids = answer.validity.keys()
            place = next((n for n, call in enumerate(waiting) if ids and call.asked >= ids), len(waiting))
        if place >= len(waiting):
            return
        # Answers come in order, so the calls before this one were passed over: they get none any more.
        passed_over = [waiting.popleft() for _ in range(place)]
        call = waiting.popleft()
        for other in passed_over:
            other.settle(None, now)
        call.settle(answer, now)

    def _overdue(self, call: _Call, now: float) -> None:
        # The call keeps its place, so that an answer that comes after all is not taken for the next one's.
        if not call.settled:
            self.emit(Overdue())
            call.settle(None, now)

    def tick(self, now: float) -> None:
        """Run what is due."""
        while self._timers and self._timers[0].when <= now:
            heapq.heappop(self._timers).action(now)

    def next_deadline(self) -> float | None:
        """When `tick` is wanted next, on the clock of the `now` values; None: not at all."""
        return self._timers[0].when if self._timers else None

    def hang_up(self) -> None:
        """Forget frames, calls and timers: the connection ended."""
        self.online = False
        self._frames.clear()
        self._timers.clear()
        self._calls.clear()
