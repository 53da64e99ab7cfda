"""`ipymultichat mcp`: the tools in a process of their own, in front of a server."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from chat_person import Person, text_part
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_agent import ERAS, Handle, Poller, data, poll, question_for, task_call, words
from waiting import until

from ipymultichat.agent.bridge import Bridge
from ipymultichat.cli import main
from ipymultichat.mcp.port import Waits
from ipymultichat.mcp.tools import Tools
from ipymultichat.server import LocalServer
from ipymultichat.wire import agentassist_pb2 as pb

PROGRAM = ["-c", "import sys; from ipymultichat.cli import main; sys.exit(main())", "mcp"]


@contextlib.asynccontextmanager
async def bridged(server: LocalServer, era: str = "legacy", *options: str) -> AsyncIterator[Client]:
    """Start the program as an agent does, and connect to it."""
    environment = {**os.environ, "MULTICHAT_TOKEN": "team", "MULTICHAT_URL": server.url}
    program = StdioServerParameters(command=sys.executable, args=[*PROGRAM, *options], env=environment)
    async with Client(stdio_client(program), mode=era) as client:
        yield client


@contextlib.asynccontextmanager
async def bridge_to(server: LocalServer, **waits: float) -> AsyncIterator[Client]:
    """Connect to the same tools within this process."""
    bridge = Bridge(server.url, "team")
    async with Client(Tools(bridge, lambda _: "", Waits(**waits)).server(), mode="legacy") as client:
        yield client
    await bridge.close()


def ask(text: str) -> dict[str, Any]:
    return {"question": text, "timeout": 60}


@pytest.mark.parametrize("era", ERAS)
async def test_an_agent_asks_two_questions_at_once_through_a_pipe(server: LocalServer, ada: Person, era: str) -> None:
    async with bridged(server, era, "--name", "bot") as agent:
        assert [tool.name for tool in (await agent.list_tools()).tools] == [
            "ask_question",
            "work_report",
            "approve",
            "await_answer",
        ]
        calls = [asyncio.ensure_future(agent.call_tool("ask_question", ask(text))) for text in ("one", "two")]
        asked = {(question := await question_for(ada)).Request.Question: question for _ in calls}
        assert {question.Request.AgentName for question in asked.values()} == {"bot"}
        assert {question.Request.ProjectDirectory for question in asked.values()} == {str(Path.cwd())}
        await ada.reply(asked["two"], "2")
        assert data(await calls[1]) == {"status": "answered", "answer": "2", "by": "ada", "id": asked["two"].ID}
        await ada.reply(asked["one"], "1")
        assert words(await calls[0]) == "1"


def knows_the_server(bridge: Bridge) -> bool:
    """Whether its clients have heard what the server can, which they ask beside their first call."""
    return all(client._calls._health.known is not None for client in bridge._clients.values())


async def test_a_call_that_its_client_cancels_withdraws_its_question(tmp_path: Path) -> None:
    async with LocalServer(store=f"sqlite:///{tmp_path}/requests.db") as server:
        ada = await Person.connect(server.url)
        await ada.login("team", "ada")
        bridge = Bridge(server.url, "team")
        async with Client(Tools(bridge, lambda _: "").server(), mode="legacy") as agent:
            call = asyncio.ensure_future(agent.call_tool("ask_question", ask("ok?")))
            asked = await question_for(ada)
            await until(lambda: knows_the_server(bridge))
            call.cancel()
            while (message := await ada.next()).Cmd != "RequestCancelled":
                assert message.StrParam == "away"  # the connection breaks a moment before
            assert message.RequestCancelledNotification.request_id == asked.ID
        await bridge.close()
        await ada.leave()


async def test_the_question_of_an_agent_that_goes_waits_on_where_the_server_keeps_it(tmp_path: Path) -> None:
    async with LocalServer(store=f"sqlite:///{tmp_path}/requests.db") as server:
        ada = await Person.connect(server.url)
        await ada.login("team", "ada")
        async with bridged(server) as agent:
            call = asyncio.ensure_future(agent.call_tool("ask_question", ask("ok?")))
            asked = await question_for(ada)
        state = await ada.expect("RequestState")
        assert (state.StrParam, list(state.CheckMessageValidityRequest.request_ids)) == ("away", [asked.ID])
        assert await ada.pending(asked.ID) == {asked.ID: True}
        await asyncio.wait({call})
        assert call.exception() is not None
        await ada.leave()


async def test_an_agent_whose_client_gives_a_call_up_gets_the_answer_without_an_id(
    server: LocalServer, ada: Person
) -> None:
    async with bridged(server) as agent:
        with pytest.raises(MCPError, match="timed out"):
            await agent.call_tool("ask_question", ask("ok?"), read_timeout_seconds=0.5)
        asked = await question_for(ada)
        assert await ada.pending(asked.ID) == {asked.ID: True}
        await ada.reply(asked, "yes")
        assert data(await agent.call_tool("await_answer", {}))["answer"] == "yes"


async def test_nobody_online_is_said_as_such(server: LocalServer) -> None:
    async with bridge_to(server) as agent:
        result = await agent.call_tool("ask_question", ask("ok?"))
    assert (result.is_error, data(result)["status"]) == (True, "no_humans")


async def test_a_server_that_is_away_is_named_without_the_token() -> None:
    async with LocalServer() as server:
        pass
    async with bridge_to(server) as agent:
        result = await agent.call_tool("work_report", {"summary": "done"})
    assert (result.is_error, data(result)["status"]) == (True, "refused")
    assert f"no connection to {server.http_url}" in words(result)
    assert "team" not in words(result)


async def test_an_answer_that_comes_after_the_call_ended_is_had_with_the_id(server: LocalServer, ada: Person) -> None:
    async with bridge_to(server, silent=0.05) as agent:
        result = await agent.call_tool("ask_question", ask("ok?"))
        asked = await question_for(ada)
        assert (data(result)["status"], data(result)["id"]) == ("waiting", asked.ID)
        image = pb.McpResultContent(type=2, image=pb.ImageContent(type="image", data="AAAA", mime_type="image/png"))
        answer = pb.AskQuestionResponse(ID=asked.ID, contents=[text_part("yes"), image])
        await ada.send(Cmd="AskQuestionReply", AskQuestionRequest=asked, AskQuestionResponse=answer)
        await until(lambda: server._relay is not None and not server._relay.state.waiting)
        answered = await agent.call_tool("await_answer", {"id": asked.ID})
        assert data(answered)["answer"] == "yes"
        assert [part.type for part in answered.content] == ["text", "image"]
        unknown = await agent.call_tool("await_answer", {"id": "no such"})
        assert unknown.is_error
        assert "no question has the id 'no such'" in words(unknown)


async def test_questions_are_tasks_to_clients_that_take_them(server: LocalServer, ada: Person) -> None:
    bridge = Bridge(server.url, "team")
    tools = Tools(bridge, lambda _: "", Waits(poll=0.01)).server()
    async with Client(tools, mode="2026-07-28", extensions=[Poller()]) as agent:
        call = asyncio.ensure_future(agent.call_tool("ask_question", ask("ok?")))
        await ada.reply(await question_for(ada), "yes")
        assert words(await call) == "yes"
        handle = await agent.session.call_tool("ask_question", ask("ok?"), allow_claimed=True)
        assert isinstance(handle, Handle)
        assert handle.task_id == (await question_for(ada)).ID
        await until(lambda: knows_the_server(bridge))
        await task_call(agent.session, "tasks/cancel", handle.task_id)
        while (message := await ada.next()).Cmd != "RequestCancelled":
            assert message.StrParam == "away"
        assert message.RequestCancelledNotification.request_id == handle.task_id
        assert (await poll(agent.session, handle.task_id)).status == "cancelled"
    await bridge.close()


async def test_a_task_outlives_the_program_it_was_asked_through(tmp_path: Path) -> None:
    async with LocalServer(store=f"sqlite:///{tmp_path}/requests.db") as server:
        ada = await Person.connect(server.url)
        await ada.login("team", "ada")

        def program(bridge: Bridge) -> Client:
            tools = Tools(bridge, lambda _: "", Waits(poll=0.01)).server()
            return Client(tools, mode="2026-07-28", extensions=[Poller()])

        first, second, third = (Bridge(server.url, "team") for _ in range(3))
        handles = {}
        async with program(first) as agent:
            for text in ("ok?", "sure?"):
                handle = await agent.session.call_tool("ask_question", ask(text), allow_claimed=True)
                assert isinstance(handle, Handle)
                handles[text] = handle.task_id
            asked = [await question_for(ada) for _ in handles]
            await first.close()  # its connections break, as of a program that ends
        async with program(second) as agent:
            assert (await poll(agent.session, handles["ok?"])).status == "working"
            assert (await poll(agent.session, handles["sure?"])).status == "working"
            await task_call(agent.session, "tasks/cancel", handles["sure?"])
            while (message := await ada.next()).Cmd != "RequestCancelled":
                assert message.StrParam in ("away", "back")
            assert message.RequestCancelledNotification.request_id == handles["sure?"]
            call = asyncio.ensure_future(agent.call_tool("await_answer", {"id": handles["ok?"]}))
            await ada.reply(asked[0], "yes")
            assert data(await call)["answer"] == "yes"
            await second.close()
        async with program(third) as agent:
            state = await poll(agent.session, handles["ok?"])
            assert state.result is not None
            assert data(state.result)["answer"] == "yes"
            assert (await poll(agent.session, handles["sure?"])).status == "cancelled"
            await third.close()
        await ada.leave()


def run(*args: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MULTICHAT_")}
    return subprocess.run(
        [sys.executable, *PROGRAM, *args],
        env={**environment, **variables},
        input="",
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_the_program_ends_with_its_pipe_and_prints_nothing() -> None:
    ended = run(MULTICHAT_TOKEN="team")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_without_a_token_it_says_so_on_stderr() -> None:
    ended = run()
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "no token: set $MULTICHAT_TOKEN" in ended.stderr


def test_without_the_sdk_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["mcp", "--token", "team"]) == 2
    assert "pip install 'ipymultichat[mcp]'" in capsys.readouterr().err


STDIO = ["mcp", "--server", "wss://chat.example/ws"]


@pytest.mark.parametrize(
    ("client", "where", "settings"),
    [
        (
            "claude-code",
            ".mcp.json in the project",
            {
                "mcpServers": {
                    "multichat": {
                        "type": "http",
                        "url": "https://chat.example/mcp",
                        "headers": {"Authorization": "Bearer ${MULTICHAT_TOKEN}"},
                    }
                }
            },
        ),
        (
            "cursor",
            ".cursor/mcp.json in the project",
            {
                "mcpServers": {
                    "multichat": {
                        "command": "ipymultichat",
                        "args": STDIO,
                        "env": {"MULTICHAT_TOKEN": "${env:MULTICHAT_TOKEN}"},
                    }
                }
            },
        ),
        (
            "vscode",
            ".vscode/mcp.json in the project",
            {
                "servers": {
                    "multichat": {
                        "type": "stdio",
                        "command": "ipymultichat",
                        "args": STDIO,
                        "env": {"MULTICHAT_TOKEN": "${env:MULTICHAT_TOKEN}"},
                    }
                }
            },
        ),
        (
            "opencode",
            "opencode.json in the project",
            {
                "$schema": "https://opencode.ai/config.json",
                "mcp": {
                    "multichat": {
                        "type": "local",
                        "command": ["ipymultichat", *STDIO],
                        "environment": {"MULTICHAT_TOKEN": "{env:MULTICHAT_TOKEN}"},
                        "timeout": 3_600_000,
                    }
                },
            },
        ),
    ],
)
def test_settings_name_the_file_and_the_variable_never_the_token(
    client: str, where: str, settings: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mcp", "--config", client, "--server", "wss://chat.example/ws", "--token", "hunter2"]) == 0
    out, err = capsys.readouterr()
    assert err == f"for {where}:\n"
    assert json.loads(out) == settings


def test_settings_of_codex_are_toml(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mcp", "--config", "codex", "--server", "wss://chat.example/ws", "--name", "bot"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "[mcp_servers.multichat]",
        'command = "ipymultichat"',
        'args = ["mcp", "--server", "wss://chat.example/ws", "--name", "bot"]',
        'env_vars = ["MULTICHAT_TOKEN"]',
        "tool_timeout_sec = 3600",
    ]
