"""An agent that speaks MCP: the SDK's own client, over real sockets and pipes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Literal

import httpx2
from chat_person import Person
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from ipymultichat.server import LocalServer
from ipymultichat.wire import agentassist_pb2 as pb

Era = Literal["legacy", "2026-07-28"]
ERAS: tuple[Era, ...] = ("legacy", "2026-07-28")


@contextlib.asynccontextmanager
async def agent_of(server: LocalServer | str, era: str = "2026-07-28", token: str = "team") -> AsyncIterator[Client]:
    """Connect a client to `/mcp` of a server, or of what is at an address."""
    base = server if isinstance(server, str) else server.http_url
    headers = {b"authorization": f"Bearer {token}".encode()}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30, verify=False) as http,
        Client(streamable_http_client(f"{base}/mcp", http_client=http), mode=era) as client,
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
