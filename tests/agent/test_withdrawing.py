"""A call that is given up withdraws its question where the server offers that."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable

import anyio
import pytest
from durable import DURABLE, DurableServer, Step, hang_up, hold, page, say
from waiting import until

from ipymultichat.agent import AgentClient, Answer, calls
from ipymultichat.agent import client as client_module
from ipymultichat.agent.calls import Calls, Pace
from ipymultichat.errors import AgentTimeoutError


async def asked(server: DurableServer, agent: AgentClient) -> None:
    """Wait until the question is there, and the agent knows what the server can."""
    await until(lambda: server.calls and agent._calls._health.known)


async def by_task(call: Callable[[], Awaitable[Answer]], ready: Callable[[], Awaitable[object]]) -> None:
    task = asyncio.ensure_future(call())
    await ready()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def by_scope(call: Callable[[], Awaitable[Answer]], ready: Callable[[], Awaitable[None]]) -> None:
    ended = []

    async def ask() -> None:
        try:
            await call()
        finally:
            ended.append(True)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await ready()
        tasks.cancel_scope.cancel()
    assert ended == [True]


async def by_time(call: Callable[[], Awaitable[Answer]], ready: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.ensure_future(call())
    await ready()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(task, 0)


WAYS = [by_task, by_scope, by_time]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["ask_question", "work_report"])
async def test_a_cancelled_call_withdraws_its_question_once(
    way: Callable[[Callable[[], Awaitable[Answer]], Callable[[], Awaitable[None]]], Awaitable[None]], method: str
) -> None:
    async with DurableServer().running() as server:
        agent = AgentClient(server.url, "tökén ✓")
        await way(lambda: getattr(agent, method)("Still there?"), lambda: asked(server, agent))
        assert server.withdrawn == [("Bearer tökén ✓", {"id": server.ids[0]})]
        await until(lambda: server.open == 0)


class Pausing:
    """A pause between two tries that does not end."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.calls = Calls(retry=True, pace=Pace(sleep=self._sleep))

    async def _sleep(self, seconds: float) -> None:
        self.begun.set()
        await asyncio.sleep(3600)


async def test_a_call_cancelled_between_two_tries_withdraws_its_question() -> None:
    async with DurableServer(hang_up).running() as server:
        agent, pausing = AgentClient(server.url, "team"), Pausing()
        agent._calls = pausing.calls
        await by_task(lambda: agent.ask_question("?"), lambda: until(pausing.begun.is_set))
        assert server.withdrawn == [("Bearer team", {"id": server.ids[0]})]


async def test_a_call_that_is_cancelled_after_its_client_was_closed_just_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "ipymultichat.agent")
    async with DurableServer(hang_up).running() as server, AgentClient(server.url, "team") as agent:
        pausing = Pausing()
        agent._calls = pausing.calls

        async def ready() -> None:
            await pausing.begun.wait()
            await agent.aclose()

        await by_task(lambda: agent.ask_question("?"), ready)
        assert server.withdrawn == []
    assert "a question was not withdrawn" in caplog.text


async def test_a_call_that_its_own_deadline_ends_withdraws_its_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "DEADLINE_MARGIN", 0)
    async with DurableServer().running() as server:
        with pytest.raises(AgentTimeoutError, match="its answer is overdue"):
            await AgentClient(server.url, "team").ask_question("?", timeout=1)
        assert server.withdrawn == [("Bearer team", {"id": server.ids[0]})]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (hold, "took longer than"),
        (hang_up, "broke before the answer"),
        (say(page("404 Not Found")), "answered HTTP 404"),
        (say(page("200 OK", b"x" * 20_000)), "more than 16,384 bytes"),
        (say(page("200 OK", b"team") + b"\r\n"), None),
    ],
    ids=["slow", "broken", "refused", "large", "odd"],
)
@pytest.mark.parametrize("way", WAYS)
async def test_a_withdrawal_that_fails_is_told_to_the_log_alone_and_holds_nobody(
    way: Callable[[Callable[[], Awaitable[Answer]], Callable[[], Awaitable[None]]], Awaitable[None]],
    said: Step,
    words: str | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "ipymultichat.agent")
    monkeypatch.setattr(calls, "WITHDRAW_SECONDS", 1 if said is hold else 30)
    async with DurableServer().running() as server:
        server.withdrawal = said
        agent = AgentClient(server.url, "hunter2")
        await way(lambda: agent.ask_question("?"), lambda: asked(server, agent))
        assert len(server.withdrawn) == 1
        await until(lambda: server.open == 0)
    told = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "ipymultichat.agent"]
    assert [level for level, _ in told] == ([] if words is None else ["DEBUG"])
    assert words is None or words in told[0][1]
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    ("said", "retry"),
    [(b"OK", True), (b'{"durable": true}', True), (b'{"durable": true, "withdraw": 1}', True), (DURABLE, False)],
    ids=["another server", "not offered", "not clearly offered", "not asked"],
)
async def test_where_no_withdrawal_is_offered_the_end_of_the_connection_is_all_that_is_sent(
    said: bytes, retry: bool
) -> None:
    async with DurableServer(health=say(page("200 OK", said))).running() as server:
        agent = AgentClient(server.url, "team", retry=retry)

        async def ready() -> None:
            await until(lambda: server.calls and (not retry or server.asked) and server.open == 1)

        await by_task(lambda: agent.ask_question("?"), ready)
        await until(lambda: server.open == 0)
        assert server.withdrawn == []


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
async def test_ctrl_c_withdraws_the_question_of_a_shell() -> None:
    program = [sys.executable, "-c", "import sys; from ipymultichat.cli import main; sys.exit(main())"]
    async with DurableServer(hang_up).running() as server:
        child = await asyncio.create_subprocess_exec(
            *program, "ask", server.url, "Still there?", "--id", "mine",
            env={**os.environ, "MULTICHAT_TOKEN": "team"}, start_new_session=True,
        )  # fmt: skip
        await until(lambda: len(server.calls) == 2, 30)  # so it knows what the server can
        child.send_signal(signal.SIGINT)
        assert await child.wait() == 130
        assert server.withdrawn == [("Bearer team", {"id": "mine"})]
