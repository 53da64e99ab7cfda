"""What the tools need of whoever takes their questions to people, and what they hand out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from ipymultichat.model import Approval, Content, Question

Kind = Literal["AskQuestion", "WorkReport"]

Status = Literal["answered", "no_humans", "timed_out", "cancelled", "refused", "waiting"]
"""How a call of a tool ends. With `waiting`, its question is still there, and its answer can be had with its id."""


@dataclass(frozen=True)
class Asked:
    """A question or report of an agent.

    Attributes:
        kind: which of the two.
        request_id: its id, never used before.
        text: the question or the summary (Markdown).
        questions: structured questions, or none.
        approval: what is to be allowed, in parts, or None.
        timeout: seconds for which it waits.
        project_directory: what the agent works on; "" where it does not say.
        agent_name: who asks.
        model_name: the agent's model.
        client_name: the program the agent runs in.
    """

    kind: Kind
    request_id: str
    text: str
    questions: tuple[Question, ...] = ()
    approval: Approval | None = None
    timeout: int = 3600
    project_directory: str = ""
    agent_name: str = ""
    model_name: str = ""
    client_name: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of it.

    Attributes:
        status: see `Status`.
        request_id: its id.
        contents: the parts of the answer.
        by: the nickname of who answered; None where that is not known.
        reason: why it was refused.
    """

    status: Status
    request_id: str
    contents: tuple[Content, ...] = field(default=(), repr=False)
    by: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Life:
    """When a question was asked and ends, in milliseconds since the epoch.

    Attributes:
        asked_ms: when it was asked.
        ends_ms: when it ends unless somebody answers.
        ended_ms: when it ended; None where that is not known, or yet to come.
    """

    asked_ms: int
    ends_ms: int
    ended_ms: int | None = None


class Ticket(Protocol):
    """A question on its way to people, for one call that waits for its answer."""

    @property
    def request_id(self) -> str:
        """The question's id."""

    @property
    def settled(self) -> bool:
        """Whether it has ended, so that its outcome is at hand."""

    @property
    def life(self) -> Life:
        """When it was asked, and ends."""

    @property
    def attended(self) -> bool:
        """Whether somebody is online to answer it, as far as that is known."""

    async def outcome(self) -> Outcome:
        """Wait for the end of the question. That may be cancelled and begun anew; the question does not notice."""

    def detach(self) -> None:
        """Let the question wait on for its own time: the agent has its id, and will come back with it."""

    def leave(self) -> None:
        """Take note that the call was broken off before it ended."""


class Port(Protocol):
    """Takes questions to people. A team is whom an agent may ask: what its token names."""

    async def ask(self, team: str, asked: Asked) -> Ticket:
        """Ask; as durable as whoever takes it can when this returns. Refusals come as an outcome."""

    async def rejoin(self, team: str, request_id: str) -> Ticket:
        """Wait for a question that was asked before.

        Raises:
            NotFoundError: this team has asked none with this id.
            MultiChatError: that cannot be known now.
        """

    async def withdraw(self, team: str, request_id: str) -> None:
        """End a question whose answer nobody wants any more; nothing happens where it does not wait."""


@dataclass(frozen=True)
class Waits:
    """How long calls of tools take.

    Attributes:
        beat: seconds between two signs of life, for a client that asked for them with a progress token. Such a client
            waits as long as the question does: clients give up a call after minutes without a sign of life.
        silent: seconds after which the call of any other client ends with `waiting` and the question's id. Many clients
            cut a call off at 60 s.
        poll: seconds between two polls of a client that takes questions as tasks.
    """

    beat: float = 15.0
    silent: float = 55.0
    poll: float = 5.0
