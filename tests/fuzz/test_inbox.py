"""The inbox against the simplest thing that could be right."""

# mypy: disable-error-code="union-attr"

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from effort import effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ipymultichat.errors import TransitionError
from ipymultichat.inbox import Inbox
from ipymultichat.model import Message, MessageFilter, MessageKind, MessageStatus
from ipymultichat.model.life import TRANSITIONS

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
IDS = st.sampled_from([f"m{n}" for n in range(12)])
LIMIT = 8


class AgainstAList(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.inbox = Inbox(max_messages=LIMIT, max_bytes=10_000)
        self.model: list[Any] = []  # [place, arrival, message, unread]
        self.arrivals = 0
        self.looked = 0

    def _find(self, key: Any) -> Any:
        return next((row for row in self.model if row[2].id == key), None)

    @rule(
        key=IDS,
        created=st.integers(0, 20_000),
        late=st.integers(-20_000, 20_000),
        live=st.booleans(),
        unread=st.booleans(),
        kind=st.sampled_from(list(MessageKind)),
        status=st.sampled_from(list(MessageStatus)),
    )
    def add(self, key: Any, created: Any, late: Any, live: Any, unread: Any, kind: Any, status: Any) -> None:
        status = status if status in TRANSITIONS[kind] else next(iter(TRANSITIONS[kind]))
        time = START + timedelta(milliseconds=created)
        deadline = None if kind == "chat" else time
        message = Message(key, kind, "s1", "S", key, "text", time, status, live=live, deadline=deadline)
        new = self.inbox.add(message, received_at=START + timedelta(milliseconds=created + late), unread=unread)
        assert new == (self._find(key) is None)
        if not new:
            return
        self.arrivals += 1
        place = created + late if live and abs(late) > 5000 else created
        self.model.append([place, self.arrivals, message, unread])
        self.model.sort(key=lambda row: row[:2])
        if len(self.model) > LIMIT and len(self.inbox) < len(self.model):
            self._follow_trim()

    def _follow_trim(self) -> None:
        """What left must have been settled, and the oldest of that; how many is the inbox's own affair."""
        kept = {message.id for message in self.inbox.snapshot()}
        gone = [row for row in self.model if row[2].id not in kept]
        settled = [row for row in self.model[:-1] if not row[2].open]
        assert gone == settled[: len(gone)]
        self.model = [row for row in self.model if row[2].id in kept]

    @rule(key=IDS, status=st.sampled_from(list(MessageStatus)))
    def move(self, key: Any, status: Any) -> None:
        row = self._find(key)
        allowed = row is not None and status in TRANSITIONS[row[2].kind].get(row[2].status, ())
        if row is not None and not allowed:
            with pytest.raises(TransitionError):
                self.inbox.move(key, status)
            return
        moved = self.inbox.move(key, status)
        assert (moved is None) == (row is None)
        if moved is not None:
            assert moved.status is status
            row[2] = moved

    @rule(key=IDS)
    def mark_read(self, key: Any) -> None:
        row = self._find(key)
        if row is None:
            return
        marked = [other for other in self.model if other[3] and other[:2] <= row[:2]]
        assert self.inbox.mark_read(self.inbox.peek(key).order, MessageFilter()) == len(marked)
        for other in marked:
            other[3] = False

    @rule()
    def clear(self) -> None:
        settled = [row for row in self.model if not row[2].open]
        assert self.inbox.clear() == len(settled)
        self.model = [row for row in self.model if row not in settled]

    @rule(label=st.sampled_from(["A", "B"]))
    def rename(self, label: Any) -> None:
        from dataclasses import replace

        self.inbox.rename("s1", label)
        for row in self.model:
            row[2] = replace(row[2], server_name=label)

    @rule(key=st.none() | IDS, limit=st.integers(1, 5), kind=st.sampled_from(list(MessageKind)))
    def page(self, key: Any, limit: Any, kind: Any) -> None:
        row = self._find(key) if key else None
        before = None if row is None else self.inbox.peek(key).order
        fitting = [r[2] for r in self.model if r[2].kind is kind and (row is None or r[:2] < row[:2])]
        entries, more = self.inbox.page(before, limit, MessageFilter(kind=kind))
        assert [entry.message for entry in entries] == fitting[-limit:]
        assert more == (len(fitting) > limit)

    @rule(milliseconds=st.integers(0, 5_000))
    def look_for_what_is_due(self, milliseconds: int) -> None:
        self.looked += milliseconds
        now = START + timedelta(milliseconds=self.looked)
        due = {row[2].id for row in self.model if row[2].open and row[2].deadline and row[2].deadline < now}
        assert {message.id for message in self.inbox.due(now)} == due

    @invariant()
    def the_log_is_the_list(self) -> None:
        assert self.inbox.snapshot() == [row[2] for row in self.model]
        assert len(self.inbox) == len(self.model)

    @invariant()
    def the_counts_are_true(self) -> None:
        messages = [row[2] for row in self.model]
        assert self.inbox.pending_count == sum(m.status == "pending" for m in messages)
        assert self.inbox.unread_count == sum(row[3] for row in self.model)
        waiting = [m for m in messages if m.kind != "chat" and m.open]
        assert [entry.message for entry in self.inbox.open_requests(1000)] == waiting[::-1]
        assert self.inbox._bytes == sum(len(m.text) for m in messages)

    @invariant()
    def no_more_than_the_bound_stays_unless_it_waits(self) -> None:
        settled = sum(not row[2].open for row in self.model)
        assert len(self.inbox) <= LIMIT or settled <= LIMIT


TestAgainstAList = AgainstAList.TestCase
TestAgainstAList.settings = effort(150, stateful_step_count=40)
