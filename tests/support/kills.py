"""Servers that are killed while agents wait: is every question answered, once, and is nobody told what is not true?

As a script: `kills.py ROUNDS AGENTS` kills a server with an SQLite file in each round; `kills.py --several SECONDS
AGENTS` kills one of three on one PostgreSQL again and again, behind a balancer, and the database twice.
"""

import argparse
import asyncio
import contextlib
import itertools
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from inboxes import make_inbox
from postgres import Postgres
from processes import ServerProcess
from waiting import until

from ipymultichat.agent import AgentClient
from ipymultichat.errors import AgentError, DeliveryError
from ipymultichat.hub import Chat
from ipymultichat.model import Message

TOKEN = "tok"
PATIENCE = 120
"""Seconds an agent waits."""


@dataclass
class Tally:
    """What came of it.

    Attributes:
        answers: by question, what its agent got.
        errors: by question, why its agent got nothing.
        shown: by question and person, how often it was new.
        said: by question and person, whether they were told that theirs was the answer.
    """

    answers: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    shown: Counter[tuple[str, str]] = field(default_factory=Counter)
    said: dict[tuple[str, str], str] = field(default_factory=dict)

    def problems(self) -> list[str]:
        found = [f"{question}: no answer: {error}" for question, error in self.errors.items()]
        for question, answer in self.answers.items():
            if not answer.endswith(f"says: {question}"):
                found.append(f"{question}: got the answer {answer!r}")
        found += [
            f"{question}: shown {count} times to {who}" for (question, who), count in self.shown.items() if count > 1
        ]
        for (question, who), outcome in self.said.items():
            mine = self.answers.get(question) == f"{who} says: {question}"
            if outcome == "arrived" and not mine:
                found.append(f"{question}: {who} was told that theirs arrived")
            if outcome == "lost" and mine:
                found.append(f"{question}: {who} was told that another's arrived")
        return found


class Balancer:
    """Spreads connections over servers, as any TCP balancer does: whoever takes the connection gets it."""

    def __init__(self, ports: list[int]) -> None:
        self.ports(ports)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def ports(self, ports: list[int]) -> None:
        """Spread those to come over these."""
        self._turns = itertools.cycle(ports)
        self._count = len(ports)

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0, backlog=1000)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for port in itertools.islice(self._turns, self._count):
            try:
                there = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            ways = [self._pass(reader, there[1]), self._pass(there[0], writer)]
            tasks = [asyncio.ensure_future(way) for way in ways]
            self._tasks.update(tasks)
            for task in tasks:
                task.add_done_callback(self._tasks.discard)
            return
        writer.transport.abort()

    @staticmethod
    async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(2**16):
                writer.write(piece)
                await writer.drain()
        except OSError:
            writer.transport.abort()
        finally:
            writer.close()


async def agent(url: str, number: int, tally: Tally, *, until: float = 0) -> None:
    """Ask one question, or, until some time, one after the other."""
    async with AgentClient(url, TOKEN, agent_name=f"agent {number}") as client:
        for count in itertools.count():
            question = f"question {number}.{count}"
            try:
                tally.answers[question] = str(await client.ask_question(question, timeout=PATIENCE))
            except AgentError as error:
                tally.errors[question] = f"{type(error).__name__}: {error}"
            if time.monotonic() >= until:
                return


def person(url: str, name: str, tally: Tally, *, races: bool = False, begin: asyncio.Event | None = None) -> Chat:
    """Somebody who answers everything, after a while; with races, so that others often do so in the same moment."""
    chat = make_inbox(url, token=TOKEN, nickname=name)
    following: set[asyncio.Task[None]] = set()

    async def follow(message: Message) -> None:
        if begin is not None:
            await begin.wait()
        await asyncio.sleep(random.choice((0.05, 0.3)) if races else random.random() * 0.8)
        try:
            await chat.reply(message, f"{name} says: {message.text}")
            tally.said[message.text, name] = "arrived"
        except DeliveryError as error:
            tally.said[message.text, name] = "lost" if "answered" in str(error) else f"{error}"

    @chat.on_message(kind="question")
    def answer(message: Message) -> None:
        tally.shown[message.text, name] += 1
        task = asyncio.ensure_future(follow(message))
        following.add(task)
        task.add_done_callback(following.discard)

    return chat


@contextlib.contextmanager
def serving(server: ServerProcess) -> Iterator[ServerProcess]:
    try:
        yield server.start()
    finally:
        server.kill()


async def killed_on_sqlite(agents: int) -> Tally:
    """One round: all agents wait, a person begins to answer, and the server is killed amid that and started again."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        options = ["--store", f"sqlite:///{Path(folder)}/requests.db", "--hold", "--rate", "100000"]
        with serving(await asyncio.to_thread(ServerProcess, TOKEN, 0, options)) as server:
            chat = person(server.url, "ada", tally, begin=(begin := asyncio.Event()))
            await chat.connect()
            tasks = [asyncio.create_task(agent(server.url, number, tally)) for number in range(agents)]
            await until(lambda: chat.pending_count == agents, 60)
            begin.set()
            await asyncio.sleep(random.random() * agents / 150)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            await asyncio.wait(tasks)
            await asyncio.sleep(0.2)  # the last replies are proved
            chat.close()
    return tally


async def killed_on_postgres(agents: int, seconds: float, database_falls: int = 2) -> Tally:
    """Three servers behind a balancer, of which one after the other is killed, and the database twice."""
    tally = Tally()
    database = await asyncio.to_thread(Postgres)
    servers = [ServerProcess(TOKEN, 0, ["--store", database.url(), "--hold", "--rate", "100000"]) for _ in range(3)]
    people: list[Chat] = []
    balancer: Balancer | None = None
    try:
        await asyncio.gather(*(asyncio.to_thread(server.start) for server in servers))
        balancer = Balancer([server.port for server in servers])
        url = f"ws://127.0.0.1:{await balancer.start()}/ws"
        people = [person(url, name, tally, races=True) for name in ("ada", "bob", "cy", "dee", "eve")]
        await asyncio.gather(*(chat.connect() for chat in people))
        end = time.monotonic() + seconds
        tasks = [asyncio.create_task(agent(url, number, tally, until=end)) for number in range(agents)]
        falls = [time.monotonic() + seconds * (part + 1) / (database_falls + 1) for part in range(database_falls)]
        while time.monotonic() < end:
            await asyncio.sleep(1 + 3 * random.random())
            if falls and time.monotonic() > falls[0]:
                falls.pop(0)
                await asyncio.to_thread(database.crash)
                await asyncio.sleep(1)
                await asyncio.to_thread(database.start)
            else:
                victim = random.choice(servers)
                await asyncio.to_thread(victim.kill)
                await asyncio.sleep(random.random())
                await asyncio.to_thread(victim.start)
        await asyncio.wait(tasks)
        await asyncio.sleep(1)
    finally:
        for chat in people:
            chat.close()
        if balancer is not None:
            await balancer.stop()
        for server in servers:
            server.kill()
        await asyncio.to_thread(database.stop)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("length", type=float, help="rounds, or seconds with --several")
    parser.add_argument("agents", type=int)
    parser.add_argument("--several", action="store_true")
    args = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    wrong = answered = 0
    for number in range(1 if args.several else int(args.length)):
        began = time.monotonic()
        run = killed_on_postgres(args.agents, args.length) if args.several else killed_on_sqlite(args.agents)
        tally = asyncio.run(run)
        problems = tally.problems()
        outcomes = Counter(outcome.split(":")[0] for outcome in tally.said.values())
        wrong, answered = wrong + len(problems), answered + len(tally.answers)
        print(
            f"round {number + 1}: {len(tally.answers)} answered, {len(problems)} problems, "
            f"{time.monotonic() - began:.0f} s; replies: {dict(outcomes)}",
            flush=True,
        )
        print(*problems[:10], sep="\n", end="\n" if problems else "")
    print(f"{answered} answered, {wrong} problems")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
