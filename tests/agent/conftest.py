import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "server"))

from chat_person import Person

from ipymultichat.agent import AgentClient
from ipymultichat.server import LocalServer


@pytest.fixture
async def server():
    async with LocalServer() as running:
        yield running


@pytest.fixture
async def ada(server):
    person = await Person.connect(server.url)
    await person.login("team", "ada")
    yield person
    await person.leave()


@pytest.fixture
async def agent(server):
    async with AgentClient(server.url, "team", agent_name="bot", model_name="m1") as client:
        yield client
