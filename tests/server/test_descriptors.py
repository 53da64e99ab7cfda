"""A server whose process may open few files, or none any more."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from chat_person import Person

from ipymultichat.server import Limits
from ipymultichat.server.acceptor import RESERVE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")

FEW = "ulimit -n 64; exec "
PROGRAM = f"{sys.executable} -c 'import sys; from ipymultichat.cli import main; sys.exit(main())' serve --port 0"

FULL = """
import asyncio, logging, sys
from ipymultichat.server import LocalServer, acceptor

acceptor.PAUSE = 0.01
lines, tries = [], []

class Lines(logging.Handler):
    def emit(self, record):
        lines.append(record.getMessage())

async def main():
    logging.getLogger().addHandler(Lines())
    loop = asyncio.get_running_loop()
    accept = loop.sock_accept
    loop.sock_accept = lambda listening: tries.append(1) or accept(listening)
    async with LocalServer() as server:
        print(server.url, flush=True)
        files = []
        while True:
            try:
                files.append(open("/dev/null"))
            except OSError:
                break
        print("full", flush=True)
        while len(tries) < 5:
            await asyncio.sleep(0.01)
        print("tried", flush=True)
        while files:
            files.pop().close()
        await loop.run_in_executor(None, sys.stdin.readline)
    print(lines, flush=True)

asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def running(command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_shell(
        command, stdin=pipe, stdout=pipe, stderr=pipe, env=os.environ, start_new_session=True
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def line(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None
    return (await asyncio.wait_for(stream.readline(), 30)).decode().strip()


def say(child: asyncio.subprocess.Process) -> None:
    assert child.stdin is not None
    child.stdin.write(b"\n")


async def test_a_server_that_may_open_few_files_says_so_keeps_some_and_serves_on_after_a_rush() -> None:
    async with running(FEW + PROGRAM) as child:
        assert "room for 48 connections at once, not for 896" in await line(child.stderr)
        url = (await line(child.stdout)).split()[-1]
        port = int(url.rpartition(":")[2].removesuffix("/ws"))
        # One address gets three quarters of the places; on Linux, all of 127.0.0.0/8 is this machine's.
        origins = ["127.0.0.1", "127.0.0.2"] if sys.platform == "linux" else ["127.0.0.1"]
        rush = [
            await asyncio.open_connection("127.0.0.1", port, local_addr=(origin, 0))
            for origin in origins
            for _ in range(50)
        ]
        if len(origins) > 1:
            assert "all places for connections are taken" in await line(child.stderr)
        for _, writer in rush:
            writer.close()
        person = await Person.connect(url)
        await person.login("team", "ada")
        await person.leave()
        child.terminate()
        _, errors = await child.communicate()
        assert errors == b""


async def test_a_process_without_descriptors_says_so_once_and_serves_on_when_it_has_some() -> None:
    async with running(FEW + f"{sys.executable} -c '{FULL}'") as child:
        url = await line(child.stdout)
        assert await line(child.stdout) == "full"
        waiting = [asyncio.ensure_future(Person.connect(url, open_timeout=30)) for _ in range(3)]
        assert await line(child.stdout) == "tried"
        for person in await asyncio.gather(*waiting):
            await person.login("team", "ada")
            await person.leave()
        say(child)
        told = await line(child.stdout)
        assert told.count("no connection can be taken in for now: Too many open files") == 1
        assert told.count("', '") == 1, told  # the other one says at the start how few there are


def test_the_limit_is_raised_where_the_system_allows_it() -> None:
    code = (
        "import resource\n"
        "from ipymultichat.server import Limits\n"
        "from ipymultichat.server.acceptor import places_within, raise_descriptor_limit\n"
        "raise_descriptor_limit(Limits())\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], places_within(Limits()))"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", f"ulimit -Sn 64; exec {sys.executable} -c '{code}'"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    wanted = Limits().max_connections
    assert done.stdout.split() == [str(wanted + RESERVE), str(wanted)]


def test_all_the_defaults_allow_fits_what_processes_usually_may_open() -> None:
    limits = Limits()
    assert limits.max_clients + limits.max_pending + limits.max_strangers <= limits.max_connections <= 1024 - RESERVE
