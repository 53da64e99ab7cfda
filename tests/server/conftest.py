import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from chat_person import Enter, Person
from postgres import Postgres

from ipymultichat.server import LocalServer


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        yield client


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of one's own, for tests that leave it running."""
    running = Postgres()
    yield running
    running.stop()


@pytest.fixture
def database(postgres: Postgres) -> str:
    """The address of an empty database."""
    return postgres.make(f"d{uuid.uuid4().hex}")


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store, of each kind."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("database"))
    return "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/requests.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def durable_store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store that outlives its server, of each kind."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("database"))
    return f"sqlite:///{tmp_path}/requests.db"
