from collections.abc import AsyncIterator

import pytest

from ipymultichat.agent import AgentClient
from ipymultichat.server import LocalServer


@pytest.fixture
async def agent(server: LocalServer) -> AsyncIterator[AgentClient]:
    async with AgentClient(server.url, "team", agent_name="bot", model_name="m1") as client:
        yield client
