"""What keeping costs: questions asked and answered per second on each store, side by side, and memory per question."""

import asyncio
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import websockets
from postgres import Postgres
from processes import ServerProcess

from ipymultichat.server.stores.opening import make_store
from ipymultichat.server.stores.record import Record
from ipymultichat.wire import agentassist_pb2 as pb

AGENTS = 50
ROUNDS = 5
SECONDS = 4.0
WAITING = 10_000
TOKEN = "bench"
TEXT = ("Deploy build 142 to staging? " * 7)[:200]
_numbers = itertools.count()


def call_of(request: pb.AskQuestionRequest) -> bytes:
    body = request.SerializeToString()
    head = (
        "POST /agentassistproto.SrvAgentAssist/AskQuestion HTTP/1.1\r\nhost: localhost\r\n"
        f"content-type: application/proto\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def request_of(number: int, token: str = TOKEN) -> pb.AskQuestionRequest:
    body = pb.McpAskQuestionRequest(Question=f"Question {number}: go on?", Timeout=600, AgentName="bench")
    return pb.AskQuestionRequest(ID=f"{os.getpid()}-{number}", UserToken=token, Request=body)


async def agent(port: int, end: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = 0
    while time.monotonic() < end:
        writer.write(call_of(request_of(next(_numbers))))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head, head
        length = int(head.lower().split(b"content-length:")[1].split()[0])
        answer = pb.AskQuestionResponse.FromString(await reader.readexactly(length))
        assert answer.contents, answer
        answered += 1
    writer.close()
    return answered


async def person(port: int) -> None:
    async with websockets.connect(f"ws://127.0.0.1:{port}/ws", compression=None, max_size=2**26) as socket:
        await socket.send(pb.WebsocketMessage(Cmd="UserLogin", StrParam=TOKEN, Nickname="ada").SerializeToString())
        async for frame in socket:
            assert isinstance(frame, bytes)
            message = pb.WebsocketMessage.FromString(frame)
            if message.Cmd == "AskQuestion":
                part = pb.McpResultContent(type=1, text=pb.TextContent(type="text", text="yes"))
                answer = pb.AskQuestionResponse(ID=message.AskQuestionRequest.ID, contents=[part])
                reply = pb.WebsocketMessage(
                    Cmd="AskQuestionReply", AskQuestionRequest=message.AskQuestionRequest, AskQuestionResponse=answer
                )
                await socket.send(reply.SerializeToString())


async def rate(ports: Sequence[int]) -> float:
    """Agents are spread over the servers, the person is on the first."""
    answering = asyncio.ensure_future(person(ports[0]))
    await asyncio.sleep(0.5)
    began = time.monotonic()
    counts = await asyncio.gather(*(agent(ports[number % len(ports)], began + SECONDS) for number in range(AGENTS)))
    answering.cancel()
    return sum(counts) / (time.monotonic() - began)


async def fill(url: str) -> None:
    """Let questions wait in a store."""
    now_ms = int(time.time() * 1000)
    store = make_store(url)
    await store.open("", now_ms, now_ms)
    records = []
    for number in range(WAITING):
        request = request_of(number)
        request.UserToken, request.Request.Question = "", TEXT
        records.append(
            Record(
                team=f"team {number // 500}", request_id=request.ID, kind="AskQuestion", digest=f"{number:064}",
                request=request.SerializeToString(), created_ms=now_ms, deadline_ms=now_ms + 3_600_000, version=now_ms,
            )
        )  # fmt: skip
    await store.put(records)
    await store.close()


def resident(server: ServerProcess) -> int:
    """Return the bytes of memory that a server's process has."""
    assert server.process is not None
    return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure_memory(folder: Path) -> None:
    sizes = []
    for number, full in enumerate((False, True)):
        url = f"sqlite:///{folder}/waiting-{number}.db"
        if full:
            asyncio.run(fill(url))
        server = ServerProcess(TOKEN, 0, ["--store", url, "--rate", "100000"]).start()
        sizes.append(resident(server))
        server.kill()
    each = (sizes[1] - sizes[0]) / WAITING
    print(
        f"memory of a server: {sizes[0] / 2**20:.0f} MiB; with {WAITING:,} questions of {len(TEXT)} characters waiting "
        f"{sizes[1] / 2**20:.0f} MiB, {each:,.0f} bytes each"
    )


def main() -> int:
    database = Postgres()
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            setups = {
                "memory": ["memory:"],
                "SQLite": [f"sqlite:///{folder}/requests.db"],
                "PostgreSQL": [database.url()],
                "PostgreSQL, 3 processes": [database.url()] * 3,
            }
            rates: dict[str, list[float]] = {name: [] for name in setups}
            for _ in range(ROUNDS):
                for name, urls in setups.items():
                    servers = [ServerProcess(TOKEN, 0, ["--store", url, "--rate", "100000"]).start() for url in urls]
                    rates[name].append(asyncio.run(rate([server.port for server in servers])))
                    for server in servers:
                        server.kill()
            print(f"questions asked and answered per second, {AGENTS} agents at once, median of {ROUNDS} rounds")
            for name, found in rates.items():
                ratio = statistics.median(one / base for one, base in zip(found, rates["memory"], strict=True))
                print(
                    f"  {name:<24} {statistics.median(found):6,.0f}  ({min(found):,.0f} to {max(found):,.0f}), "
                    f"{ratio:.2f} of memory"
                )
            measure_memory(folder)
    finally:
        database.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
