"""Rows 1, 2, 3 and 8: frames from servers through the inbox to the browser's comm, and what a message weighs."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ClassVar

import comm
from comm.base_comm import BaseComm
from feeder import TEXT, Feeder
from rows import ROUNDS, Row
from websockets.asyncio.client import connect

from ipymultichat import MultiChat
from ipymultichat.model.forms import to_json
from ipymultichat.wire import agentassist_pb2 as pb

QUESTIONS = 3_000
MORE = 2_000
FEW, MANY = 1_000, 100_000


class Comm(BaseComm):
    """A comm to nowhere that keeps what is sent, and when."""

    sent: ClassVar[list[tuple[float, str, Any]]] = []

    def publish_msg(self, msg_type: str, data: Any = None, *_: object, **__: object) -> None:
        self.sent.append((time.perf_counter(), msg_type, data))

    @classmethod
    def patches(cls) -> Iterator[tuple[float, dict[str, Any]]]:
        """Yield the patches in order, with the time of each."""
        for when, kind, data in cls.sent:
            if kind == "comm_msg" and data.get("method") == "custom" and data["content"]["type"] == "patch":
                yield when, data["content"]

    @classmethod
    async def taken(cls, count: int) -> float:
        """Wait until that many messages were sent; returns when the last one was."""
        while True:
            seen: set[str] = set()
            for when, patch in cls.patches():
                seen.update(form["id"] for form in patch["upsert"])
                if len(seen) >= count:
                    return when
            await asyncio.sleep(0.05)


def open_chat(urls: Sequence[str], profile: str) -> Any:
    """A widget with a browser that wants patches."""
    comm.create_comm = Comm
    chat: Any = MultiChat(list(urls), token="t", nickname="me", profile=profile)
    chat._sync.receive({"type": "sync", "client": "bench"})
    return chat


async def bare(feeder: Feeder) -> float:
    """Messages a second of loops that receive and parse, and do nothing else."""
    count = QUESTIONS // len(feeder.urls)
    sockets = [await connect(url, compression=None, max_size=None) for url in feeder.urls]

    async def read(socket: Any) -> None:
        for _ in range(count):
            pb.WebsocketMessage.FromString(await socket.recv())

    await asyncio.to_thread(feeder.prepare, "question", count)
    began = time.perf_counter()
    feeder.go()
    await asyncio.gather(*map(read, sockets))
    took = time.perf_counter() - began
    for socket in sockets:
        await socket.close()
    return QUESTIONS / took


async def through(feeder: Feeder, profile: str) -> tuple[float, float, float]:
    """Messages a second through a `MultiChat`; bytes on the comm by those of their JSON; comm messages a second."""
    chat = open_chat(feeder.urls, profile)
    await chat.connect()
    await asyncio.sleep(0.5)
    await asyncio.to_thread(feeder.prepare, "question", QUESTIONS // len(feeder.urls))
    Comm.sent.clear()
    began = time.perf_counter()
    feeder.go()
    end = await Comm.taken(QUESTIONS)
    sent = [data for when, kind, data in Comm.sent if when <= end and kind == "comm_msg"]
    on_comm = sum(len(json.dumps(data)) for data in sent)
    alone = sum(len(json.dumps(to_json(message))) for message in chat.messages)
    chat.close()
    return QUESTIONS / (end - began), on_comm / alone, len(sent) / (end - began)


def rows_1_and_3() -> list[Row]:
    """Frames in, patches out, from one server and from five; what goes over the comm meanwhile."""
    rows = []
    for servers in (1, 5):
        with Feeder(servers) as feeder:
            rounds = [
                (asyncio.run(bare(feeder)), asyncio.run(through(feeder, f"in-{servers}-{number}")))
                for number in range(ROUNDS)
            ]
        ours = [found[0] for _, found in rounds]
        alone = [rate for rate, _ in rounds]
        work = f"frames in → inbox → patches out, {servers} server{'s' * (servers > 1)}, history on"
        rows.append(
            Row(f"1{'ab'[servers > 1]}", work, "msg/s", ours, 0.5, alone, "bare `websockets` loop", at_least=True)
        )
        if servers == 1:
            bytes_ = [found[1] for _, found in rounds]
            often = [found[2] for _, found in rounds]
    rows.append(Row("3a", "bytes on the comm, of the messages' JSON", "×", bytes_, 1.3))
    rows.append(Row("3b", "comm messages in a burst", "/s", often, 35))
    return rows


def _memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _hold(pipe: Connection, url: str, profile: str) -> None:
    async def main() -> None:
        chat = open_chat([url], profile)
        await chat.connect()
        await asyncio.sleep(0.5)
        while True:
            Comm.sent.clear()
            pipe.send(_memory())
            count = await asyncio.to_thread(pipe.recv)
            pipe.send(None)
            pipe.send(await Comm.taken(count))

    asyncio.run(main())


class Holder:
    """A process with an inbox of its own; its times are of the same clock as ours."""

    def __init__(self, profile: str, held: int) -> None:
        self._feeder = Feeder().__enter__()
        self._pipe, theirs = multiprocessing.Pipe()
        arguments = (theirs, self._feeder.urls[0], profile)
        self._process = multiprocessing.get_context("spawn").Process(target=_hold, args=arguments, daemon=True)
        self._process.start()
        self.empty = self._pipe.recv()
        self.full = self.empty
        self.take("chat", held)

    def take(self, kind: str, count: int) -> float:
        """Let it take in that many messages; returns the seconds."""
        self._feeder.prepare(kind, count)
        self._pipe.send(count)
        self._pipe.recv()
        began = time.perf_counter()
        self._feeder.go()
        took = float(self._pipe.recv()) - began
        self.full = self._pipe.recv()
        return took

    def close(self) -> None:
        self._process.terminate()
        self._feeder.__exit__(None, None, None)


def rows_2_and_8() -> list[Row]:
    """More messages for an inbox that holds few, and for one that holds many; what the many weigh."""
    few, many = Holder("few", FEW), Holder("many", MANY)
    rounds = [(few.take("question", MORE) / MORE, many.take("question", MORE) / MORE) for _ in range(ROUNDS)]
    weights = [(many.full - many.empty) / (MANY + ROUNDS * MORE)]
    few.close()
    many.close()
    with_few, with_many = ([pair[side] * 1e6 for pair in rounds] for side in (0, 1))
    limit = 1024 + 2 * len(TEXT)
    return [
        Row("2", f"the same with {MANY:,} held", "µs/msg", with_many, 1.15, with_few, f"with {FEW:,}"),
        Row("8a", f"memory of a kernel for a message of {len(TEXT)} characters", "bytes", weights, limit),
    ]


def main(folder: Path) -> list[Row]:
    """Measure; profiles are kept in the folder."""
    os.environ["MULTICHAT_CONFIG_DIR"] = str(folder)
    return [*rows_1_and_3(), *rows_2_and_8()]
