"""A call that breaks is made again where the server keeps what it was asked, and nowhere else."""

import asyncio
import gzip
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from durable import DURABLE, DurableServer, Step, answer, hang_up, hold, page, say, stopping
from waiting import until

from ipymultichat.agent import AgentClient, calls, health
from ipymultichat.agent import client as client_module
from ipymultichat.agent.calls import Calls, Pace
from ipymultichat.errors import AgentError, AgentTimeoutError, ClosedError, RequestRefusedError, ServerUnreachableError


class Clock:
    """Time that passes only while somebody sleeps; `then` is done after the sleep of that number."""

    def __init__(self, random: float = 1.0) -> None:
        self.time = 1000.0
        self.slept: list[float] = []
        self.then: dict[int, Callable[[], Awaitable[None]]] = {}
        self.pace = Pace(now=lambda: self.time, sleep=self._sleep, random=lambda: random)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)
        if (action := self.then.get(len(self.slept))) is not None:
            await action()


def agent_of(server: DurableServer, clock: Clock | None = None, *, retry: bool = True) -> AgentClient:
    client = AgentClient(server.url, "team", retry=retry)
    if clock is not None:
        client._calls = Calls(retry=retry, pace=clock.pace)
    return client


UNANSWERED = {
    "a broken connection": hang_up,
    "half an answer": say(b"HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\ncontent-length: 9\r\n\r\n\x1a"),
    "a server that stops": stopping,
    "502 of a proxy": say(page("502 Bad Gateway", b"<html>", "text/html")),
    "503 of a proxy": say(page("503 Service Unavailable", b"<html>", "text/html")),
    "504 of a proxy": say(page("504 Gateway Timeout", b"<html>", "text/html")),
    "unavailable under another status": say(page("500 Broken", b'{"code": "unavailable"}')),
}


@pytest.mark.parametrize("first", UNANSWERED.values(), ids=UNANSWERED)
async def test_a_call_without_an_answer_is_made_again_as_it_was_and_gets_it(first: Step) -> None:
    async with DurableServer(first, answer("yes")).running() as server:
        assert await agent_of(server, Clock()).ask_question("Deploy?") == "yes"
    assert len(server.calls) == 2
    assert server.calls[0] == server.calls[1]
    assert len(server.ids[0]) == 32


async def test_a_report_is_made_again_too() -> None:
    async with DurableServer(hang_up, answer("thanks")).running() as server:
        assert await agent_of(server, Clock()).work_report("all done") == "thanks"
    assert [path.rpartition("/")[2] for path, _ in server.calls] == ["WorkReport"] * 2
    assert server.calls[0] == server.calls[1]


async def test_a_server_that_is_away_between_two_tries_is_tried_until_it_is_back() -> None:
    clock = Clock()
    async with DurableServer(hang_up, answer("yes")).running() as server:

        async def away() -> None:
            server.refuse()

        clock.then = {1: away, 4: server.listen}
        assert await agent_of(server, clock).ask_question("Deploy?") == "yes"
    assert clock.slept == [0.25, 0.5, 1.0, 2.0]


async def test_what_a_server_can_is_asked_once_and_before_the_first_call() -> None:
    async with DurableServer(hang_up, answer("1"), answer("2"), hang_up, answer("3")).running() as server:
        calls_before: list[int] = []

        async def before_the_call(server: DurableServer, writer: asyncio.StreamWriter) -> None:
            calls_before.append(len(server.calls))
            await say(page("200 OK", DURABLE))(server, writer)

        server.health = before_the_call
        agent = agent_of(server, Clock())
        assert [await agent.ask_question("?") for _ in range(3)] == ["1", "2", "3"]
        assert calls_before == [0]


async def test_calls_side_by_side_ask_once_what_a_server_can() -> None:
    async with DurableServer(*[hang_up] * 5, *[answer("yes")] * 5).running() as server:
        agent = agent_of(server, Clock())
        assert await asyncio.gather(*(agent.ask_question("?") for _ in range(5))) == ["yes"] * 5
        assert server.asked == 1


async def test_pauses_double_up_to_the_longest_and_are_spread() -> None:
    wide = list(itertools.islice(Pace(random=lambda: 1.0).pauses(), 9))
    assert wide == [0.25, 0.5, 1, 2, 4, 8, 10, 10, 10]
    assert list(itertools.islice(Pace(random=lambda: 0.0).pauses(), 9)) == [pause / 2 for pause in wide]
    pauses = {next(Pace().pauses()) for _ in range(20)}
    assert len(pauses) > 1
    assert all(0.125 <= pause < 0.25 for pause in pauses)


async def test_after_a_long_try_pauses_begin_anew() -> None:
    clock = Clock()

    async def long_break(server: DurableServer, writer: asyncio.StreamWriter) -> None:
        clock.time += calls.LONGEST_PAUSE + 1

    async with DurableServer(hang_up, hang_up, long_break, hang_up, answer("yes")).running() as server:
        assert await agent_of(server, clock).ask_question("?") == "yes"
    assert clock.slept == [0.25, 0.5, 0.25, 0.5]


async def test_no_try_begins_after_the_timeout_and_the_last_reason_is_told() -> None:
    clock = Clock()
    async with DurableServer(*[hang_up] * 5, *[stopping] * 50).running() as server:
        with pytest.raises(ServerUnreachableError) as caught:
            await agent_of(server, clock).ask_question("?", timeout=60)
        tries = len(server.calls)
    assert clock.slept[:7] == [0.25, 0.5, 1, 2, 4, 8, 10]
    assert sum(clock.slept) == 60
    assert tries == len(clock.slept)
    said = f"no answer in {tries} tries within 60 s; the last one: http://{server.url[5:]} is not available: "
    assert str(caught.value) == said + "the server is stopping"
    assert caught.value.meta["code"] == "unavailable"


async def test_a_try_under_way_ends_with_the_whole_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "DEADLINE_MARGIN", 0)
    async with DurableServer(hang_up, hold).running() as server:
        with pytest.raises(AgentTimeoutError, match="within 1 s; its answer is overdue"):
            await agent_of(server, Clock()).ask_question("?", timeout=1)
        assert len(server.calls) == 2
        await until(lambda: server.open == 0)


async def test_without_retry_there_is_one_try_and_no_question_of_health() -> None:
    async with DurableServer(hang_up, answer("yes")).running() as server:
        with pytest.raises(ServerUnreachableError, match="broke before the answer"):
            await agent_of(server, retry=False).ask_question("?")
        assert (len(server.calls), server.asked) == (1, 0)


def flood(kind: str) -> Step:
    """A gigabyte, if it is read."""

    async def step(server: DurableServer, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n\r\n".encode())
        for _ in range(2**13):
            writer.write(bytes(2**17))
            await writer.drain()

    return step


BOMB = gzip.compress(DURABLE + b" " * 2**20)
OTHERS = {
    "the word of other servers": say(page("200 OK", b"OK", "text/plain")),
    "nothing there": say(page("404 Not Found", DURABLE)),
    "not durable": say(page("200 OK", b'{"status": "ok", "durable": false}')),
    "no word of it": say(page("200 OK", b'{"status": "ok"}')),
    "something like true": say(page("200 OK", b'{"durable": "true"}')),
    "a page": say(page("200 OK", b"<html>", "text/html")),
    "no object": say(page("200 OK", b"[true]")),
    "no text": say(page("200 OK", b"\xff\xfe")),
    "nested without end": say(page("200 OK", b"[" * 10_000)),
    "a number without end": say(page("200 OK", b"9" * 10_000)),
    "a redirect": say(b"HTTP/1.1 302 Found\r\nlocation: /there/health\r\ncontent-length: 0\r\n\r\n"),
    "a gigabyte": flood("application/json"),
    "more than a little": say(page("200 OK", DURABLE + b" " * health.MAX_HEALTH)),
    "a bomb": say(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%s" % (len(BOMB), BOMB)),
    "a broken connection": hang_up,
    "silence": hold,
}


@pytest.mark.parametrize("said", OTHERS.values(), ids=OTHERS)
async def test_a_server_that_does_not_say_that_it_keeps_questions_sees_one_try(
    said: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "HEALTH_SECONDS", 0.2 if said is hold else 5)
    async with DurableServer(hang_up, answer("twice"), health=said).running() as server:
        agent = agent_of(server)
        with pytest.raises(ServerUnreachableError, match="broke before the answer"):
            await agent.ask_question("?")
        assert len(server.calls) == 1
        # Before the call; and when it broke, unless it was known by then.
        assert server.asked == (1 if agent._calls._health.known else 2)
        await until(lambda: server.open == 0)


@pytest.mark.parametrize("said", OTHERS.values(), ids=OTHERS)
async def test_whatever_a_server_says_of_itself_the_answer_comes(said: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "HEALTH_SECONDS", 0.2 if said is hold else 5)
    async with DurableServer(answer("yes"), health=said).running() as server:
        assert await agent_of(server).ask_question("?") == "yes"
        await until(lambda: server.open == 0)


@pytest.mark.parametrize("said", OTHERS.values(), ids=OTHERS)
async def test_whatever_a_server_says_of_itself_to_read_it_fails_in_no_way(
    said: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "HEALTH_SECONDS", 0.2 if said is hold else 5)
    async with DurableServer(health=said).running() as server, httpx.AsyncClient(trust_env=False) as http:
        asked = health.Health()
        await asked.learn(http, f"http{server.url[2:]}")
        assert asked.known in (None, health.Abilities())


async def test_a_server_that_said_nothing_of_itself_is_asked_again_with_the_next_call() -> None:
    async with DurableServer(hang_up, hang_up, answer("yes"), health=hang_up).running() as server:
        agent = agent_of(server, Clock())
        with pytest.raises(ServerUnreachableError):
            await agent.ask_question("?")
        server.health = say(page("200 OK", DURABLE))
        assert await agent.ask_question("?") == "yes"
        assert server.asked == 3


@pytest.mark.parametrize(
    "first",
    [
        say(page("504 Late", b'{"code": "deadline_exceeded"}')),
        say(page("499 Gone", b'{"code": "canceled"}')),
        say(page("400 Bad", b'{"code": "invalid_argument"}')),
        say(page("200 OK", b"<html>", "text/html")),
    ],
    ids=["deadline_exceeded", "canceled", "invalid_argument", "a page"],
)
async def test_what_is_an_answer_of_the_server_is_not_asked_again(first: Step) -> None:
    async with DurableServer(first, answer("twice")).running() as server:
        with pytest.raises(AgentError) as caught:
            await agent_of(server, Clock()).ask_question("?")
        assert not isinstance(caught.value, ServerUnreachableError)
        assert len(server.calls) == 1


@pytest.mark.parametrize("said", [say(page("200 OK", DURABLE)), hold], ids=["said", "silent"])
async def test_a_cancelled_call_leaves_no_task_and_no_connection(said: Step) -> None:
    async with DurableServer(health=said).running() as server, agent_of(server) as agent:
        call = asyncio.create_task(agent.ask_question("?"))
        await until(lambda: server.asked and (server.calls or said is hold))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: server.open == 0)
        assert ours() == []


@pytest.mark.parametrize("said", [say(page("200 OK", DURABLE)), hold], ids=["said", "silent"])
async def test_an_answered_call_leaves_no_task_and_no_connection(said: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "HEALTH_SECONDS", 0.2 if said is hold else 5)
    async with DurableServer(answer("yes"), health=said).running() as server, agent_of(server) as agent:
        assert await agent.ask_question("?") == "yes"
        assert ours() == []
        await until(lambda: server.open == 0)


def ours() -> list[asyncio.Task[Any]]:
    """Tasks besides those of the test and its server."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    return [task for task in others if "durable" not in repr(task) and "start_server" not in repr(task)]


async def test_a_call_that_breaks_because_its_client_is_closed_says_so_at_once() -> None:
    clock = Clock()

    async def close(server: DurableServer, writer: asyncio.StreamWriter) -> None:
        await until(lambda: agent._calls._health.known)
        await agent.aclose()

    async with DurableServer(close).running() as server:
        agent = agent_of(server, clock)
        async with agent:
            with pytest.raises(ServerUnreachableError, match="broke before the answer"):
                await agent.ask_question("?")
    assert clock.slept == []


async def test_a_call_is_not_made_again_once_its_client_is_closed() -> None:
    clock = Clock()
    async with DurableServer(hang_up, answer("yes")).running() as server:
        agent = agent_of(server, clock)
        clock.then = {1: agent.aclose}
        async with agent:
            with pytest.raises(ClosedError):
                await agent.ask_question("?")
        assert len(server.calls) == 1


def too_often(seconds: str) -> Step:
    head = f"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\nconnection: close\r\nretry-after: {seconds}\r\n\r\n"
    return say(head.encode())


async def test_who_asks_too_often_asks_again_when_the_server_says_but_not_later_than_after_the_longest_pause() -> None:
    clock = Clock()
    async with DurableServer(too_often("3"), too_often("999"), too_often("soon"), hang_up).running() as server:
        with pytest.raises(RequestRefusedError) as refused:
            await agent_of(server, clock).ask_question("Deploy?")
    assert refused.value.meta["http_status"] == "429"
    assert clock.slept == [3.0, 10.0]


async def test_who_asks_too_often_hears_so_when_its_time_is_over_before() -> None:
    clock = Clock()
    async with DurableServer(too_often("9"), too_often("9")).running() as server:
        with pytest.raises(RequestRefusedError, match="HTTP 429"):
            await agent_of(server, clock).ask_question("Deploy?", timeout=10)
    assert clock.slept == [9.0]
