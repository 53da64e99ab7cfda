"""The life of a message: its kinds, its statuses, and which status may follow which.

The table `TRANSITIONS` is the only place that says so; `Message.moved` makes every change by it, and what takes an
answer, waits, or is still open follows from it here and, through `js/generate.py`, in the browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Word(str, Enum):
    """A string enum that prints, and hashes, as its value on every supported Python."""

    __hash__ = str.__hash__

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(str(self.value), spec)


class MessageKind(Word):
    """What a message is."""

    QUESTION = "question"
    REPORT = "report"
    CHAT = "chat"


class MessageStatus(Word):
    """What has become of a message.

    Questions and reports: `pending` → `sending` → `replied` (question) or `confirmed` (report); or `expired`,
    `cancelled`; `failed` when an answer could not be proved to have arrived. Chat: `received`; or `sending` →
    `sent` / `failed`.
    """

    PENDING = "pending"
    SENDING = "sending"
    REPLIED = "replied"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SENT = "sent"
    RECEIVED = "received"
    FAILED = "failed"


class AgentState(Word):
    """What a server says of the agent that waits for an answer, or for whom one is kept.

    It is no status: whether a question waits or has its answer is one thing, whether its agent is there another.
    """

    NONE = ""
    """Nothing is known against its being there."""
    AWAY = "away"
    """It lost its connection. The question still waits, and the answer is kept for it."""
    KEPT = "kept"
    """The question was answered while it was away."""
    FETCHED = "fetched"
    """It came back and took the answer that was kept."""


_S = MessageStatus
Transitions = Mapping[MessageStatus, frozenset[MessageStatus]]


def _request(answered: MessageStatus) -> Transitions:
    ended = {answered, _S.EXPIRED, _S.CANCELLED}
    # A server that still lists a request is right about it, whatever was thought here: it waits again.
    again = {status: frozenset({_S.PENDING}) for status in ended}
    return {
        _S.PENDING: frozenset({_S.SENDING, *ended}),
        # Back to waiting: the person took the answer back before it had left.
        _S.SENDING: frozenset({_S.FAILED, _S.PENDING, *ended}),
        _S.FAILED: frozenset({_S.SENDING, *ended}),
        **again,
    }


TRANSITIONS: Mapping[MessageKind, Transitions] = {
    MessageKind.QUESTION: _request(_S.REPLIED),
    MessageKind.REPORT: _request(_S.CONFIRMED),
    MessageKind.CHAT: {
        _S.RECEIVED: frozenset(),
        _S.SENDING: frozenset({_S.SENT, _S.FAILED}),
        _S.SENT: frozenset(),
        _S.FAILED: frozenset({_S.SENDING, _S.CANCELLED}),
        _S.CANCELLED: frozenset(),
    },
}
"""For each kind, every status it can have and those that may follow. A request is born `pending`, a chat message
`received` or `sending`."""

_OURS = frozenset({_S.SENDING, _S.FAILED})

OPEN: Mapping[MessageKind, frozenset[MessageStatus]] = {
    kind: frozenset(status for status, following in table.items() if following & _OURS)
    for kind, table in TRANSITIONS.items()
}
"""Statuses of what is not over: something of ours is on its way, or can still be sent. It is never pruned."""

SENDABLE: Mapping[MessageKind, frozenset[MessageStatus]] = {
    kind: frozenset(status for status, following in table.items() if _S.SENDING in following)
    for kind, table in TRANSITIONS.items()
}
"""Statuses in which something can be sent: an answer to a request, or a chat message of ours once more."""

ANSWERED: Mapping[MessageKind, MessageStatus] = {
    MessageKind.QUESTION: _S.REPLIED,
    MessageKind.REPORT: _S.CONFIRMED,
}
"""What a request is once it has its answer."""

_OUTLASTS: Mapping[MessageStatus, frozenset[AgentState]] = {
    _S.SENDING: frozenset(AgentState),
    _S.FAILED: frozenset(AgentState),
    # Word of an answer that is kept may come before the answer does, or is proved.
    **dict.fromkeys(ANSWERED.values(), frozenset({AgentState.KEPT, AgentState.FETCHED})),
}


def state_after(state: AgentState, status: MessageStatus) -> AgentState:
    """What is still known of its agent once a request has another status."""
    return state if state in _OUTLASTS.get(status, ()) else AgentState.NONE
