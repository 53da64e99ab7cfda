"""The extras of the package: what each is for, and a small thing that needs just that one.

Run by the Python of an environment that has the wheel with one extra, it does that thing: `extras.py server`. With
`missing` and some extras, it checks that what lacks them names the remedy: `extras.py missing lab mcp`.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import NamedTuple

TOKEN = "team"
NOWHERE = "http://127.0.0.1:9"
DATABASE = "PACKAGE_DATABASE"
"""The variable with the address of the PostgreSQL that the extra `postgres` is tried on."""


class Extra(NamedTuple):
    """In the words of the page: what it is for, and what `check` does; and how its lack is met, if it can be told."""

    purpose: str
    tried: str
    check: Callable[[], None]
    lack: Callable[[], str] | None = None
    lacks_within: str = "none"


def none() -> None:
    from ipymultichat import Chat, MultiChat
    from ipymultichat.agent import AgentClient

    assert AgentClient(NOWHERE, TOKEN)
    for inbox in (Chat(profile=":memory:"), MultiChat(profile=":memory:")):
        assert inbox.server_count == 0
        inbox.close()


def lab() -> None:
    import sidecar

    assert sidecar.Sidecar
    _, listed = run("-m", "jupyter", "labextension", "list")
    assert f"ipymultichat v{version('ipymultichat')} enabled OK" in unstyled(listed), listed


def server() -> None:
    asyncio.run(_answered("memory:"))


def postgres() -> None:
    asyncio.run(_answered(os.environ[DATABASE]))


async def _answered(store: str) -> None:
    """A question of an agent is answered by a person, on a server with this store."""
    from ipymultichat import Chat
    from ipymultichat.agent import AgentClient
    from ipymultichat.server import LocalServer

    async with LocalServer(token=TOKEN, store=store) as made, Chat([made.url], token=TOKEN, profile=":memory:") as chat:
        await chat.connect()
        asked = asyncio.ensure_future(AgentClient(made.url, TOKEN).ask_question("Deploy?", timeout=60))
        await chat.reply(await chat.wait_for(kind="question", timeout=60), "after lunch")
        assert (await asked).text == "after lunch"


def metrics() -> None:
    import httpx

    from ipymultichat.server import LocalServer

    async def read() -> str:
        async with LocalServer(metrics=True) as made, httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(f"{made.http_url}/metrics")).text

    assert "# TYPE ipymultichat_" in asyncio.run(read())


def mcp() -> None:
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    async def tools() -> set[str]:
        program = StdioServerParameters(
            command=sys.executable, args=["-m", "ipymultichat", "mcp", "--server", NOWHERE, "--token", TOKEN]
        )
        async with Client(stdio_client(program), mode="legacy") as client:
            return {tool.name for tool in (await client.list_tools()).tools}

    assert asyncio.run(tools()) == {"ask_question", "work_report", "approve", "await_answer"}


def data() -> None:
    import pandas as pd

    from ipymultichat import Chat
    from ipymultichat.contents import contents_of

    chat = Chat(profile=":memory:")
    assert "text" in chat.to_dataframe().columns
    chat.close()
    (table,) = contents_of((pd.DataFrame({"lr": [0.001]}),))
    assert "| 0.001 |" in str(table)


def completion() -> None:
    _, written = run("-m", "ipymultichat", "--completion", "bash")
    assert "complete -o" in written


def demo() -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "ipymultichat", "demo", "--no-browser"], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    try:
        assert any("http://127.0.0.1:" in line for line in program.stdout), "the demo told no address"
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait(60)


def run(*arguments: str) -> tuple[int, str]:
    """Run this Python; returns its exit code, and all that it wrote."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def unstyled(text: str) -> str:
    """Text without what colours it in a terminal."""
    return text.replace("\x1b[32m", "").replace("\x1b[0m", "")


def refused(*arguments: str) -> Callable[[], str]:
    """What the command line says that lacks something, with exit code 2."""

    def told() -> str:
        code, written = run("-m", "ipymultichat", *arguments)
        assert code == 2, written
        return written

    return told


def no_side_panel() -> str:
    from ipymultichat import MultiChat

    return failing(lambda: MultiChat(profile=":memory:").sidebar())


def no_data_frame() -> str:
    from ipymultichat import Chat

    return failing(lambda: Chat(profile=":memory:").to_dataframe())


def no_metrics() -> str:
    """The server serves on without them, and its log says so."""
    from ipymultichat.server import LocalServer

    async def serve() -> None:
        async with LocalServer(metrics=True):
            pass

    logging.getLogger("ipymultichat.server").addHandler(logging.StreamHandler(log := io.StringIO()))
    asyncio.run(serve())
    return log.getvalue()


def failing(call: Callable[[], object]) -> str:
    try:
        call()
    except ImportError as error:
        return str(error)
    raise AssertionError("it worked")


EXTRAS = {
    "none": Extra("the widget, `Chat`, the agent's side", "an empty inbox and an agent are made", none),
    "lab": Extra(
        "JupyterLab, and the side panel that a cell opens", "JupyterLab lists the extension", lab, no_side_panel
    ),
    "server": Extra(
        "the embedded server: `LocalServer`, `ipymultichat serve`",
        "an agent's question is answered on it",
        server,
        refused("serve", "--port", "0"),
    ),
    "postgres": Extra(
        "the server's store in PostgreSQL; with `server`",
        "the same, with a PostgreSQL",
        postgres,
        refused("serve", "--port", "0", "--store", "postgresql://nobody@127.0.0.1:9/none"),
        "server",
    ),
    "metrics": Extra(
        "the server's `/metrics`; with `server`",
        "they are read",
        metrics,
        no_metrics,
        "server",
    ),
    "mcp": Extra(
        "tools of agents by MCP",
        "`ipymultichat mcp` lists its tools over stdio",
        mcp,
        refused("mcp", "--server", NOWHERE, "--token", TOKEN),
    ),
    "data": Extra(
        "data frames, as answers and of messages", "a frame of messages, a frame as an answer", data, no_data_frame
    ),
    "completion": Extra(
        "the shell's completion of `ipymultichat`", "bash's is printed", completion, refused("--completion", "bash")
    ),
    "demo": Extra("`ipymultichat demo`: `lab` and `server`", "the demo starts", demo, refused("demo", "--no-browser")),
}
"""`none` is the package without any."""


def missing(names: list[str]) -> None:
    """Check that what needs these extras names them, here where they are not installed."""
    for name in names:
        lack = EXTRAS[name].lack
        assert lack is not None
        told = lack().replace("'", '"')
        assert f'pip install "ipymultichat[{name}]"' in told, f"{name}: {told}"


if __name__ == "__main__":
    if sys.argv[1] == "missing":
        missing(sys.argv[2:])
    else:
        EXTRAS[sys.argv[1]].check()
