"""Programs of others, as they are, ask by MCP; the answer is typed in a real browser. Run by `make peers`."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import peers
import pytest
from lab_page import TOKEN, Notebook
from mcp_agent import agent_of, words
from playwright.sync_api import expect
from processes import ServerProcess
from scripted_model import ScriptedModel

pytestmark = [pytest.mark.browser, pytest.mark.peers, pytest.mark.timeout(600)]

CLAUDE = {
    "ANTHROPIC_API_KEY": "none",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "ENABLE_TOOL_SEARCH": "false",  # the model's script knows the tools from the start
}
OPENCODE = {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"}


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    peers.install()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


@pytest.fixture
def mcp(servers: dict[str, ServerProcess]) -> str:
    """Where the server "Work" takes calls by MCP."""
    return f"{servers['Work'].url.replace('ws:', 'http:').removesuffix('/ws')}/mcp"


def answered(notebook: Notebook, agent: str, text: str, answer: str) -> None:
    """Type an answer to an agent's question."""
    card = notebook.card(f"Question from {agent} on Work", text)
    card.get_by_role("textbox", name="Your answer").fill(answer)
    card.get_by_role("button", name="Reply", exact=True).click()
    expect(card).to_contain_text("replied")


def by_python(url: str, text: str) -> str:
    async def call() -> str:
        async with agent_of(url.removesuffix("/mcp"), "legacy", TOKEN) as agent:
            return words(await agent.call_tool("ask_question", {"question": text, "agent_name": "python"}))

    return asyncio.run(call())


def by_node(url: str, text: str) -> str:
    arguments = json.dumps({"question": text, "agent_name": "node"})
    return str(
        json.loads(peers.output("node", "call.mjs", url, TOKEN, "ask_question", arguments))["content"][0]["text"]
    )


def by_inspector(url: str, text: str) -> str:
    tool = ["--method", "tools/call", "--tool-name", "ask_question", "--tool-arg", f"question={text}"]
    sent = ["--tool-arg", "agent_name=inspector", "--header", f"Authorization: Bearer {TOKEN}"]
    said = peers.output("inspector", "--cli", url, "--transport", "http", *tool, *sent)
    return str(json.loads(said)["content"][0]["text"])


CLIENTS: dict[str, Callable[[str, str], str]] = {"python": by_python, "node": by_node, "inspector": by_inspector}


def test_three_clients_at_once_each_get_what_is_typed_for_them(
    notebook: Notebook, mcp: str, threads: ThreadPoolExecutor
) -> None:
    calls = {name: threads.submit(ask, mcp, f"Which way, asks {name}?") for name, ask in CLIENTS.items()}
    for name in calls:
        answered(notebook, name, f"Which way, asks {name}?", f"to {name}")
    assert {name: call.result(60) for name, call in calls.items()} == {name: f"to {name}" for name in calls}


def settings_for(client: str, server: ServerProcess) -> dict[str, Any]:
    """Return the settings that `ipymultichat mcp --config` prints."""
    command = [sys.executable, "-m", "ipymultichat", "mcp", "--server", server.url, "--config", client]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    made: dict[str, Any] = json.loads(said)
    return made


def opencode(model: ScriptedModel, folder: Path, mcp: dict[str, Any], *_: str) -> str:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{model.url}/v1", "apiKey": "none"},
        "models": {"script": {"name": "script", "tool_call": True}},
    }
    settings = {"provider": {"scripted": provider}, "model": "scripted/script", "small_model": "scripted/script", **mcp}
    (folder / "opencode.json").write_text(json.dumps({"autoupdate": False, "share": "disabled", **settings}))
    homes = {f"XDG_{name}_HOME": str(folder / name) for name in ("CONFIG", "DATA", "CACHE", "STATE")}
    config = {"OPENCODE_CONFIG": str(folder / "opencode.json"), "MULTICHAT_TOKEN": TOKEN, "HOME": str(folder)}
    return peers.output("opencode", "run", "Deploy the thing", cwd=folder, **homes, **config, **OPENCODE)


def claude(model: ScriptedModel, folder: Path, mcp: dict[str, Any], *options: str) -> str:
    (folder / "mcp.json").write_text(json.dumps(mcp))
    given = ["-p", "Deploy the thing", "--mcp-config", "mcp.json", "--strict-mcp-config", *options]
    variables = {"HOME": str(folder), "MULTICHAT_TOKEN": TOKEN, "ANTHROPIC_BASE_URL": model.url, **CLAUDE}
    return peers.output("claude", *given, cwd=folder, **variables)


def test_opencode_asks_through_the_server_itself_and_goes_on_with_the_typed_answer(
    notebook: Notebook, mcp: str, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    headers = {"Authorization": "Bearer {env:MULTICHAT_TOKEN}"}
    remote = {"mcp": {"chat": {"type": "remote", "url": mcp, "headers": headers, "oauth": False, "timeout": 3_600_000}}}
    with ScriptedModel("ask_question", {"question": "Deploy by HTTP?"}) as model:
        program = threads.submit(opencode, model, tmp_path, remote)
        answered(notebook, "opencode", "Deploy by HTTP?", "only on Monday")
        assert "The tool said: only on Monday" in program.result(60)


def test_opencode_asks_with_the_settings_that_are_printed(
    notebook: Notebook, servers: dict[str, ServerProcess], threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    settings = settings_for("opencode", servers["Work"])
    del settings["$schema"]
    with ScriptedModel("ask_question", {"question": "Deploy by stdio?"}) as model:
        program = threads.submit(opencode, model, tmp_path, settings)
        answered(notebook, "opencode", "Deploy by stdio?", "never on Friday")
        assert "The tool said: never on Friday" in program.result(60)


def test_claude_code_asks_with_the_settings_that_are_printed(
    notebook: Notebook, servers: dict[str, ServerProcess], threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    settings = settings_for("claude-code", servers["Work"])
    with ScriptedModel("ask_question", {"question": "Deploy by Claude?"}) as model:
        allowed = ["--allowedTools", "mcp__multichat__ask_question"]
        program = threads.submit(claude, model, tmp_path, settings, *allowed)
        answered(notebook, "claude-code", "Deploy by Claude?", "after lunch")
        assert '"answer":"after lunch"' in program.result(60)


@pytest.mark.parametrize("decision", ["Allow", "Deny"])
def test_claude_code_has_its_tools_allowed_or_denied_by_a_click(
    notebook: Notebook,
    servers: dict[str, ServerProcess],
    threads: ThreadPoolExecutor,
    tmp_path: Path,
    decision: str,
) -> None:
    settings = settings_for("claude-code", servers["Work"])
    command = {"command": f"touch {decision}.made", "description": "Make a file"}
    with ScriptedModel("Bash", command) as model:
        options = ["--permission-prompt-tool", "mcp__multichat__approve"]
        program: Future[str] = threads.submit(claude, model, tmp_path, settings, *options)
        card = notebook.card("Approval from claude-code on Work", f"{decision}.made")
        card.get_by_role("textbox", name="Your answer").fill("" if decision == "Allow" else "not here")
        card.get_by_role("button", name=decision).click()
        assert ("not here" in program.result(60)) == (decision == "Deny")
    assert (tmp_path / f"{decision}.made").exists() == (decision == "Allow")


def test_who_gives_up_after_a_minute_gets_the_answer_that_came_after_ninety_seconds(
    notebook: Notebook, mcp: str, threads: ThreadPoolExecutor
) -> None:
    arguments = json.dumps({"question": "Worth a long thought?", "agent_name": "node"})
    program = threads.submit(peers.output, "node", "call.mjs", mcp, TOKEN, "ask_question", arguments, "60000", "100000")
    card = notebook.card("Question from node on Work", "Worth a long thought?")
    notebook.page.wait_for_timeout(90_000)
    expect(card).to_contain_text("pending")
    answered(notebook, "node", "Worth a long thought?", "yes, at last")
    said = [json.loads(line) for line in program.result(60).splitlines()]
    assert "timed out" in said[0]["error"]
    assert said[1]["content"][0]["text"] == "yes, at last"
