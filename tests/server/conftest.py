import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from chat_person import Person

from ipymultichat.server import LocalServer


@pytest.fixture
async def server():
    async with LocalServer() as running:
        yield running


@pytest.fixture
async def enter():
    """Connect and log in people, and see them out at the end of the test."""
    people = []

    async def enter(server, token="team", nickname="ada", *, login=True, **options):
        person = await Person.connect(server.url, **options)
        people.append(person)
        if login:
            await person.login(token, nickname)
        return person

    yield enter
    for person in people:
        await person.leave()
