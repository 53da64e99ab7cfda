from collections.abc import AsyncIterator
from typing import Any

import pytest
from chat_person import Enter, Person

from ipymultichat.server import LocalServer


@pytest.fixture
async def server() -> AsyncIterator[LocalServer]:
    async with LocalServer() as running:
        yield running


@pytest.fixture
async def enter() -> AsyncIterator[Enter]:
    """Connect and log in people, and see them out at the end of the test."""
    people: list[Person] = []

    async def enter(
        server: LocalServer, token: str = "team", nickname: str = "ada", *, login: bool = True, **options: Any
    ) -> Person:
        person = await Person.connect(server.url, **options)
        people.append(person)
        if login:
            await person.login(token, nickname)
        return person

    yield enter
    for person in people:
        await person.leave()
