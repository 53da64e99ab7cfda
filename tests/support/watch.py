"""Builds the bundle again whenever its sources change, beside a demo whose notebook shows each change at once.

Arguments are those of `ipymultichat demo`.
"""

import os
import sys
from pathlib import Path

from ipymultichat.cli import main
from ipymultichat.cli.children import Children

BUILD = Path(__file__).parents[2] / "hatch_build.py"


def watch(options: list[str]) -> int:
    """Run both until Ctrl-C; returns the demo's exit code."""
    os.environ["ANYWIDGET_HMR"] = "1"
    with Children() as children:
        children.start("Vite", [sys.executable, str(BUILD), "run", "watch"], os.environ)
        return main(["demo", *options])


if __name__ == "__main__":
    sys.exit(watch(sys.argv[1:]))
