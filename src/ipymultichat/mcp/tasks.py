"""Questions as tasks (extension `io.modelcontextprotocol/tasks`): a question that waits is the task, its id the task's.

A client that declares the extension gets a handle as soon as its question is kept, and polls. There is nothing else to
keep: whoever has the token and the id can poll, also after a restart of either side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp_types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    RequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field
from starlette.requests import Request

from ipymultichat.errors import MultiChatError, NotFoundError
from ipymultichat.mcp.approvals import outcome_result
from ipymultichat.mcp.port import Port, Ticket

EXTENSION = "io.modelcontextprotocol/tasks"

KEPT_MS = 600_000
"""Milliseconds after the end of a question for which it is known at least how it ended."""

Context = ServerRequestContext[Any, Any]


class TaskParams(RequestParams):
    """Which task."""

    task_id: str


class TaskUpdateParams(TaskParams):
    """What a task asked its client for."""

    input_responses: dict[str, Any] = Field(default_factory=dict)


def takes_tasks(context: Context) -> bool:
    """Whether the client of a call has declared the extension."""
    capabilities = context.session.client_capabilities
    declared = capabilities is not None and EXTENSION in (capabilities.extensions or {})
    return declared and context.protocol_version in MODERN_PROTOCOL_VERSIONS


def handle_of(ticket: Ticket, poll: float) -> dict[str, Any]:
    """Return the handle of a question, in place of the result of its call.

    Args:
        ticket: the question.
        poll: seconds between two polls.
    """
    return {**_task(ticket, "working", poll), "resultType": "task", "statusMessage": "waiting for a person to answer"}


class Tasks:
    """Answers what clients ask of their tasks.

    Args:
        port: knows the questions.
        team_of: returns the team of a call.
        poll: seconds between two polls of a client.
    """

    def __init__(self, port: Port, team_of: Callable[[Context], str], poll: float) -> None:
        self._port = port
        self._team_of = team_of
        self._poll = poll

    def add_to(self, server: Server[Any]) -> None:
        """Offer the extension."""
        server.extensions[EXTENSION] = {}
        server.add_request_handler("tasks/get", TaskParams, self._get)
        server.add_request_handler("tasks/update", TaskUpdateParams, self._update)
        server.add_request_handler("tasks/cancel", TaskParams, self._cancel)

    async def _get(self, context: Context, params: TaskParams) -> dict[str, Any]:
        ticket = await self._found(context, params)
        if not ticket.settled:
            return {**_task(ticket, "working", self._poll), "statusMessage": "waiting for a person to answer"}
        outcome = await ticket.outcome()
        if outcome.status == "waiting":  # the server is stopping
            return _task(ticket, "working", self._poll)
        if outcome.status == "cancelled":
            return _task(ticket, "cancelled", self._poll)
        result = await asyncio.to_thread(lambda: outcome_result(outcome).model_dump(by_alias=True, mode="json"))
        return {**_task(ticket, "completed", self._poll), "result": result}

    async def _update(self, context: Context, params: TaskUpdateParams) -> dict[str, Any]:
        await self._found(context, params)  # none of ours asks for anything, and what is not asked for is ignored
        return {}

    async def _cancel(self, context: Context, params: TaskParams) -> dict[str, Any]:
        ticket = await self._found(context, params)
        if not ticket.settled:
            await self._port.withdraw(self._team_of(context), params.task_id)
        return {}

    async def _found(self, context: Context, params: TaskParams) -> Ticket:
        if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            raise MCPError(METHOD_NOT_FOUND, "Method not found", context.method)
        if not takes_tasks(context):
            needed: dict[str, Any] = {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "Missing required client capability", needed)
        # Over HTTP a header names the task as well; the SDK compares it for its own methods only.
        named = context.request.headers.get(MCP_NAME_HEADER) if isinstance(context.request, Request) else None
        if named is not None and decode_header_value(named) != params.task_id:
            raise MCPError(HEADER_MISMATCH, f"{MCP_NAME_HEADER} header does not match the task's id")
        try:
            ticket = await self._port.rejoin(self._team_of(context), params.task_id)
        except NotFoundError:
            raise MCPError(INVALID_PARAMS, "Task not found") from None
        except MultiChatError as error:
            raise MCPError(INTERNAL_ERROR, str(error)) from error
        ticket.detach()
        return ticket


def _task(ticket: Ticket, status: str, poll: float) -> dict[str, Any]:
    life = ticket.life
    return {
        "taskId": ticket.request_id,
        "status": status,
        "createdAt": _iso(life.asked_ms),
        "lastUpdatedAt": _iso(life.ended_ms or life.asked_ms),
        "ttlMs": life.ends_ms - life.asked_ms + KEPT_MS,
        "pollIntervalMs": int(poll * 1000),
    }


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).isoformat(timespec="milliseconds")
