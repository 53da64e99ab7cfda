"""Where the hub's loop runs: the kernel's own, or a thread's. The hub does not care which."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

CLOSE_SECONDS = 2.0
"""How long closing may take before it is left to the loop."""


class Runner(Protocol):
    """Runs things on one event loop, whatever thread asks."""

    remedy: str
    """What a person can do when this loop is blocked, or ""."""

    def bind(self) -> bool:
        """Adopt the running loop if one is needed; returns whether there is a loop now."""

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` on the loop after some seconds; never, where there is no loop."""

    def post(self, action: Callable[[], None]) -> None:
        """Run `action` on the loop: at once when called there, else soon; before there is a loop, when there is."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the loop to its end; only from the loop itself."""

    def finish(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run the last coroutine and let the loop go."""


class _Tasks:
    """Keeps tasks alive until they end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class KernelRunner:
    """The loop that runs where the object is used: the kernel's, or the first one in plain Python.

    Args:
        on_new_loop: called when the loop has ended and another one is adopted (`asyncio.run` a second time).
    """

    remedy = "MultiChat(io='thread') stays connected while a cell runs"

    def __init__(self, on_new_loop: Callable[[], None]) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._backlog: list[Callable[[], None]] = []
        self._tasks = _Tasks()
        self._on_new_loop = on_new_loop

    def bind(self) -> bool:
        """See `Runner.bind`."""
        if self._loop is not None and not self._loop.is_closed():
            return True
        running, before = _running_loop(), self._loop
        if running is None:
            return False
        self._loop = running
        if before is not None:
            self._on_new_loop()
        backlog, self._backlog = self._backlog, []
        for action in backlog:
            action()
        return True

    def post(self, action: Callable[[], None]) -> None:
        """See `Runner.post`."""
        if not self.bind():
            self._backlog.append(action)
        elif _running_loop() is self._loop:
            action()
        elif self._loop is not None:
            self._loop.call_soon_threadsafe(action)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """See `Runner.later`."""
        loop = self._loop
        if loop is not None:
            self.post(lambda: _call_later(loop, seconds, action))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """See `Runner.spawn`."""
        self._tasks.add(work)

    def finish(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """See `Runner.finish`; the kernel's loop goes on, so the work simply runs on it."""
        self._backlog.clear()
        if self._loop is not None and not self._loop.is_closed():
            self.post(lambda: self.spawn(work()))


class ThreadRunner:
    """A loop in a daemon thread, which a busy kernel does not block."""

    remedy = ""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._tasks = _Tasks()
        self._thread = threading.Thread(target=self._run, name="ipymultichat", daemon=True)
        self._thread.start()

    def bind(self) -> bool:
        """See `Runner.bind`."""
        return True

    def post(self, action: Callable[[], None]) -> None:
        """See `Runner.post`."""
        if _running_loop() is self._loop:
            action()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(action)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """See `Runner.later`."""
        self.post(lambda: _call_later(self._loop, seconds, action))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """See `Runner.spawn`."""
        self._tasks.add(work)

    def finish(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """See `Runner.finish`; waits for it, at most 2 s, unless called on the loop itself."""

        async def last() -> None:
            try:
                await work()
            finally:
                self._loop.stop()

        self.post(lambda: self.spawn(last()))
        if threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _call_later(loop: asyncio.AbstractEventLoop, seconds: float, action: Callable[[], None]) -> None:
    loop.call_later(seconds, action)
