import gc
import os
from collections.abc import AsyncIterator
from pathlib import Path

import hypothesis  # noqa: F401  asks the collector about its referrers: before they are frozen
import pytest
from chat_person import Person
from processes import take_signals

from ipymultichat.server import LocalServer


def pytest_configure() -> None:
    """Set up each process that runs tests."""
    take_signals()


def pytest_collection_finish() -> None:
    """What is there by now stays: the collector, which many tests call, need not look at all of it each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the person's own settings."""
    monkeypatch.setenv("MULTICHAT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("MULTICHAT_TOKEN", raising=False)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


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
