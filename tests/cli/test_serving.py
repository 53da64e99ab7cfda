"""`ipymultichat serve` in operation: what it prints, and how it ends."""

import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from chat_person import Person
from kills import Balancer
from postgres import Postgres
from processes import ServerProcess
from waiting import until

from ipymultichat.agent import AgentClient
from ipymultichat.cli.logs import JsonFormatter
from ipymultichat.wire import agentassist_pb2 as pb

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
TOKEN = "hunter2hunter2"


@pytest.fixture
def made() -> Iterator[list[ServerProcess]]:
    servers: list[ServerProcess] = []
    yield servers
    for server in servers:
        server.kill()


async def started(made: list[ServerProcess], *options: str) -> ServerProcess:
    made.append(ServerProcess(TOKEN, 0, options))
    return await asyncio.to_thread(made[-1].start)


async def ended(server: ServerProcess) -> int:
    assert server.process is not None
    return await asyncio.to_thread(server.process.wait, 30)


async def status(server: ServerProcess, path: str) -> int:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"http://127.0.0.1:{server.port}{path}")).status_code


async def logged_in(url: str) -> Person:
    person = await Person.connect(url)
    await person.login(TOKEN, "ada-lovelace")
    return person


@posix_only
@pytest.mark.parametrize("options", [["--log-json"], ["--log-json", "--log-level", "info"]])
async def test_each_line_of_the_servers_life_is_an_object_and_nothing_in_it_is_secret(options: list[str]) -> None:
    program = [sys.executable, "-m", "ipymultichat", "serve", "--port", "0", "--store", "memory:", "--token", TOKEN]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*program, *options, stdout=pipe, stderr=pipe, start_new_session=True)
    try:
        url = (await child.stdout.readline()).decode().split()[-1]
        ada = await logged_in(url)
        await ada.leave()
        eve = await Person.connect(url)
        await eve.send(Cmd="UserLogin", StrParam="guess", Nickname="eve")
        await eve.closed()
    finally:
        child.terminate()
    _, text = await child.communicate()
    lines = [json.loads(line) for line in text.decode().splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert {line["logger"] for line in lines} == {"ipymultichat.server"}
    told = [line["message"] for line in lines]
    assert told[0] == f"started: {url}"
    assert told[-2:] == ["stopping", "stopped"]
    (come,) = (line for line in lines if "has logged in" in line["message"])
    (gone,) = (line for line in lines if "has left" in line["message"])
    assert (come["client"], come["team"]) == (gone["client"], gone["team"]) == (ada.client_id, come["team"])
    assert ("1 wrong token from 127.0.0.1", "warning") in [(line["message"], line["level"]) for line in lines]
    for secret in (TOKEN, "ada-lovelace", "guess"):
        assert secret not in text.decode()


@posix_only
async def test_warnings_alone_are_printed_unless_more_is_asked_for() -> None:
    program = [sys.executable, "-m", "ipymultichat", "serve", "--port", "0", "--store", "memory:"]
    for options, lines in (([], 0), (["--log-level", "error"], 0), (["--log-level", "info"], 3)):
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *program, *options, stdout=pipe, stderr=pipe, start_new_session=True
        )
        await child.stdout.readline()
        child.terminate()
        _, text = await child.communicate()
        assert len(text.splitlines()) == lines, text


def test_what_a_record_has_besides_and_a_traceback_stand_in_the_same_line() -> None:
    fault: Any = (ValueError, ValueError("no\nluck"), None)
    record = logging.LogRecord("a.b", logging.ERROR, "f", 1, "it %s", ("failed",), fault)
    record.created = 1_750_000_000.25
    record.client = "c1"
    record.odd = {1, 2}.__class__
    line = JsonFormatter().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert told.pop("exception").endswith("ValueError: no\nluck")
    assert told == {
        "time": "2025-06-15T15:06:40.250+00:00",
        "level": "error",
        "logger": "a.b",
        "message": "it failed",
        "client": "c1",
        "odd": "<class 'set'>",
    }


@posix_only
async def test_who_is_told_to_end_says_so_at_ready_first_serves_on_and_ends_at_once_when_told_again(
    made: list[ServerProcess],
) -> None:
    server = await started(made, "--store", "memory:", "--drain", "3600")
    ada = await logged_in(server.url)
    assert await status(server, "/ready") == 200
    server.signal(signal.SIGTERM)
    while await status(server, "/ready") != 503:
        pass
    assert await status(server, "/health") == 200
    asking = asyncio.ensure_future(AgentClient(server.url, TOKEN).ask_question("ok?"))
    await ada.reply((await ada.expect("AskQuestion")).AskQuestionRequest, "yes")
    assert (await asking).text == "yes"
    server.signal(signal.SIGTERM)
    assert await ended(server) == 128 + signal.SIGTERM
    assert await ada.closed() == 1006


@posix_only
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_agents_whose_server_is_ended_get_their_answers_from_the_next_one(
    made: list[ServerProcess], kind: str, tmp_path: Path
) -> None:
    with contextlib.ExitStack() as stack:
        store = f"sqlite:///{tmp_path}/requests.db"
        if kind == "postgresql":
            database = await asyncio.to_thread(Postgres)
            stack.callback(database.stop)
            store = database.make("drained")
        options = ["--store", store, "--hold", "--drain", "0.1"]
        first = await started(made, *options)
        ports = [first.port]
        if kind == "postgresql":
            second = await started(made, *options)
            ports.append(second.port)
        ada = await logged_in(first.url)
        way = Balancer([first.port])
        url = f"ws://127.0.0.1:{await way.start()}"
        agents = [AgentClient(url, TOKEN), AgentClient(url, TOKEN)]
        questions = zip(agents, ("one", "two"), strict=True)
        asking = [asyncio.ensure_future(agent.ask_question(text, timeout=60)) for agent, text in questions]
        try:
            for _ in asking:
                await ada.expect("AskQuestion")
            await until(lambda: all(agent._calls._health.known for agent in agents))
            way.ports(ports)
            first.signal(signal.SIGTERM)
            assert await ada.closed() == 1012
            assert await ended(first) == 0
            if kind == "sqlite":
                first.kill()
                second = await asyncio.to_thread(first.start)
            bob = await logged_in(second.url)
            wanted = pb.GetPendingMessagesRequest(user_token=TOKEN)
            await bob.send(Cmd="GetPendingMessages", GetPendingMessagesRequest=wanted)
            while (told := await bob.next()).Cmd != "GetPendingMessages":
                assert told.Cmd == "RequestState"  # the agents are back
            for message in told.GetPendingMessagesResponse.pending_messages:
                asked = message.ask_question_request
                await bob.reply(asked, f"yes to {asked.Request.Question}")
            assert sorted([(await call).text for call in asking]) == ["yes to one", "yes to two"]
            await bob.leave()
        finally:
            for call in asking:
                call.cancel()
            await asyncio.wait(asking)
            await way.stop()
