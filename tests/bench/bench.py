"""Prints how fast the core is: frames through session and inbox, a reply's round trip, memory of a long log."""

import asyncio
import statistics
import time
import tracemalloc
from datetime import datetime, timezone

from frames import chat, login, pending, question, users
from ipymultichat.hub.intake import Intake
from waiting import until

from ipymultichat.agent import AgentClient
from ipymultichat.hub import Hub
from ipymultichat.inbox import Inbox
from ipymultichat.model import Secret
from ipymultichat.server import LocalServer
from ipymultichat.session import Session

FRAMES = 20_000
MESSAGES = 100_000
REPLIES = 50


def _nothing(*_):
    pass


def _intake(inbox):
    return Intake(
        inbox,
        label=lambda _server_id: "Work",
        nickname=lambda: "me",
        clock=lambda: datetime.now(timezone.utc),
        changed=_nothing,
        users_changed=_nothing,
        arrived=_nothing,
        trouble=_nothing,
    )


def _session():
    session = Session()
    session.connected(Secret("tok"), "me", 0.0)
    for raw in (login(), pending(), users()):
        session.receive(raw, 0.0)
    session.take_frames()
    session.take_events()
    return session


def _feed(session, intake, raws):
    for raw in raws:
        session.receive(raw, 0.0)
        for event in session.take_events():
            intake.apply("work", event)


def frames():
    """Frames per second from bytes to the inbox."""
    kinds = {
        "questions": [question(f"q{n}", "Deploy to production?") for n in range(FRAMES)],
        "chat": [chat("lunch?", message_id=f"m{n}") for n in range(FRAMES)],
    }
    for kind, raws in kinds.items():
        session, intake = _session(), _intake(Inbox())
        began = time.perf_counter()
        _feed(session, intake, raws)
        took = time.perf_counter() - began
        print(f"{kind}: {FRAMES / took:,.0f} frames/s through session and inbox ({took / FRAMES * 1e6:.0f} µs each)")


def memory():
    """Memory of a long log."""
    inbox = Inbox()
    session, intake = _session(), _intake(inbox)
    tracemalloc.start()
    _feed(session, intake, (chat(f"message number {n}", message_id=f"m{n}") for n in range(MESSAGES)))
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    print(f"{len(inbox):,} messages: {used / 2**20:.0f} MiB ({used / len(inbox):,.0f} bytes each)")


async def replies():
    """A reply's round trip: until its agent has it, and until that is proved."""
    async with LocalServer() as server:
        hub = Hub(":memory:", servers=[server.url], token="tok", nickname="me")
        await hub.connect()
        arrived, proved = [], []
        for number in range(REPLIES):
            agent = asyncio.ensure_future(AgentClient(server.url, "tok").ask_question(f"q{number}"))
            (message,) = await until(lambda: hub.messages.pending)
            began = time.perf_counter()
            delivery = hub.reply(message, "yes")
            await agent
            arrived.append(time.perf_counter() - began)
            await delivery
            proved.append(time.perf_counter() - began)
        hub.close()
    for what, times in (("reaches its agent", arrived), ("is proved", proved)):
        times.sort()
        print(
            f"a reply {what} after {statistics.median(times) * 1000:.0f} ms (median of {REPLIES}), "
            f"{times[int(REPLIES * 0.95)] * 1000:.0f} ms (95 %)"
        )


if __name__ == "__main__":
    frames()
    memory()
    asyncio.run(replies())
