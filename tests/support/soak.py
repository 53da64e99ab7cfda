"""Seeded random schedules against five servers: agents ask, people answer and chat, networks and servers fail.

As a script: `soak.py SEEDS [--quirks | --durable] [--first N]` runs that many seeds and prints what came of them.
"""

import argparse
import asyncio
import contextlib
import itertools
import logging
import os
import random
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from inboxes import hub_of, make_inbox
from proxy import Proxy
from quirks import Quirks, QuirkyServer

from ipymultichat.agent import AgentClient
from ipymultichat.errors import AgentError, DeliveryError, MultiChatError, RequestRefusedError
from ipymultichat.model import Message, OnlineUser
from ipymultichat.net import LinkSettings
from ipymultichat.server import LocalServer
from ipymultichat.session import Backoff, Timing
from ipymultichat.store import History

PROFILE = "soak"
"""Of the person whose messages are kept on disk."""
SERVERS = 5
AGENTS = 24
STORM = 0.9
"""How long faults happen, in seconds; then everything is healed."""
HEALED_WITHIN = 25.0
"""How long the healed network may take until every agent has its answer, in seconds."""
GRACE = 5.0
"""For how long servers with a store hold a question whose agent has gone, in seconds: longer than a storm, or an agent
that comes back would ask it anew."""
TIMING = Timing(login=0.5, answer=0.5, settle=0.1, resend_first=0.03, resend_cap=0.2, recheck=0.1)


@dataclass
class Call:
    """One question or report of one agent, as its server saw it."""

    text: str
    server: int
    reused: bool = False
    answer: str | None = None
    error: str = ""


@dataclass
class Chat:
    """One chat message and what its sender was told."""

    text: str
    sender: str
    receiver: str
    client_id: str
    server: int
    sent: bool = False
    error: str = ""


@dataclass
class Attempt:
    """One answer of one person: to which text, and why it failed; "" once it was proved to have arrived."""

    question: str
    text: str
    outcome: str | None = None


@dataclass
class Report:
    """What came of one seed."""

    seed: int
    problems: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


class Person:
    """Somebody with a inbox on every server, who answers and chats."""

    def __init__(self, name: str, world: "World", *, diligent: bool) -> None:
        self.name = name
        self.world = world
        self.diligent = diligent
        self.random = random.Random(f"{world.seed}/{name}")
        self.number = itertools.count()
        self.deliveries: list[Attempt] = []
        self.seen: set[str] = set()
        settings = LinkSettings(
            open_timeout=0.5,
            keepalive=0.4,
            lasting=0.1,
            backoff=lambda: Backoff(first=0.03, cap=0.15, refused=0.15, random=self.random.random),
            timing=TIMING,
        )
        servers = [{"url": proxy.url, "name": f"s{n}"} for n, proxy in enumerate(world.proxies[name])]
        self.inbox = make_inbox(
            servers=servers,
            token="team",
            nickname=name,
            profile=PROFILE if diligent else ":memory:",
            link_settings=settings,
        )

    async def live(self) -> None:
        """Answer what waits, again and again, and chat now and then."""
        while True:
            await asyncio.sleep(self.random.uniform(0.005, 0.03))
            for message in self.inbox.messages.where():
                if message.answerable and self._wants(message):
                    self.world.work(self._answer(message))
            if not self.world.healed and self.random.random() < 0.25:
                self._chat()

    def _wants(self, message: Message) -> bool:
        again = message.status == "failed"
        if again:  # a person looks at it and tries once more
            return self.diligent and self.random.random() < 0.3
        if message.id in self.seen:
            return self.diligent and self.random.random() < 0.3
        self.seen.add(message.id)
        return self.diligent or self.random.random() < 0.4

    async def _answer(self, message: Message) -> None:
        await asyncio.sleep(self.random.choice((0, 0, 0.01, 0.05)))
        text = f"{self.name}#{next(self.number)} to {message.text}"
        try:
            delivery = self.inbox.reply(message, text)
        except MultiChatError:
            return
        self.world.count("replies")
        record = Attempt(message.text, text)
        self.deliveries.append(record)
        try:
            settled = await delivery
        except DeliveryError as error:
            record.outcome = error.reason
            self.world.count("replies failed in words")
            if not error.reason:
                self.world.problem(f"a reply failed without a word: {text}")
        else:
            record.outcome = ""
            if not (settled.reply and settled.reply.mine and settled.reply.text == text):
                self.world.problem(f"delivered, but shown as {settled.status} {settled.reply}: {text}")

    def _chat(self) -> None:
        users = self.inbox.users
        if not users:
            return
        user = self.random.choice(users)
        chat = Chat(
            f"chat {next(self.number)} of {self.name}",
            self.name,
            user.nickname.partition("!")[0],
            user.client_id,
            int(user.server_name[1:]),
        )
        self.world.chats.append(chat)
        self.world.work(self._send(chat, user))

    async def _send(self, chat: Chat, user: OnlineUser) -> None:
        try:
            await self.inbox.send(user, chat.text)
            chat.sent = True
        except MultiChatError as error:
            chat.error = str(error) or "?"


class World:
    """Servers, proxies, people and agents of one seed."""

    def __init__(self, seed: int, *, quirks: bool, folder: str | None = None) -> None:
        self.seed = seed
        self.folder = folder
        self.random = random.Random(seed)
        self.quirks = quirks
        self.servers = [self._make_server(number) for number in range(SERVERS)]
        self.proxies: dict[str, list[Proxy]] = {}
        self.people: list[Person] = []
        self.calls: list[Call] = []
        self.chats: list[Chat] = []
        self.healed = False
        self.report = Report(seed)
        self._work: set[asyncio.Task[None]] = set()
        self._faults: list[asyncio.Task[None]] = []
        self._locks = [asyncio.Lock() for _ in range(SERVERS)]

    def _make_server(self, number: int, port: int = 0) -> LocalServer:
        # Some of the five behave well all the same: the client must not depend on a fault.
        quirky = self.quirks and number != self.seed % SERVERS
        if quirky:
            return QuirkyServer(Quirks.all(), port=port)
        if self.folder is not None:
            return LocalServer(port=port, store=f"sqlite:///{self.folder}/s{number}.db", grace=GRACE)
        return LocalServer(port=port)

    def count(self, what: str, times: int = 1) -> None:
        self.report.counts[what] += times

    def problem(self, text: str) -> None:
        self.report.problems.append(text)

    def work(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(coroutine)
        self._work.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.problem(f"{task} raised {task.exception()!r}")

    # agents

    async def agent(self, number: int) -> None:
        """Ask until there is an answer, as a patient agent does."""
        rng = random.Random(f"{self.seed}/agent{number}")
        server = rng.randrange(SERVERS)
        client = AgentClient(self.servers[server].url, "team", agent_name=f"agent{number}", project_directory="/p")
        # Some use one id again and again, for whatever they ask, as long as the server lets them.
        used = f"id-of-agent{number}" if number % 4 == 0 else None
        await asyncio.sleep(rng.uniform(0, STORM))
        for attempt in itertools.count():
            call = Call(f"agent{number} try {attempt} on s{server}", server, used is not None)
            self.calls.append(call)
            ask = client.ask_question if number % 3 else client.work_report
            impatient = rng.random() < (0.6 if used else 0.15) and not self.healed
            patience = rng.uniform(0, 0.3) if impatient else None
            try:
                answer = await asyncio.wait_for(ask(call.text, timeout=60, request_id=used), patience)
            except asyncio.TimeoutError:
                call.error = "hung up"
                self.count("agents hung up")
                continue
            except AgentError as error:
                call.error = type(error).__name__
                self.count(f"agent: {call.error}")
                if used and isinstance(error, RequestRefusedError):  # the id has its answer
                    used = f"{used}+"
                await asyncio.sleep(0.05)
                continue
            call.answer = answer.text
            self.count("agents answered")
            return

    # faults

    async def storm(self) -> None:
        """Let things go wrong for a while."""
        rng = random.Random(f"{self.seed}/storm")
        end = asyncio.get_running_loop().time() + STORM
        faults = [
            self._cut, self._cut_one, self._cut_frame, self._delay, self._stall, self._hole, self._throttle,
            self._restart, self._switch, self._rename, self._retry, self._change_address, self._change_token,
        ]  # fmt: skip
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(rng.uniform(0.005, 0.08))
            self._faults.append(self.work(rng.choice(faults)(rng)))

    def _proxy(self, rng: random.Random) -> Proxy:
        return rng.choice(self.proxies[rng.choice(self.people).name])

    async def _cut(self, rng: random.Random) -> None:
        self._proxy(rng).cut()

    async def _cut_one(self, rng: random.Random) -> None:
        self._proxy(rng).cut(0)

    async def _cut_frame(self, rng: random.Random) -> None:
        self._proxy(rng).cut_in_frame(rng.choice(("up", "down")), rng.randrange(1, 40))

    async def _delay(self, rng: random.Random) -> None:
        proxy = self._proxy(rng)
        proxy.delay = rng.uniform(0, 0.04)
        await asyncio.sleep(rng.uniform(0.05, 0.3))
        proxy.delay = 0.0

    async def _stall(self, rng: random.Random) -> None:
        proxy = self._proxy(rng)
        proxy.stalled = True
        await asyncio.sleep(rng.uniform(0.02, 0.3))
        proxy.stalled = False

    async def _hole(self, rng: random.Random) -> None:
        proxy = self._proxy(rng)
        proxy.hole = True
        await asyncio.sleep(rng.uniform(0.02, 0.4))
        proxy.hole = False

    async def _throttle(self, rng: random.Random) -> None:
        proxy = self._proxy(rng)
        proxy.rate = rng.choice((5_000, 50_000))
        await asyncio.sleep(rng.uniform(0.05, 0.3))
        proxy.rate = None

    async def _restart(self, rng: random.Random) -> None:
        if rng.random() < 0.5:
            return
        number = rng.randrange(SERVERS)
        async with self._locks[number]:
            server = self.servers[number]
            await server.stop()
            await asyncio.sleep(rng.uniform(0, 0.1))
            self.servers[number] = await self._make_server(number, int(server.http_url.rpartition(":")[2])).start()

    async def _stop_servers(self) -> None:
        for server in self.servers:
            await server.stop()

    async def _switch(self, rng: random.Random) -> None:
        inbox, name = rng.choice(self.people).inbox, f"s{rng.randrange(SERVERS)}"
        inbox.update_server(name, enabled=False)
        pause = rng.choice((0, 0, 0.05, 0.2))
        if pause:
            await asyncio.sleep(pause)
        inbox.update_server(name, enabled=True)

    async def _rename(self, rng: random.Random) -> None:
        person = rng.choice(self.people)
        person.inbox.set_nickname(f"{person.name}!{rng.randrange(100)}")

    async def _retry(self, rng: random.Random) -> None:
        rng.choice(self.people).inbox.reconnect()

    async def _change_address(self, rng: random.Random) -> None:
        inbox, number = rng.choice(self.people).inbox, rng.randrange(SERVERS)
        right = inbox.servers[number].url
        if "?" in right:
            return
        inbox.update_server(f"s{number}", url=f"{right}?moved")
        await asyncio.sleep(rng.choice((0, 0.03)))
        inbox.update_server(f"s{number}", url=right)

    async def _change_token(self, rng: random.Random) -> None:
        if rng.random() < 0.8:
            return
        inbox = rng.choice(self.people).inbox
        inbox.set_token("elsewhere")
        await asyncio.sleep(rng.choice((0, 0.1)))
        inbox.set_token("team")

    async def heal(self) -> None:
        """End every fault; from here on nothing may be lost."""
        await asyncio.wait(self._faults)
        for proxy in itertools.chain(*self.proxies.values()):
            proxy.heal()
        await asyncio.sleep(0.05)  # until everybody has heard of the connections that were beyond help
        self.healed = True

    # the whole

    async def run(self) -> None:
        """Live through the storm, then check everything."""
        loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self._stop_servers)
            for server in self.servers:
                await server.start()
            for name in ("me", "bob", "eve"):
                self.proxies[name] = [await stack.enter_async_context(Proxy(server.url)) for server in self.servers]
                self.people.append(Person(name, self, diligent=name == "me"))
            for person in self.people:
                person.inbox.reconnect()
            lives = [self.work(person.live()) for person in self.people]
            agents = [self.work(self.agent(number)) for number in range(AGENTS)]
            await self.storm()
            await self.heal()
            began = loop.time()
            _, waiting = await asyncio.wait(agents, timeout=HEALED_WITHIN)
            self.report.counts["heal ms"] = int(1000 * (loop.time() - began))
            for task in waiting:
                self.problem(f"LOST: an agent waits on after {HEALED_WITHIN:g} s")
                task.cancel()
            await self._until(self._calm, 10)
            for task in lives:
                task.cancel()
            await self._until(lambda: not self._work, 10)
            self._check()
            for person in self.people:
                person.inbox.close()
        self._check_history()
        for task in self._work:
            task.cancel()

    async def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while not condition() and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    def _calm(self) -> bool:
        return all(
            person.inbox.connected_count == SERVERS
            and all(m.status not in ("pending", "sending") for m in person.inbox.messages)
            and len(person.inbox.users) == SERVERS * (len(self.people) - 1)
            for person in self.people
        )

    def _check(self) -> None:
        calls = {call.text: call for call in self.calls}
        for person in self.people:
            self._check_replies(person, calls)
            self._check_inbox(person, calls)
        self._check_answers(calls)
        self._check_chats()

    def _check_replies(self, person: Person, calls: dict[str, Call]) -> None:
        for attempt in person.deliveries:
            call = calls[attempt.question]
            if attempt.outcome is None:
                self.problem(f"never settled: {attempt.text}")
            elif attempt.outcome == "" and call.error == "hung up":
                self.count("delivered to an agent that hung up in that moment")
            elif attempt.outcome == "" and call.answer != attempt.text:
                self.problem(f"FALSE REPLIED: {attempt.text!r}, but its agent got {call.answer!r}")
        claimed = Counter(attempt.question for attempt in person.deliveries if attempt.outcome == "")
        for question, times in claimed.items():
            if times > 1:
                self.problem(f"DUPLICATED: delivered {times} times: {question}")

    def _check_inbox(self, person: Person, calls: dict[str, Call]) -> None:
        shown = Counter(message.text for message in person.inbox.messages if message.kind != "chat")
        for text, times in shown.items():
            if times > 1:
                self.problem(f"DUPLICATED: {person.name} sees {times} times {text}")
        for message in person.inbox.messages:
            call = calls.get(message.text)
            if message.status in ("pending", "sending"):
                self.problem(f"{person.name} still sees {message.status}: {message.text}")
            elif call and f"s{call.server}" != message.server_name:
                self.problem(f"MISROUTED: {message.text} stands under {message.server_name}")
            elif call and call.error != "hung up" and self._claims_another(message, call):
                self.problem(f"FALSE REPLIED: {person.name} sees {message.reply}, agent got {call.answer!r}")
        names = sorted(f"{user.nickname}@{user.server_name}" for user in person.inbox.users)
        right = sorted(
            f"{other.inbox.nickname}@s{n}" for n in range(SERVERS) for other in self.people if other is not person
        )
        if names != right:
            self.problem(f"{person.name} sees online {names}, not {right}")
        for status in person.inbox.statuses.values():
            if status.state != "connected" or status.error:
                self.problem(f"{person.name} is left at {status.state}: {status.error}")

    def _check_history(self) -> None:
        """The next kernel finds what the person has seen to the end."""
        person = self.people[0]
        seen = {message.id: (message.status, message.text, message.reply) for message in person.inbox.messages}
        history = History(PROFILE, entry=lambda _id: None, trouble=self.problem)
        history.open(0)
        messages = [entry.message for entry in history.entries()]
        kept = {message.id: (message.status, message.text, message.reply) for message in messages}
        history.close()
        self.count("messages kept on disk", len(kept))
        for message_id in seen.keys() | kept.keys():
            if seen.get(message_id) != kept.get(message_id):
                self.problem(f"HISTORY: {kept.get(message_id)} stands for {seen.get(message_id)}")
        left = [thread.name for thread in threading.enumerate() if thread.name.startswith("ipymultichat")]
        if left:
            self.problem(f"LEAKED: threads {left}")

    def _claims_another(self, message: Message, call: Call) -> bool:
        return message.reply is not None and message.reply.mine and message.reply.text != call.answer

    def _check_answers(self, calls: dict[str, Call]) -> None:
        attempts = [attempt for person in self.people for attempt in person.deliveries]
        claimed = {attempt.text for attempt in attempts if attempt.outcome == ""}
        given = {attempt.text: attempt.question for attempt in attempts}
        for call in calls.values():
            if call.answer is None:
                continue
            if given.get(call.answer) != call.text:
                # They match by the id alone: what is on its way while an agent asks anew under its id is taken for it.
                if (
                    self.quirks
                    and call.reused
                    and given.get(call.answer, "").split(" try")[0] == call.text.split(" try")[0]
                ):
                    self.count("taken by such a server for an answer to the next question with its id")
                else:
                    self.problem(f"MISROUTED: {call.text!r} got {call.answer!r}")
            if call.answer not in claimed:
                self.count("answered, but nobody could prove it")

    def _check_chats(self) -> None:
        received = {
            person.name: Counter(m.text for m in person.inbox.messages if m.status == "received")
            for person in self.people
        }
        for chat in self.chats:
            times = received[chat.receiver][chat.text]
            others = sum(counts[chat.text] for name, counts in received.items() if name != chat.receiver)
            self.count("chats")
            if times > 1 or others:
                self.problem(f"chat came {times} times, {others} times to others: {chat.text}")
            elif chat.sent and not times and self._stood(chat):
                self.problem(f"LOST: a chat that was called sent: {chat.text}")
            elif chat.sent and not times:
                # The server took it while the receiver's half-dead connection counted as online: nobody can know.
                self.count("chats the server took for a receiver whose connection then broke")
            elif not chat.sent and not chat.error:
                self.problem(f"chat never settled: {chat.text}")
            elif not chat.sent and times and "may have arrived" not in chat.error and "proved" not in chat.error:
                self.problem(f"chat arrived, yet failed without a doubt: {chat.error}")

    def _stood(self, chat: Chat) -> bool:
        """Whether the connection that was written to stands to this day, to a server that loses nothing by itself."""
        inbox = next(person.inbox for person in self.people if person.name == chat.receiver)
        pool = hub_of(inbox).connections._pool
        link = pool.link(inbox.servers[chat.server].id) if pool is not None else None
        same = link is not None and link.session.client_id == chat.client_id
        return same and not isinstance(self.servers[chat.server], QuirkyServer)


class _Errors(logging.Handler):
    """Collects what is logged as an error, by anybody."""

    def __init__(self, problem: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._problem = problem

    def emit(self, record: logging.LogRecord) -> None:
        self._problem(
            f"logged: {record.getMessage()} {record.exc_info[1]!r}" if record.exc_info else record.getMessage()
        )


async def _live(seed: int, quirks: bool, folder: str | None) -> Report:
    world = World(seed, quirks=quirks, folder=folder)
    before = asyncio.all_tasks()
    handler = _Errors(world.problem)
    logging.getLogger().addHandler(handler)
    began = time.perf_counter()
    try:
        await world.run()
        end = asyncio.get_running_loop().time() + 3
        while (left := asyncio.all_tasks() - before) and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for task in left:
            world.problem(f"LEAKED: {task.get_coro()}")
        for _ in range(5):  # sockets that were closed a moment ago are let go in the next rounds of the loop
            await asyncio.sleep(0)
    finally:
        logging.getLogger().removeHandler(handler)
    world.report.seconds = time.perf_counter() - began
    return world.report


@contextlib.contextmanager
def environment(folder: str) -> Iterator[None]:
    """Keep profiles in a folder of this run."""
    before = os.environ.get("MULTICHAT_CONFIG_DIR")
    os.environ["MULTICHAT_CONFIG_DIR"] = folder
    try:
        yield
    finally:
        os.environ.pop("MULTICHAT_CONFIG_DIR")
        if before is not None:
            os.environ["MULTICHAT_CONFIG_DIR"] = before


def run_seed(seed: int, *, quirks: bool = False, durable: bool = False) -> Report:
    """Run one schedule; returns its `Report`. Warnings, lost exceptions and logged errors count as problems."""
    lost: list[str] = []
    hook, sys.unraisablehook = sys.unraisablehook, lambda args: lost.append(repr(args.exc_value))
    try:
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder, environment(folder):
            warnings.simplefilter("error")
            report = asyncio.run(_live(seed, quirks, folder if durable else None))
    finally:
        sys.unraisablehook = hook
    report.problems += [f"unraisable: {text}" for text in lost]
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--quirks", action="store_true")
    parser.add_argument("--durable", action="store_true", help="servers that keep what they hold in SQLite")
    options = parser.parse_args()
    logging.getLogger("ipymultichat").addHandler(logging.NullHandler())
    logging.getLogger("ipymultichat").setLevel(logging.ERROR)
    total: Counter[str] = Counter()
    failed, began, slowest = 0, time.perf_counter(), 0.0
    heals = []
    for seed in range(options.first, options.first + options.seeds):
        report = run_seed(seed, quirks=options.quirks, durable=options.durable)
        heals.append(report.counts.pop("heal ms"))
        total += report.counts
        slowest = max(slowest, report.seconds)
        failed += bool(report.problems)
        for problem in report.problems:
            print(f"seed {seed}: {problem}", flush=True)
    heals.sort()
    kind = " with quirks" if options.quirks else " with stores" if options.durable else ""
    print(f"{options.seeds} seeds{kind}: {failed} with problems", end=", ")
    print(f"{time.perf_counter() - began:.0f} s in all, slowest {slowest:.1f} s")
    print(f"last answer after the healing: median {heals[len(heals) // 2]} ms, longest {heals[-1]} ms")
    for what, times in sorted(total.items()):
        print(f"{times:8} {what}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
