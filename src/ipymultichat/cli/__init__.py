"""The command line: `ipymultichat demo / serve / ask / mcp / store`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from ipymultichat import __version__
from ipymultichat.cli import ask, demo, mcp, serve, store
from ipymultichat.errors import MultiChatError

COMMANDS = (demo, serve, ask, mcp, store)
"""A module each, which adds its parser."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments without the program's name; None: those of the process.

    Returns:
        The exit code: 0 when all went well, 2 for a wrong argument; each command's help lists its own.
    """
    parser = argparse.ArgumentParser(prog="ipymultichat", description="One inbox in Jupyter for many chat servers.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(
        "--completion",
        action=_PrintCompletion,
        choices=("bash", "zsh", "tcsh"),
        help="print what makes this shell complete the command, for its start-up file",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_parser(commands)
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except (MultiChatError, ImportError) as error:
        print(f"ipymultichat: {error}", file=sys.stderr)
        return 2


class _PrintCompletion(argparse.Action):
    """Prints a shell's completion of the whole command line, and ends."""

    def __call__(self, parser: argparse.ArgumentParser, _namespace: object, shell: Any, _option: object = None) -> None:
        try:
            import shtab
        except ImportError:
            parser.error('completion needs one more package: pip install "ipymultichat[completion]"')
        print(shtab.complete(parser, shell))
        parser.exit()
