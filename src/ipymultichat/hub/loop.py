"""Where the hub's work runs: the kernel's own event loop, or that of a thread. The hub does not care which."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

CLOSE_SECONDS = 2.0
"""How long closing may take before it is left to the loop."""

Action = Callable[[], object]
Work = Callable[[], Coroutine[Any, Any, None]]


class Loop(Protocol):
    """Runs things on one event loop, whatever thread asks."""

    remedy: str
    """What a person can do when this loop is blocked, or ""."""

    def bind(self) -> bool:
        """Adopt the running loop if one is needed; returns whether there is a loop now."""

    def post(self, action: Action, *, delay: float = 0.0) -> None:
        """Run `action` on the loop after `delay` seconds.

        Without a delay: at once when called on the loop. While there is no loop, it waits for one.
        """

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the loop to its end; only from the loop itself."""

    def is_current(self) -> bool:
        """Whether the caller runs on the loop."""

    def would_block(self) -> bool:
        """Whether the loop cannot run while the caller's thread waits."""

    def finish(self, work: Work) -> None:
        """Run the last coroutine and let the loop go."""


class _Tasks:
    """Keeps tasks alive until they end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class KernelLoop:
    """The loop of the thread in which the object was made: the kernel's, or the first that runs there.

    Loops of other threads (a subshell of ipykernel, `asyncio.run` in a worker) come and go and are never adopted.

    Args:
        on_new_loop: called when the loop has ended and another one is adopted (`asyncio.run` a second time).
    """

    remedy = "MultiChat(io='thread') stays connected while a cell runs"

    def __init__(self, on_new_loop: Callable[[], None]) -> None:
        self._home = threading.get_ident()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._backlog: list[tuple[Action, float]] = []
        self._tasks = _Tasks()
        self._on_new_loop = on_new_loop

    def bind(self) -> bool:
        """See `Loop.bind`."""
        before, running = self._loop, _running_loop()
        if before is not None and not before.is_closed() and (before.is_running() or running is None):
            return True
        if running is None or threading.get_ident() != self._home:
            return before is not None and not before.is_closed()
        with self._lock:
            self._loop = running
            backlog, self._backlog = self._backlog, []
        if before is not None:
            self._on_new_loop()
        for action, delay in backlog:
            self.post(action, delay=delay)
        return True

    def post(self, action: Action, *, delay: float = 0.0) -> None:
        """See `Loop.post`."""
        bound = self.bind()
        with self._lock:
            loop = self._loop if bound else None
            if loop is None or loop.is_closed():
                self._backlog.append((action, delay))
                return
        if delay or not self.is_current():
            _schedule(loop, action, delay)
        else:
            action()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """See `Loop.spawn`."""
        self._tasks.add(work)

    def is_current(self) -> bool:
        """See `Loop.is_current`."""
        return self._loop is not None and _running_loop() is self._loop

    def would_block(self) -> bool:
        """See `Loop.would_block`; a loop that has yet to come can only run in this thread."""
        return threading.get_ident() == self._home

    def finish(self, work: Work) -> None:
        """See `Loop.finish`; the kernel's loop goes on, so the work simply runs on it."""
        with self._lock:
            self._backlog.clear()
            loop = self._loop
        if loop is not None and not loop.is_closed():
            self.post(lambda: self.spawn(work()))


class ThreadLoop:
    """A loop in a daemon thread, which a busy kernel does not block."""

    remedy = ""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._tasks = _Tasks()
        self._thread = threading.Thread(target=self._run, name="ipymultichat", daemon=True)
        self._thread.start()

    def bind(self) -> bool:
        """See `Loop.bind`."""
        return True

    def post(self, action: Action, *, delay: float = 0.0) -> None:
        """See `Loop.post`."""
        if not delay and self.is_current():
            action()
        elif not self._loop.is_closed():
            _schedule(self._loop, action, delay)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """See `Loop.spawn`."""
        self._tasks.add(work)

    def is_current(self) -> bool:
        """See `Loop.is_current`."""
        return threading.current_thread() is self._thread

    def would_block(self) -> bool:
        """See `Loop.would_block`."""
        return self.is_current()

    def finish(self, work: Work) -> None:
        """See `Loop.finish`; waits for it, at most 2 s, unless called on the loop itself."""

        async def last() -> None:
            try:
                await work()
            finally:
                self._loop.stop()

        self.post(lambda: self.spawn(last()))
        if not self.is_current():
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


def _schedule(loop: asyncio.AbstractEventLoop, action: Action, delay: float) -> None:
    if not delay:
        loop.call_soon_threadsafe(action)
    elif _running_loop() is loop:
        loop.call_later(delay, action)
    else:
        loop.call_soon_threadsafe(loop.call_later, delay, action)
