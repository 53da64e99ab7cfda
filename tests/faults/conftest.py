import asyncio
import warnings

import pytest
from inboxes import make_inbox
from people import QUICK
from processes import ServerProcess
from proxy import Proxy
from waiting import left_over, until

from ipymultichat.agent import AgentClient
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
async def make_chat():
    """Makes inboxes; after the test each must have gone without leaving a task or a warning."""
    before = asyncio.all_tasks()
    made = []

    def make(*servers, **options):
        made.append(make_inbox(*servers, **{"link_settings": QUICK, **options}))
        return made[-1]

    yield make
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for chat in made:
            chat.close()
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
    def status(chat, number=0):
        return list(chat.statuses.values())[number]

    return status


@pytest.fixture
def pending():
    async def pending(chat, count=1):
        return await until(lambda: chat.messages.pending if len(chat.messages.pending) >= count else None)

    return pending
