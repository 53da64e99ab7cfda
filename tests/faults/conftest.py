import asyncio
import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
from inboxes import MakeChat, make_inbox
from people import QUICK, Ask, Pending, StatusOf
from processes import ServerProcess
from proxy import Proxy
from waiting import left_over, until

from ipymultichat.agent import AgentClient, Answer
from ipymultichat.hub import Chat
from ipymultichat.model import Message, ServerStatus
from ipymultichat.server import LocalServer


@pytest.fixture
async def proxy(server: LocalServer) -> AsyncIterator[Proxy]:
    async with Proxy(server.url) as running:
        yield running


@pytest.fixture
def process() -> Iterator[ServerProcess]:
    running = ServerProcess().start()
    yield running
    running.kill()


@pytest.fixture
async def make_chat() -> AsyncIterator[MakeChat]:
    """Makes inboxes; after the test each must have gone without leaving a task or a warning."""
    before = asyncio.all_tasks()
    made: list[Chat] = []

    def make(*servers: object, **options: Any) -> Chat:
        made.append(make_inbox(*servers, **{"link_settings": QUICK, **options}))
        return made[-1]

    yield make
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for chat in made:
            chat.close()
        await until(lambda: not left_over(before))


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    """Lets agents ask; those that still wait are sent home after the test."""
    agents: list[asyncio.Future[Answer]] = []

    def ask(server: LocalServer | str, text: str = "Deploy?", timeout: float = 30) -> asyncio.Future[Answer]:
        url = server if isinstance(server, str) else server.url
        agent = asyncio.ensure_future(AgentClient(url, "tok", agent_name="claude").ask_question(text, timeout=timeout))
        agents.append(agent)
        return agent

    yield ask
    for agent in agents:
        agent.cancel()
    if agents:
        await asyncio.wait(agents)


@pytest.fixture
def status() -> StatusOf:
    def status(chat: Chat, number: int = 0) -> ServerStatus:
        return list(chat.statuses.values())[number]

    return status


@pytest.fixture
def pending() -> Pending:
    async def pending(chat: Chat, count: int = 1) -> Sequence[Message]:
        return await until(lambda: chat.messages.pending if len(chat.messages.pending) >= count else None)

    return pending
