"""The command line: `ipymultichat demo / serve / ask / mcp / store`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ipymultichat import __version__
from ipymultichat.cli import ask, demo, mcp, serve, store
from ipymultichat.errors import MultiChatError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments without the program's name; None: those of the process.

    Returns:
        The exit code: 0 when all went well, 2 for a wrong argument; each command's help lists its own.
    """
    parser = argparse.ArgumentParser(prog="ipymultichat", description="One inbox in Jupyter for many chat servers.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (demo, serve, ask, mcp, store):
        module.add_parser(commands)
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except (MultiChatError, ImportError) as error:
        print(f"ipymultichat: {error}", file=sys.stderr)
        return 2
