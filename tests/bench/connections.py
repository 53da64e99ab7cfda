"""Rows 9 and 10: many servers, some of which flap; and how many replies a second are proved to have arrived."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import statistics
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from feeder import Feeder
from processes import ServerProcess
from rows import ROUNDS, Row
from waiting import until
from websockets.asyncio.client import connect

from ipymultichat.agent import AgentClient
from ipymultichat.hub import Chat
from ipymultichat.wire import agentassist_pb2 as pb

SERVERS, FLAPPING = 200, 50
MESSAGES, RATE = 300, 50.0
IDLE = 10.0
REPLIES = 100
CROWD = 20
TOKEN = "bench"


def _watch(pipe: Connection, urls: Sequence[str], profile: str) -> None:
    async def main() -> None:
        delays: list[float] = []
        chat = Chat(list(urls), token="t", nickname="me", profile=profile)

        @chat.on_message
        def keep(message: Any) -> None:
            word, _, when = message.text.partition(" ")
            if word == "at":
                delays.append(time.time() - int(when) / 1e6)

        await chat.connect()
        pipe.send(chat.connected_count)
        while True:
            command = await asyncio.to_thread(pipe.recv)
            if command == "idle":
                began = time.process_time()
                await asyncio.sleep(IDLE)
                pipe.send((time.process_time() - began) / IDLE)
            else:
                await until(lambda: len(delays) >= MESSAGES, 60)
                pipe.send(sorted(delays))
                delays.clear()

    asyncio.run(main())


class Watcher:
    """A process with an inbox on so many servers of a feeder."""

    def __init__(self, servers: int, flapping: int = 0) -> None:
        self._flapping = flapping
        self._feeder = Feeder(servers).__enter__()
        self._pipe, theirs = multiprocessing.Pipe()
        arguments = (theirs, self._feeder.urls, f"watch-{servers}")
        self._process = multiprocessing.get_context("spawn").Process(target=_watch, args=arguments, daemon=True)
        self._process.start()
        connected = self._pipe.recv()
        assert connected == servers, connected

    def idle(self) -> float:
        """Percent of a core while nothing happens."""
        self._pipe.send("idle")
        return float(self._pipe.recv()) * 100

    def p99(self) -> float:
        """Milliseconds from a steady server to a handler, the slowest percent left out; others flap meanwhile."""
        if self._flapping:
            self._feeder.flap(self._flapping, MESSAGES / RATE)
        self._feeder.drip(MESSAGES, RATE)
        self._pipe.send("drip")
        return float(self._pipe.recv()[int(MESSAGES * 0.99)]) * 1000

    def close(self) -> None:
        self._process.terminate()
        self._feeder.__exit__(None, None, None)


def row_9() -> list[Row]:
    """What 200 servers cost at rest, and whether those that flap delay the others."""
    one, many = Watcher(1), Watcher(SERVERS, FLAPPING)
    idle = [many.idle() for _ in range(ROUNDS)]
    rounds = [(one.p99(), many.p99()) for _ in range(ROUNDS)]
    one.close()
    many.close()
    alone, among = ([pair[side] for pair in rounds] for side in (0, 1))
    work = f"server → handler, p99, {SERVERS} servers, {FLAPPING} of them flapping"
    return [
        Row("9a", f"{SERVERS} servers at rest", "% of a core", idle, 1),
        Row("9b", work, "ms", among, 1.5, alone, "1 server"),
    ]


def _ask(pipe: Connection, urls: Sequence[str]) -> None:
    async def main() -> None:
        clients = [AgentClient(url, TOKEN) for url in urls]
        while True:
            await asyncio.to_thread(pipe.recv)
            asked = [client.ask_question(f"Go on with {n}?") for client in clients for n in range(REPLIES)]
            answers = await asyncio.gather(*asked)
            pipe.send({answer.text for answer in answers})

    asyncio.run(main())


async def _proved(urls: Sequence[str], pipe: Connection) -> float:
    count = REPLIES * len(urls)
    chat = Chat(list(urls), token=TOKEN, nickname="me", profile=":memory:")
    await chat.connect()
    pipe.send(None)
    await until(lambda: chat.pending_count == count, 60)
    began = time.perf_counter()
    replies = [chat.reply(message, "yes") for message in chat.messages.pending]
    await asyncio.gather(*replies)
    took = time.perf_counter() - began
    assert await asyncio.to_thread(pipe.recv) == {"yes"}
    chat.close()
    return count / took


async def _unproved(urls: Sequence[str]) -> float:
    """Round trips of a bare client: ask whether a request waits, and hear; all at once, as the replies are."""

    async def trips(url: str) -> float:
        async with connect(url, compression=None) as socket:
            login = pb.WebsocketMessage(Cmd="UserLogin", StrParam=TOKEN, Nickname="bare")
            await socket.send(login.SerializeToString())
            while pb.WebsocketMessage.FromString(await socket.recv(decode=False)).Cmd != "UserLogin":
                pass
            began = time.perf_counter()
            for number in range(REPLIES):
                check = pb.CheckMessageValidityRequest(request_ids=[f"none-{number}"])
                command = pb.WebsocketMessage(Cmd="CheckMessageValidity", CheckMessageValidityRequest=check)
                await socket.send(command.SerializeToString())
            left = REPLIES
            while left:
                left -= pb.WebsocketMessage.FromString(await socket.recv(decode=False)).Cmd == "CheckMessageValidity"
            return time.perf_counter() - began

    return REPLIES * len(urls) / max(await asyncio.gather(*map(trips, urls)))


def row_10() -> list[Row]:
    """Replies that are proved, on one server and on twenty, against round trips that prove nothing."""
    rows, rates = [], {}
    for servers in (1, CROWD):
        made = [ServerProcess(TOKEN).start() for _ in range(servers)]
        urls = [server.url for server in made]
        ours, theirs = multiprocessing.Pipe()
        agents = multiprocessing.get_context("spawn").Process(target=_ask, args=(theirs, urls), daemon=True)
        agents.start()
        rounds = [(asyncio.run(_unproved(urls)), asyncio.run(_proved(urls, ours))) for _ in range(ROUNDS)]
        agents.terminate()
        for server in made:
            server.kill()
        alone, proved = ([pair[side] for pair in rounds] for side in (0, 1))
        work = f"proved replies, {servers} server{'s' * (servers > 1)}"
        rows.append(Row(f"10{'ab'[servers > 1]}", work, "/s", proved, 0.3, alone, "bare round trips", at_least=True))
        rates[servers] = statistics.median(proved)
    whole = [rate / rates[1] for rate in rows[-1].ours]
    rows.append(Row("10c", f"proved replies, {CROWD} servers of those of one", "×", whole, 1, at_least=True))
    return rows


def main(folder: Path) -> list[Row]:
    """Measure; profiles are kept in the folder."""
    os.environ["MULTICHAT_CONFIG_DIR"] = str(folder)
    return [*row_9(), *row_10()]
