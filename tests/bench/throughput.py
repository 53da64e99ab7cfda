"""Questions per second through `MultiChat`, history on, against a bare `websockets` loop that parses the same frames.

Both take the same frames from the same server process, one after the other, in rounds; the median of the ratios counts,
as single rounds scatter with whatever else the machine does.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from typing import Any

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from ipymultichat.wire import agentassist_pb2 as pb

QUESTIONS = 3_000
ROUNDS = 15
TEXT = ("Deploy build 142 to staging? " * 7)[:200]


def question(number: int) -> bytes:
    """A question of 200 bytes."""
    body = pb.McpAskQuestionRequest(
        ProjectDirectory="/home/ada/project", Question=TEXT, Timeout=3600, AgentName="claude",
        ReasoningModelName="opus", McpClientName="cli",
    )  # fmt: skip
    request = pb.AskQuestionRequest(ID=f"q{number}", UserToken="t", Timestamp=int(time.time() * 1000), Request=body)
    return pb.WebsocketMessage(Cmd="AskQuestion", AskQuestionRequest=request).SerializeToString()


def run_server(pipe: Connection) -> None:
    """Serve in a process of its own: whoever asks for the users gets them, and then all questions in one go."""
    numbers = iter(range(10**9))

    async def talk(socket: ServerConnection) -> None:
        async for raw in socket:
            assert isinstance(raw, bytes)
            command = pb.WebsocketMessage.FromString(raw).Cmd
            answer = pb.WebsocketMessage(Cmd=command)
            if command == "UserLogin":
                answer.UserLoginResponse.CopyFrom(pb.UserLoginResponse(client_id="me-1", success=True))
            elif command == "GetPendingMessages":
                answer.GetPendingMessagesResponse.SetInParent()
            elif command == "GetOnlineUsers":
                answer.GetOnlineUsersResponse.SetInParent()
            else:
                continue
            await socket.send(answer.SerializeToString())
            if command == "GetOnlineUsers":
                await asyncio.sleep(0.3)  # the client is in step, and what it did for that is done
                for frame in [question(next(numbers)) for _ in range(QUESTIONS)]:
                    await socket.send(frame)

    async def main() -> None:
        async with serve(talk, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
            pipe.send(next(iter(server.sockets)).getsockname()[1])
            await asyncio.Future()

    asyncio.run(main())


async def bare(url: str) -> float:
    """Questions per second that a loop receives and parses which does nothing else."""
    async with connect(url, compression=None, max_size=None) as socket:
        for command in ("UserLogin", "GetOnlineUsers"):
            await socket.send(pb.WebsocketMessage(Cmd=command, StrParam="t").SerializeToString())
            await socket.recv()
        began, count = 0.0, 0
        while count < QUESTIONS:
            raw = await socket.recv()
            assert isinstance(raw, bytes)
            count += pb.WebsocketMessage.FromString(raw).Cmd == "AskQuestion"
            began = began or time.perf_counter()
        return QUESTIONS / (time.perf_counter() - began)


async def through(url: str, profile: str) -> float:
    """Questions per second that stand in the inbox of a `MultiChat`."""
    from ipymultichat import MultiChat

    chat: Any = MultiChat([url], token="t", nickname="me", profile=profile)
    await chat.connect()
    while not chat.pending_count:  # noqa: ASYNC110  looking costs less than being told
        await asyncio.sleep(0)
    began, first = time.perf_counter(), chat.pending_count
    while chat.pending_count < QUESTIONS:  # noqa: ASYNC110
        await asyncio.sleep(0.002)
    took = time.perf_counter() - began
    chat.close()
    return float((QUESTIONS - first) / took)


def main() -> int:
    """Print each round and the median of the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MULTICHAT_CONFIG_DIR"] = folder
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=run_server, args=(theirs,), daemon=True)
        server.start()
        url = f"ws://127.0.0.1:{ours.recv()}/ws"
        rounds = [(asyncio.run(bare(url)), asyncio.run(through(url, f"bench{number}"))) for number in range(ROUNDS)]
        server.terminate()
    print(f"{'bare/s':>10} {'MultiChat/s':>12} {'ratio':>6}")
    for alone, whole in rounds:
        print(f"{alone:>10,.0f} {whole:>12,.0f} {whole / alone:>6.2f}")
    ratios = sorted(whole / alone for alone, whole in rounds)
    print(f"median ratio {statistics.median(ratios):.2f} (from {ratios[0]:.2f} to {ratios[-1]:.2f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
