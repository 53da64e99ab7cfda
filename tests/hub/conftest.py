from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from inboxes import make_inbox
from waiting import left_over, until

from ipymultichat.agent import AgentClient
from ipymultichat.hub import Chat
from ipymultichat.net import LinkSettings
from ipymultichat.server import LocalServer
from ipymultichat.session import Backoff

QUICK = LinkSettings(open_timeout=3.0, backoff=lambda: Backoff(first=0.05, cap=0.2))
MakeChat = Callable[..., Chat]


@pytest.fixture
async def home() -> AsyncIterator[LocalServer]:
    async with LocalServer() as server:
        yield server


@pytest.fixture
async def work() -> AsyncIterator[LocalServer]:
    async with LocalServer() as server:
        yield server


@pytest.fixture
async def make_chat() -> AsyncIterator[MakeChat]:
    """Makes inboxes that retry quickly, each as in a kernel of its own; none of them may leave a task behind."""
    before = asyncio.all_tasks()
    made: list[Chat] = []

    def make(*servers: object, **options: Any) -> Chat:
        made.append(make_inbox(*servers, **{"link_settings": QUICK, **options}))
        return made[-1]

    yield make
    for chat in made:
        chat.close()
    await until(lambda: not left_over(before), seconds=3)


@pytest.fixture
async def chat(home: LocalServer, work: LocalServer, make_chat: MakeChat) -> Chat:
    """One inbox, connected to two servers called Home and Work."""
    made = make_chat({"url": home.url, "name": "Home"}, {"url": work.url, "name": "Work"})
    await made.connect()
    return made


@pytest.fixture
async def ask() -> AsyncIterator[Callable[..., asyncio.Future[Any]]]:
    """Lets agents ask; those that still wait are sent home after the test."""
    agents: list[asyncio.Future[Any]] = []

    def start(server: LocalServer, text: str = "Deploy?", **options: Any) -> asyncio.Future[Any]:
        client = AgentClient(server.url, "tok", agent_name="claude")
        agents.append(asyncio.ensure_future(client.ask_question(text, **options)))
        return agents[-1]

    yield start
    for agent in agents:
        agent.cancel()
    await asyncio.gather(*agents, return_exceptions=True)
