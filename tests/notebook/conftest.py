import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from kernel import Kernel
from people import QUICK, Ask
from processes import ServerProcess

from ipymultichat.agent import AgentClient, Answer
from ipymultichat.hub import Chat

TOKEN = "s3cret-token"


@pytest.fixture
def servers() -> Iterator[list[ServerProcess]]:
    made = [ServerProcess().start() for _ in range(2)]
    yield made
    for server in made:
        server.kill()


@pytest.fixture
async def kernel(tmp_path: Path) -> AsyncIterator[Kernel]:
    started = await Kernel(tmp_path / "config").start()
    yield started
    await started.stop()


@pytest.fixture
async def observer(servers: list[ServerProcess]) -> AsyncIterator[Chat]:
    """Somebody on the same servers, who sees who else is there."""
    inbox = Chat(
        [server.url for server in servers], token=TOKEN, nickname="observer", link_settings=QUICK, profile=":memory:"
    )
    await inbox.connect()
    yield inbox
    inbox.close()


@pytest.fixture
async def ask(servers: list[ServerProcess]) -> AsyncIterator[Ask]:
    agents: list[asyncio.Future[Answer]] = []

    def ask(text: str, server: int = 0) -> asyncio.Future[Answer]:
        agent = AgentClient(servers[server].url, TOKEN, agent_name="claude")
        agents.append(asyncio.ensure_future(agent.ask_question(text, timeout=60)))
        return agents[-1]

    yield ask
    for agent in agents:
        agent.cancel()
    await asyncio.gather(*agents, return_exceptions=True)


@pytest.fixture
def inbox(servers: list[ServerProcess]) -> str:
    """The code of a cell that opens the inbox."""
    addresses = [server.url for server in servers]
    return f"from ipymultichat import MultiChat\nchat = MultiChat({addresses!r}, token={TOKEN!r}, nickname='me')"
