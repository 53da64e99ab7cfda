"""Prints how fast the core is: frames through session and inbox, a reply's round trip, memory of a long log."""

from __future__ import annotations

import asyncio
import statistics
import time
import tracemalloc
from collections.abc import Iterable

from frames import chat, login, pending, question, users
from inboxes import hub_of, make_inbox
from waiting import until

from ipymultichat.agent import AgentClient
from ipymultichat.hub import Chat
from ipymultichat.model import Secret
from ipymultichat.server import LocalServer
from ipymultichat.session import Session

FRAMES = 20_000
MESSAGES = 100_000
REPLIES = 50


def _session() -> Session:
    session = Session()
    session.connected(Secret("tok"), "me", 0.0)
    for raw in (login(), pending(), users()):
        session.receive(raw, 0.0)
    session.take_frames()
    session.take_events()
    return session


def _feed(session: Session, inbox: Chat, raws: Iterable[bytes]) -> None:
    for raw in raws:
        session.receive(raw, 0.0)
        for event in session.take_events():
            hub_of(inbox).on_event("work", event)


def frames() -> None:
    """Frames per second from bytes to the inbox."""
    kinds = {
        "questions": [question(f"q{n}", "Deploy to production?") for n in range(FRAMES)],
        "chat": [chat("lunch?", message_id=f"m{n}") for n in range(FRAMES)],
    }
    for kind, raws in kinds.items():
        session, inbox = _session(), make_inbox()
        began = time.perf_counter()
        _feed(session, inbox, raws)
        took = time.perf_counter() - began
        print(f"{kind}: {FRAMES / took:,.0f} frames/s through session and inbox ({took / FRAMES * 1e6:.0f} µs each)")


def memory() -> None:
    """Memory of a long log."""
    session, inbox = _session(), make_inbox()
    tracemalloc.start()
    _feed(session, inbox, (chat(f"message number {n}", message_id=f"m{n}") for n in range(MESSAGES)))
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    print(f"{len(inbox.messages):,} messages: {used / 2**20:.0f} MiB ({used / len(inbox.messages):,.0f} bytes each)")


async def replies() -> None:
    """A reply's round trip: until its agent has it, and until that is proved."""
    async with LocalServer() as server:
        inbox = make_inbox(server.url)
        await inbox.connect()
        arrived, proved = [], []
        for number in range(REPLIES):
            agent = asyncio.ensure_future(AgentClient(server.url, "tok").ask_question(f"q{number}"))
            (message,) = await until(lambda: inbox.messages.pending)
            began = time.perf_counter()
            delivery = inbox.reply(message, "yes")
            await agent
            arrived.append(time.perf_counter() - began)
            await delivery
            proved.append(time.perf_counter() - began)
        inbox.close()
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
