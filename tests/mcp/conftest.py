from collections.abc import AsyncIterator

import pytest
from chat_person import Person

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
