"""Takes the questions of tools to the people of this server; see `ipymultichat.mcp.port`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from ipymultichat.errors import NotFoundError, ServerUnreachableError
from ipymultichat.mcp.port import Asked, Life, Outcome, Status
from ipymultichat.server.effects import Refused, make_response
from ipymultichat.server.relay import Answer, Relay
from ipymultichat.server.stores.record import AnyRequest, AnyResponse, Record
from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire.contents import approval_to_wire, content_from_wire, question_to_wire

ENDS: dict[str, Status] = {"no_clients": "no_humans", "timeout": "timed_out", "cancelled": "cancelled"}
"""What the reasons of the protocol mean."""


class Desk:
    """The port of the server's own tools. What it asks waits for somebody to come online.

    Args:
        relay: where requests go.
    """

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def ask(self, team: str, asked: Asked) -> DeskTicket | RefusedTicket:
        """Ask; as durable as the server's store when this returns."""
        try:
            request = _request_of(asked)
            entered = await self._entered(self._relay.ask(asked.kind, request, team, hold=True))
        except Refused as refused:
            return RefusedTicket(asked.request_id, refused.message)
        return DeskTicket(self._relay, *entered)

    async def rejoin(self, team: str, request_id: str) -> DeskTicket:
        """Wait for a question that was asked before.

        Raises:
            NotFoundError: this team has asked none with this id.
            ServerUnreachableError: the store cannot be used, or the server is stopping.
        """
        try:
            entered = await self._entered(self._relay.rejoin((team, request_id)))
        except Refused as refused:
            if refused.code != "not_found":
                raise ServerUnreachableError(refused.message) from None
            raise NotFoundError(
                f"no question has the id {request_id!r}: it was never asked with this token, or it ended long ago. "
                "Ask again if you still need the answer.",
                name=request_id,
            ) from None
        return DeskTicket(self._relay, *entered)

    async def withdraw(self, team: str, request_id: str) -> None:
        """End a question whose answer nobody wants any more."""
        with contextlib.suppress(Refused):  # the store cannot be used, which people are told, and the log
            await self._relay.withdraw((team, request_id))

    async def _entered(self, entering: Coroutine[Any, Any, tuple[Record, Answer]]) -> tuple[Record, Answer]:
        """Wait until the store has a request; where the caller goes meanwhile, it is left as soon as it is there."""
        task = asyncio.ensure_future(entering)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._leave)
            raise

    def _leave(self, task: asyncio.Task[tuple[Record, Answer]]) -> None:
        if not task.cancelled() and task.exception() is None:
            DeskTicket(self._relay, *task.result()).leave()


class DeskTicket:
    """A request of this server that one call waits for; see `Ticket`."""

    def __init__(self, relay: Relay, record: Record, answer: Answer) -> None:
        self._relay = relay
        self._record = record
        self._answer = answer

    @property
    def request_id(self) -> str:
        """The question's id."""
        return self._record.request_id

    @property
    def attended(self) -> bool:
        """Whether somebody is online to answer it."""
        return self._relay.state.attended(self._record.team)

    @property
    def settled(self) -> bool:
        """Whether it has ended."""
        return self._answer.done()

    @property
    def life(self) -> Life:
        """When it was asked, and ends."""
        return Life(self._record.created_ms, self._record.deadline_ms, self._record.ended_ms)

    async def outcome(self) -> Outcome:
        """Wait for the end of the question."""
        try:
            response = await asyncio.shield(self._answer)
        except Refused:  # the server is stopping
            if self._relay.store.durable:
                return Outcome("waiting", self.request_id)
            response = make_response(self._record.kind, self.request_id, "cancelled")
        reason = response.Meta["error"] if response.IsError else ""
        if response.IsError:
            return Outcome(ENDS.get(reason, "refused"), self.request_id, reason=reason)
        contents = await asyncio.to_thread(_contents_of, response)
        by = await self._relay.answered_by(self._record.key)
        return Outcome("answered", self.request_id, contents, by or None)

    def detach(self) -> None:
        """Let the question wait on for its own time."""
        self._relay.detach(self._record, self._answer)

    def leave(self) -> None:
        """Take note that the call was broken off: the question's agent is away."""
        self._relay.abandon(self._record, self._answer)
        if self._answer.done() and self._answer.exception() is None:
            self._relay.missed(self._record)


class RefusedTicket:
    """A question that was not taken in; see `Ticket`."""

    settled = attended = True
    life: Life = Life(0, 0)

    def __init__(self, request_id: str, reason: str) -> None:
        self.request_id = request_id
        self._reason = reason

    async def outcome(self) -> Outcome:
        """Say why."""
        return Outcome("refused", self.request_id, reason=self._reason)

    def detach(self) -> None:
        """Do nothing: there is no question."""

    def leave(self) -> None:
        """Do nothing: there is no question."""


def _request_of(asked: Asked) -> AnyRequest:
    about = {
        "ProjectDirectory": asked.project_directory,
        "Timeout": asked.timeout,
        "AgentName": asked.agent_name,
        "ReasoningModelName": asked.model_name,
        "McpClientName": asked.client_name,
    }
    if asked.kind == "WorkReport":
        return pb.WorkReportRequest(
            ID=asked.request_id,
            Request=pb.McpWorkReportRequest(Summary=asked.text, **about),  # type: ignore[arg-type]
        )
    return pb.AskQuestionRequest(
        ID=asked.request_id,
        Request=pb.McpAskQuestionRequest(
            Question=asked.text,
            Questions=map(question_to_wire, asked.questions),
            Approval=approval_to_wire(asked.approval),
            **about,  # type: ignore[arg-type]
        ),
    )


def _contents_of(response: AnyResponse) -> tuple[Any, ...]:
    return tuple(content_from_wire(part) for part in response.contents)
