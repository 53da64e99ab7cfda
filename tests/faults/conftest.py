import asyncio
import warnings

import pytest
from people import QUICK
from processes import ServerProcess
from proxy import Proxy
from waiting import left_over, until

from ipymultichat.agent import AgentClient
from ipymultichat.hub import Hub
from ipymultichat.server import LocalServer


@pytest.fixture
async def server():
    async with LocalServer() as running:
        yield running


@pytest.fixture
async def proxy(server):
    async with Proxy(server.url) as running:
        yield running


@pytest.fixture
def process():
    running = ServerProcess().start()
    yield running
    running.kill()


@pytest.fixture
async def make_hub():
    """Makes hubs; after the test each must have gone without leaving a task or a warning."""
    before = asyncio.all_tasks()
    made = []

    def make(*servers, token="tok", nickname="me", settings=QUICK, profile=":memory:", **options):
        hub = Hub(profile, servers=list(servers), token=token, nickname=nickname, settings=settings, **options)
        made.append(hub)
        return hub

    yield make
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for hub in made:
            hub.close()
        await until(lambda: not left_over(before), seconds=3)


@pytest.fixture
async def ask():
    """Lets agents ask; those that still wait are sent home after the test."""
    agents = []

    def ask(server, text="Deploy?", timeout=30):
        url = server if isinstance(server, str) else server.url
        agent = asyncio.ensure_future(AgentClient(url, "tok", agent_name="claude").ask_question(text, timeout=timeout))
        agents.append(agent)
        return agent

    yield ask
    for agent in agents:
        agent.cancel()
    if agents:
        await asyncio.wait(agents)


@pytest.fixture
def status():
    def status(hub, number=0):
        return list(hub.statuses.values())[number]

    return status


@pytest.fixture
def pending():
    async def pending(hub, count=1):
        return await until(lambda: hub.messages.pending if len(hub.messages.pending) >= count else None)

    return pending
