import asyncio

import pytest
from waiting import left_over, until

from ipymultichat.hub import Hub
from ipymultichat.net import LinkSettings
from ipymultichat.server import LocalServer
from ipymultichat.session import Backoff

QUICK = LinkSettings(open_timeout=3.0, backoff=lambda: Backoff(first=0.05, cap=0.2))


@pytest.fixture
async def home():
    async with LocalServer() as server:
        yield server


@pytest.fixture
async def work():
    async with LocalServer() as server:
        yield server


@pytest.fixture
async def make_hub():
    """Makes hubs that retry quickly; after the test each must have gone without leaving a task."""
    before = asyncio.all_tasks()
    made = []

    def make(*servers, token="tok", nickname="me", profile=":memory:", **options):
        hub = Hub(profile, servers=list(servers), token=token, nickname=nickname, settings=QUICK, **options)
        made.append(hub)
        return hub

    yield make
    for hub in made:
        hub.close()
    await until(lambda: not left_over(before), seconds=3)


@pytest.fixture
async def hub(home, work, make_hub):
    """One hub, connected to two servers called Home and Work."""
    made = make_hub({"url": home.url, "name": "Home"}, {"url": work.url, "name": "Work"})
    await made.connect()
    return made
