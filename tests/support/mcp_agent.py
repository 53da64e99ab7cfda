"""An agent that speaks MCP: the SDK's own client, over real sockets and pipes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Literal

import anyio
import httpx2
from chat_person import Person
from mcp import Client, ClientSession
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, Request, RequestParams, Result, TextContent

from ipymultichat.server import LocalServer
from ipymultichat.wire import agentassist_pb2 as pb

Era = Literal["legacy", "2026-07-28"]
ERAS: tuple[Era, ...] = ("legacy", "2026-07-28")


class Handle(Result):
    """What a call returns in place of its result, where the question is a task."""

    result_type: Literal["task"] = "task"
    task_id: str
    status: str
    created_at: str
    ttl_ms: int
    poll_interval_ms: int


class TaskParams(RequestParams):
    task_id: str


class TaskRequest(Request[TaskParams, str]):
    name_param = "taskId"


class TaskState(Result):
    task_id: str
    status: str
    created_at: str
    last_updated_at: str
    ttl_ms: int
    result: CallToolResult | None = None


class Poller(ClientExtension):
    """Lets a client take questions as tasks, and polls them to their end."""

    identifier = "io.modelcontextprotocol/tasks"

    def claims(self) -> list[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=Handle, resolve=self._resolve)]

    async def _resolve(self, handle: Handle, context: ClaimContext) -> CallToolResult:
        while (state := await poll(context.session, handle.task_id)).status == "working":  # noqa: ASYNC110 - it polls
            await anyio.sleep(handle.poll_interval_ms / 1000)
        assert state.result is not None
        return state.result


async def poll(session: ClientSession, task_id: str) -> TaskState:
    """Ask how it is with a task."""
    return await session.send_request(TaskRequest(method="tasks/get", params=TaskParams(task_id=task_id)), TaskState)


async def task_call(session: ClientSession, method: str, task_id: str) -> Result:
    """Ask something else of a task, and return the acknowledgement."""
    return await session.send_request(TaskRequest(method=method, params=TaskParams(task_id=task_id)), Result)


@contextlib.asynccontextmanager
async def agent_of(
    server: LocalServer | str, era: str = "2026-07-28", token: str = "team", *, tasks: bool = False
) -> AsyncIterator[Client]:
    """Connect a client to `/mcp` of a server, or of what is at an address.

    With `tasks`, it takes questions as tasks.
    """
    extensions = [Poller()] if tasks else None
    base = server if isinstance(server, str) else server.http_url
    headers = {b"authorization": f"Bearer {token}".encode()}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30, verify=False) as http,
        Client(streamable_http_client(f"{base}/mcp", http_client=http), mode=era, extensions=extensions) as client,
    ):
        yield client


async def question_for(person: Person) -> pb.AskQuestionRequest:
    """Return the next question that somebody is shown."""
    return (await person.expect("AskQuestion")).AskQuestionRequest


def words(result: CallToolResult) -> str:
    """Return the text of a result."""
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


def data(result: CallToolResult) -> dict[str, Any]:
    """Return the structured half of a result."""
    assert isinstance(result.structured_content, dict)
    return result.structured_content
