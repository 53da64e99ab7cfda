from collections.abc import AsyncIterator

import pytest
from chat_person import Person

from ipymultichat.agent import AgentClient
from ipymultichat.server import LocalServer


@pytest.fixture
async def server() -> AsyncIterator[LocalServer]:
    async with LocalServer() as running:
        yield running


@pytest.fixture
async def ada(server: LocalServer) -> AsyncIterator[Person]:
    person = await Person.connect(server.url)
    await person.login("team", "ada")
    yield person
    await person.leave()


@pytest.fixture
async def agent(server: LocalServer) -> AsyncIterator[AgentClient]:
    async with AgentClient(server.url, "team", agent_name="bot", model_name="m1") as client:
        yield client
