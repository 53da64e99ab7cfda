"""Prints what crowded servers cost the kernel and the browser: pauses of the loop, and bytes on the way to the page."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from multiprocessing.connection import Connection
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from ipymultichat import MultiChat
from ipymultichat.wire import agentassist_pb2 as pb

CHANGES = 200
"""How many people come and go while the bytes are counted."""


def waiting(requests: int, size: int) -> pb.WebsocketMessage:
    """The list of so many requests, with texts of so many characters."""
    message = pb.WebsocketMessage(Cmd="GetPendingMessages")
    message.GetPendingMessagesResponse.SetInParent()
    for number in range(requests):
        body = pb.McpAskQuestionRequest(Question="x" * size, Timeout=3600, AgentName="claude")
        ask = pb.AskQuestionRequest(ID=f"q{number}", UserToken="t", Request=body)
        message.GetPendingMessagesResponse.pending_messages.add(ask_question_request=ask)
    return message


def online(people: int) -> pb.WebsocketMessage:
    """The list of so many people."""
    users = [pb.OnlineUser(client_id=f"id-{n}", nickname=f"person {n}") for n in range(people)]
    response = pb.GetOnlineUsersResponse(online_users=users)
    return pb.WebsocketMessage(Cmd="GetOnlineUsers", GetOnlineUsersResponse=response)


def still_waiting(command: pb.WebsocketMessage) -> pb.WebsocketMessage:
    """All that is asked about waits."""
    message = pb.WebsocketMessage(Cmd="CheckMessageValidity")
    for key in command.CheckMessageValidityRequest.request_ids:
        message.CheckMessageValidityResponse.validity[key] = True
    return message


def run_server(pipe: Connection, requests: int, people: int, size: int) -> None:
    """Serve in a process of its own: so many requests wait and so many people are online; then some come and go."""

    async def talk(socket: ServerConnection) -> None:
        async for raw in socket:
            assert isinstance(raw, bytes)
            command = pb.WebsocketMessage.FromString(raw)
            await socket.send(answers[command.Cmd](command).SerializeToString())
            if command.Cmd == "GetOnlineUsers":
                tasks.append(asyncio.ensure_future(come_and_go(socket)))

    tasks: list[asyncio.Future[None]] = []
    answers: dict[str, Callable[[pb.WebsocketMessage], pb.WebsocketMessage]] = {
        "UserLogin": lambda _command: pb.WebsocketMessage(
            Cmd="UserLogin", UserLoginResponse=pb.UserLoginResponse(client_id="me-1", success=True)
        ),
        "GetPendingMessages": lambda _command: waiting(requests, size),
        "GetOnlineUsers": lambda _command: online(people),
        "CheckMessageValidity": still_waiting,
    }

    async def come_and_go(socket: ServerConnection) -> None:
        await asyncio.to_thread(pipe.recv)
        for number in range(CHANGES):
            user = pb.OnlineUser(client_id=f"id-{number}", nickname=f"person {number}")
            notice = pb.UserConnectionStatusNotification(user=user, status="disconnected")
            message = pb.WebsocketMessage(
                Cmd="UserConnectionStatusNotification", UserConnectionStatusNotification=notice
            )
            await socket.send(message.SerializeToString())
            await asyncio.sleep(0.01)
        pipe.send("done")

    async def main() -> None:
        async with serve(talk, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
            pipe.send(next(iter(server.sockets)).getsockname()[1])
            await asyncio.Future()

    asyncio.run(main())


@contextlib.asynccontextmanager
async def beating(longest: list[float]) -> AsyncIterator[None]:
    """Note the longest time for which the loop did nothing else, in seconds."""

    async def beat() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest[0], last = max(longest[0], now - last), now

    task = asyncio.ensure_future(beat())
    yield
    task.cancel()


async def measure(requests: int, people: int, size: int = 100) -> dict[str, float]:
    """Connect, open a page, and let people come and go."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=run_server, args=(theirs, requests, people, size), daemon=True
    )
    server.start()
    url = f"ws://127.0.0.1:{await asyncio.to_thread(ours.recv)}/ws"
    sent: list[int] = []
    longest = [0.0]
    async with beating(longest):
        chat: Any = MultiChat([url], token="t", nickname="me", profile=":memory:")
        chat._sync._send = lambda: lambda frame, _buffers=None: sent.append(len(json.dumps(frame)))
        began = time.perf_counter()
        await chat.connect()
        server_id = chat.servers[0].id
        while chat.pending_count < requests or len(chat._hub.inbound.users.get(server_id, ())) < people:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        taken = time.perf_counter() - began
        chat._sync.receive({"type": "sync", "client": "tab"})
        await asyncio.sleep(0.5)
        page = sum(sent)
        sent.clear()
        ours.send("go")
        await asyncio.to_thread(ours.recv)
        await asyncio.sleep(0.2)
        chat.close()
    server.terminate()
    return {"seconds": taken, "longest ms": longest[0] * 1000, "page kB": page / 1000, "changes kB": sum(sent) / 1000}


def main() -> int:
    """Print a table."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MULTICHAT_CONFIG_DIR"] = folder
        print(f"{'':34} {'taken in, s':>12} {'longest, ms':>12} {'page, kB':>10} {f'{CHANGES} changes, kB':>16}")
        for label, counts in (
            ("100,000 requests wait", (100_000, 0)),
            ("5,000 people are online", (0, 5_000)),
            ("100,000 people are online", (0, 100_000)),
            ("4 requests of 20 MB wait", (4, 0, 20_000_000)),
        ):
            row = asyncio.run(measure(*counts))
            print(
                f"{label:34} {row['seconds']:>12.1f} {row['longest ms']:>12.0f} {row['page kB']:>10,.0f} "
                f"{row['changes kB']:>16,.0f}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
