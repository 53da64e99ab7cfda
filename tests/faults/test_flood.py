"""Far more than a person can read, and more than is allowed."""

import asyncio
import sqlite3
import tracemalloc
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import replace
from functools import partial

import pytest
from frames import chat, login, pending, question, users
from inboxes import MakeChat, hub_of
from people import QUICK, StatusOf
from waiting import until
from websockets.asyncio.server import Server, ServerConnection, serve

from ipymultichat.inbox import Inbox
from ipymultichat.model import Message
from ipymultichat.net.connection import MAX_FRAME
from ipymultichat.server import LocalServer
from ipymultichat.session import Backoff
from ipymultichat.store import history_path
from ipymultichat.wire import agentassist_pb2 as pb

FRAMES = 10_000


def flooding(frames: Sequence[bytes]) -> AbstractAsyncContextManager[Server]:
    """A server that takes one login, and then sends everything as fast as the socket takes it."""

    async def talk(socket: ServerConnection) -> None:
        async for raw in socket:
            assert isinstance(raw, bytes)
            command = pb.WebsocketMessage.FromString(raw).Cmd
            if command == "UserLogin":
                await socket.send(login())
            elif command == "GetPendingMessages":
                await socket.send(pending())
            elif command == "GetOnlineUsers":
                await socket.send(users())
                for frame in frames:
                    await socket.send(frame)

    return serve(talk, "127.0.0.1", 0, max_size=None)


def url_of(server: Server) -> str:
    (listening,) = server.sockets
    return f"ws://127.0.0.1:{listening.getsockname()[1]}"


async def test_ten_thousand_frames_are_all_there_while_nobody_looks_and_handlers_are_slow(make_chat: MakeChat) -> None:
    frames = [
        question(f"q{n}", f"question {n}") if n % 2 else chat(f"chat {n}", message_id=f"m{n}") for n in range(FRAMES)
    ]
    begun: list[str] = []
    release = asyncio.Event()

    async def slow(message: Message) -> None:
        begun.append(message.id)
        await release.wait()

    async with flooding(frames) as server:
        inbox = make_chat(url_of(server))
        inbox.on_message(slow)
        # A display that has stopped: it is told, and never asks.
        hub_of(inbox).listen(lambda _what, _id: None)
        tracemalloc.start()
        await inbox.connect()
        await until(lambda: len(inbox.messages) == FRAMES, seconds=30)
        memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert inbox.connected_count == 1
        assert {message.text for message in inbox.messages} == {
            f"question {n}" if n % 2 else f"chat {n}" for n in range(FRAMES)
        }
        assert inbox.pending_count == FRAMES // 2
        await until(lambda: len(begun) == FRAMES)
        release.set()
        print(f"{FRAMES} frames, at most {memory / 2**20:.0f} MiB")
        assert memory < 150 * 2**20
        inbox.close()


async def test_a_flood_while_the_disk_is_stuck_loses_nothing_and_holds_up_nobody(make_chat: MakeChat) -> None:
    frames = [chat(f"chat {n}", message_id=f"m{n}") for n in range(FRAMES)]
    async with flooding(frames) as server:
        address = url_of(server)
        inbox = make_chat(address, profile="flooded")
        with closing(sqlite3.connect(history_path("flooded"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await inbox.connect()
            await until(lambda: len(inbox.messages) == FRAMES, seconds=30)
            assert not any(hub_of(inbox).history.stored(message.id) for message in inbox.messages)
            other.execute("ROLLBACK")
        await until(lambda: all(hub_of(inbox).history.stored(message.id) for message in inbox.messages), seconds=30)
        inbox.close()
    assert sum(1 for _ in make_chat(address, profile="flooded").messages.everything()) == FRAMES


async def test_the_inbox_keeps_its_bound_under_a_flood_and_lets_nothing_go_that_waits(
    make_chat: MakeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipymultichat.hub.hub.Inbox", partial(Inbox, max_messages=1000))
    frames = [question("q1", "first of all"), *(chat(f"chat {n}", message_id=f"m{n}") for n in range(FRAMES))]
    async with flooding(frames) as server:
        inbox = make_chat(url_of(server))
        await inbox.connect()
        await until(
            lambda: inbox.messages[-1].text == f"chat {FRAMES - 1}" if len(inbox.messages) else False, seconds=30
        )
        assert len(inbox.messages) <= 1000
        assert [message.text for message in inbox.messages.pending] == ["first of all"]
        assert inbox.messages[-2].text == f"chat {FRAMES - 2}"
        assert inbox.unread_count == len(inbox.messages)
        inbox.close()


def test_the_inbox_is_bounded_in_bytes_too() -> None:
    from datetime import datetime, timezone

    from ipymultichat.model import Message, MessageKind, MessageStatus

    now = datetime.now(timezone.utc)
    inbox = Inbox(max_messages=1000, max_bytes=100_000)
    for n in range(100):
        inbox.add(
            Message(f"m{n}", MessageKind.CHAT, "s", "S", f"m{n}", "x" * 10_000, now, MessageStatus.RECEIVED),
            received_at=now,
        )
        assert sum(len(message.text) for message in inbox.snapshot()) <= 100_000
    assert inbox.snapshot()[-1].id == "m99"
    assert inbox.unread_count == len(inbox)


async def test_an_oversized_frame_costs_that_connection_only_and_makes_no_hot_loop(
    make_chat: MakeChat, server: LocalServer, status: StatusOf
) -> None:
    delays: list[float] = []

    class Noted(Backoff):
        def next_delay(self, *, refused: bool = False) -> float:
            delays.append(super().next_delay(refused=refused))
            return delays[-1]

    huge = pb.WebsocketMessage(Cmd="x", StrParam="x" * (MAX_FRAME + 1)).SerializeToString()
    settings = replace(QUICK, lasting=3600.0, keepalive=20.0, backoff=lambda: Noted(first=0.1, cap=300))
    async with flooding([huge]) as flood:
        inbox = make_chat(url_of(flood), server.url, link_settings=settings)
        errors: list[str] = []
        hub_of(inbox).listen(lambda _what, _id: errors.append(status(inbox).error))
        await inbox.connect()
        await until(lambda: len(delays) >= 3, seconds=20)
        assert any("a message was larger than allowed" in error for error in errors)
        assert status(inbox, 1).state == "connected"
        assert delays[:3] == [0.1, 0.2, 0.4]  # doubling from one try to the next, though each login was taken
        inbox.close()
