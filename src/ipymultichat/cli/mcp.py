"""`ipymultichat mcp`: the tools for an agent that starts its MCP servers itself, and what to put into its settings."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import signal
import sys
from typing import Any

from ipymultichat.agent.address import rpc_base
from ipymultichat.agent.setup import CLIENTS, Access, agent_setup
from ipymultichat.cli.ask import add_token_options, token_from
from ipymultichat.errors import ConfigError

URL = "ws://localhost:2000"


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
        choices=[name for name in CLIENTS if name != "shell"],
        help="print what to put into the settings of an agent, and to stderr, where, instead of serving; it names "
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
    rpc_base(url)  # says what is wrong with it
    if args.config is not None:
        given = {"--name": args.name, "--profile": args.profile, "--token-file": args.token_file}
        options = tuple(part for name, value in given.items() if value for part in (name, value))
        finds_token = bool(args.profile or args.token_file)
        setup = agent_setup(args.config, Access(url, options, finds_token=finds_token))
        print(f"for {setup.where}:", file=sys.stderr)
        print(setup)
        return 0
    token = token_from(args, url)
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
