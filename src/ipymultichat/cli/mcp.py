"""`ipymultichat mcp`: the tools for an agent that starts its MCP servers itself, and what to put into its settings."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

from ipymultichat.agent.address import rpc_base
from ipymultichat.cli.ask import add_token_options, token_from
from ipymultichat.errors import ConfigError

URL = "ws://localhost:2000"

NAME = "multichat"
"""What the server is called in the settings of agents."""

LONGEST = 3600
"""Seconds that a client is told to wait for a tool, where it can be told."""


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "mcp",
        help="let an agent ask people by MCP, over its standard input and output",
        description="Serves the tools ask_question, work_report, approve and await_answer over standard input and "
        "output, in front of any server of the protocol. `ipymultichat serve` offers them by itself, at /mcp.",
        epilog="exit codes: 0 the agent closed the pipe; 2 a wrong argument, no token, or the [mcp] extra is missing; "
        "130 Ctrl-C. What goes wrong is written to stderr. When the agent ends, what it asked waits on where the "
        "server keeps questions",
    )
    parser.add_argument("--server", metavar="URL", help=f"the server (default: $MULTICHAT_URL, else {URL})")
    add_token_options(parser)
    parser.add_argument("--name", default="", help="who asks, as people see it, where the agent does not say it")
    parser.add_argument(
        "--config",
        choices=tuple(CLIENTS),
        help="print what to put into the settings of an agent, and where, instead of serving; it names "
        "$MULTICHAT_TOKEN, and holds no token",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until the pipe is closed, or print settings.

    Returns:
        0.

    Raises:
        ConfigError: an argument cannot be used, or there is no token.
        ImportError: the packages of the `[mcp]` extra are missing.
    """
    url = args.server or os.environ.get("MULTICHAT_URL") or URL
    base = rpc_base(url)
    if args.config is not None:
        print(CLIENTS[args.config](base, ["mcp", "--server", url, *(["--name", args.name] if args.name else [])]))
        return 0
    token = token_from(args)
    if importlib.util.find_spec("mcp") is None:
        raise ConfigError("the package 'mcp' is missing: pip install 'ipymultichat[mcp]'")
    # The thread that reads standard input cannot be interrupted; and whoever is killed has hung up.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(_serve(url, token, args.name))
    return 0


async def _serve(url: str, token: str, name: str) -> None:
    from ipymultichat.agent.bridge import Bridge
    from ipymultichat.mcp.stdio import serve_stdio
    from ipymultichat.mcp.tools import Tools

    bridge = Bridge(url, token)
    await serve_stdio(Tools(bridge, lambda _: "", agent_name=name), bridge.close)


def _json(where: str, settings: Mapping[str, object]) -> str:
    return f"// {where}\n{json.dumps(settings, indent=2, ensure_ascii=False)}"


def _claude_code(base: str, _: list[str]) -> str:
    server = {
        "type": "http",
        "url": f"{base}/mcp",
        "headers": {"Authorization": "Bearer ${MULTICHAT_TOKEN}"},
    }
    return _json(".mcp.json in the project (leave this line out)", {"mcpServers": {NAME: server}})


def _codex(_: str, arguments: list[str]) -> str:
    return "\n".join(
        [
            "# ~/.codex/config.toml",
            f"[mcp_servers.{NAME}]",
            'command = "ipymultichat"',
            f"args = {json.dumps(arguments, ensure_ascii=False)}",
            'env_vars = ["MULTICHAT_TOKEN"]',
            f"tool_timeout_sec = {LONGEST}",
        ]
    )


def _cursor(_: str, arguments: list[str]) -> str:
    server = {"command": "ipymultichat", "args": arguments, "env": {"MULTICHAT_TOKEN": "${env:MULTICHAT_TOKEN}"}}
    return _json(".cursor/mcp.json in the project (leave this line out)", {"mcpServers": {NAME: server}})


def _vscode(_: str, arguments: list[str]) -> str:
    environment = {"MULTICHAT_TOKEN": "${env:MULTICHAT_TOKEN}"}
    server = {"type": "stdio", "command": "ipymultichat", "args": arguments, "env": environment}
    return _json(".vscode/mcp.json in the project", {"servers": {NAME: server}})


def _opencode(_: str, arguments: list[str]) -> str:
    server = {
        "type": "local",
        "command": ["ipymultichat", *arguments],
        "environment": {"MULTICHAT_TOKEN": "{env:MULTICHAT_TOKEN}"},
        "timeout": LONGEST * 1000,
    }
    settings = {"$schema": "https://opencode.ai/config.json", "mcp": {NAME: server}}
    return _json("opencode.json in the project", settings)


CLIENTS: Mapping[str, Callable[[str, list[str]], str]] = {
    "claude-code": _claude_code,
    "codex": _codex,
    "cursor": _cursor,
    "vscode": _vscode,
    "opencode": _opencode,
}
"""Agents whose settings are known, and what makes them of the server's HTTP address and the program's arguments."""
