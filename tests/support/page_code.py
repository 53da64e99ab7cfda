"""The Python blocks of a page, run in order in one namespace; as a script: page_code.py PAGE.

A block in an HTML comment is run like the others and seen by nobody: it asks what the page answers, and checks what
came of it. The addresses that pages name are those of two servers here, in a thread of their own.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import logging
import os
import re
import subprocess
import sys
import threading
from contextlib import AsyncExitStack
from pathlib import Path

TOKEN = "my-team"
PLACES = ("ws://localhost:2000", "wss://gpu.example.org")


def blocks_of(page: Path) -> list[str]:
    """The fenced Python blocks of a page."""
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


def run_fresh(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a new interpreter where every warning is an error, with a folder for the profile and for files."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MULTICHAT_")}
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", *arguments],
        env={**env, "MULTICHAT_CONFIG_DIR": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


class Servers(threading.Thread):
    """Two servers that run until the page is through, even while a block keeps its own loop from running."""

    def __init__(self) -> None:
        super().__init__(name="servers")
        self.urls: list[str] = []
        self.ready = threading.Event()
        self.over = threading.Event()

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self.ready.set()

    async def _serve(self) -> None:
        from ipymultichat.server import LocalServer

        async with AsyncExitStack() as stack:
            for _ in PLACES:
                server = await stack.enter_async_context(LocalServer(token=TOKEN, hold=True))
                self.urls.append(server.url)
            self.ready.set()
            await asyncio.to_thread(self.over.wait)


async def run_blocks(page: Path, urls: list[str]) -> None:
    """Run the blocks as cells of a notebook; one that runs a loop of its own, as a script in a thread."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for number, block in enumerate(blocks_of(page), start=1):
        source = block
        for place, url in zip(PLACES, urls, strict=True):
            source = source.replace(place, url)
        code = compile(source, f"{page.name}, block {number}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if "asyncio.run(" in source:
            await asyncio.to_thread(exec, code, namespace)
        elif code.co_flags & inspect.CO_COROUTINE:
            await eval(code, namespace)
        else:
            exec(code, namespace)


def main(page: Path) -> None:
    """Run a page."""
    # What takes long here is the machine's doing.
    logging.getLogger("asyncio").addFilter(lambda record: "took" not in str(record.msg))
    servers = Servers()
    servers.start()
    try:
        servers.ready.wait()
        os.environ.update(MULTICHAT_URL=servers.urls[0], MULTICHAT_TOKEN=TOKEN)
        asyncio.run(run_blocks(page, servers.urls))
    finally:
        servers.over.set()
        servers.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
