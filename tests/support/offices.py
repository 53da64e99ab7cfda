"""Servers and agents on one event loop in a thread: many of either cost a browser test no processes."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from lab_page import TOKEN

from ipymultichat.agent import AgentClient
from ipymultichat.server import LocalServer


class Offices:
    """Servers by name, and agents that ask there.

    Attributes:
        servers: each with its `url`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, servers: Mapping[str, LocalServer]) -> None:
        self._loop = loop
        self._asked: list[Future[str]] = []
        self.servers = servers

    def ask(
        self, server: str, text: str, *, agent: str = "claude", report: bool = False, project: str = "", **options: Any
    ) -> "Future[str]":
        """Let an agent ask, or report; the answer's text comes in time."""

        async def asked() -> str:
            async with AgentClient(self.servers[server].url, TOKEN, agent_name=agent) as client:
                ask = client.work_report if report else client.ask_question
                return (await ask(text, project_directory=project or None, **options)).text

        self._asked.append(asyncio.run_coroutine_threadsafe(asked(), self._loop))
        return self._asked[-1]

    def forget(self) -> None:
        """Withdraw everything that is still asked."""
        for answer in self._asked:
            answer.cancel()
        self._asked.clear()


@contextlib.contextmanager
def offices(*names: str) -> Iterator[Offices]:
    """Servers of these names, each on a free port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    stack = contextlib.AsyncExitStack()

    async def opened() -> dict[str, LocalServer]:
        return {name: await stack.enter_async_context(LocalServer(token=TOKEN)) for name in names}

    def wait(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    made = Offices(loop, wait(opened()))
    yield made
    made.forget()
    wait(stack.aclose())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
