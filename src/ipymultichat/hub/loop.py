"""Where the hub's work runs: the kernel's own event loop, or that of a thread. The hub does not care which."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from ipymultichat.errors import NoLoopError

CLOSE_SECONDS = 2.0
"""How long closing may take before it is left to the loop."""

NO_AWAIT = "elsewhere, io='thread' brings a loop of its own, and delivery.result() waits in a thread"
"""What can be done where nothing can be awaited."""

Action = Callable[[], object]
Work = Callable[[], Coroutine[Any, Any, None]]


class Loop:
    """Runs things on one event loop, whatever thread asks."""

    remedy = ""
    """What a person can do when this loop is blocked."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._backlog: list[tuple[Action, float]] = []
        # What was put off and has not run yet; a loop that ends forgets it.
        self._put_off: set[Action] = set()
        self._lock = threading.RLock()
        self._tasks: set[asyncio.Task[None]] = set()

    def bind(self) -> bool:
        """Adopt the running loop if one is needed; returns whether there is a loop now."""
        return self._loop is not None and not self._loop.is_closed()

    def post(self, action: Action, *, delay: float = 0.0) -> None:
        """Run `action` on the loop after `delay` seconds.

        Without a delay: at once when called on the loop. While there is no loop, it waits for one.
        """
        bound = self.bind()
        with self._lock:
            loop = self._loop
            if not bound or loop is None or loop.is_closed():
                self._backlog.append((action, delay))
                return
            if delay:
                self._put_off.add(action)
        if not self.is_current():
            loop.call_soon_threadsafe(*((loop.call_later, delay, self._run, action) if delay else (action,)))
        elif delay:
            loop.call_later(delay, self._run, action)
        else:
            action()

    def _run(self, action: Action) -> None:
        with self._lock:
            self._put_off.discard(action)
        action()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the loop to its end; only from the loop itself."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)  # the loop itself does not keep it alive
        task.add_done_callback(self._tasks.discard)

    def is_current(self) -> bool:
        """Whether the caller runs on the loop."""
        return self._loop is not None and _running_loop() is self._loop

    def would_block(self) -> bool:
        """Whether the loop cannot run while the caller's thread waits."""
        return self.is_current()

    def finish(self, work: Work) -> None:
        """Run the last coroutine and let the loop go; what waits for a loop is dropped."""
        with self._lock:
            self._backlog.clear()
        if self._loop is not None and not self._loop.is_closed():
            self.post(lambda: self.spawn(work()))


class KernelLoop(Loop):
    """The loop of the thread in which the object was made: the kernel's, or the first that runs there.

    Loops of other threads (a subshell of ipykernel, `asyncio.run` in a worker) come and go and are never adopted.

    Args:
        on_new_loop: called when the loop has ended and another one is adopted (`asyncio.run` a second time).
    """

    remedy = "MultiChat(io='thread') stays connected while a cell runs"

    def __init__(self, on_new_loop: Callable[[], None]) -> None:
        super().__init__()
        self._home = threading.get_ident()
        self._on_new_loop = on_new_loop

    def bind(self) -> bool:
        """See `Loop.bind`: adopts a loop where there was none, or where the one before has ended or stands still."""
        before, running = self._loop, _running_loop()
        living = before is not None and not before.is_closed()
        if before is not None and living and (running is None or before.is_running()):
            return True
        if running is None or threading.get_ident() != self._home:
            return living
        with self._lock:
            self._loop = running
            backlog, self._backlog = [*((action, 0.0) for action in self._put_off), *self._backlog], []
            self._put_off.clear()
        if before is not None:
            self._on_new_loop()
        for action, delay in backlog:
            self.post(action, delay=delay)
        return True

    def would_block(self) -> bool:
        """See `Loop.would_block`; a loop that has yet to come can only run in this thread."""
        return threading.get_ident() == self._home


class ThreadLoop(Loop):
    """A loop in a daemon thread, which a busy kernel does not block."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run_forever, args=(self._loop,), name="ipymultichat", daemon=True)
        self._thread.start()

    def finish(self, work: Work) -> None:
        """See `Loop.finish`; waits for it, at most 2 s, unless called on the loop itself."""

        async def last() -> None:
            try:
                await work()
            finally:
                asyncio.get_running_loop().stop()

        super().finish(last)
        if threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_SECONDS)

    @staticmethod
    def _run_forever(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()


def asyncio_loop() -> asyncio.AbstractEventLoop:
    """The running loop, which somebody wants to await something on.

    Raises:
        NoLoopError: none of asyncio's runs here.
    """
    running = _running_loop()
    if running is None:
        whose = ", and this one is of trio" if in_trio() else ""
        raise NoLoopError(f"this can be awaited where a loop of asyncio runs{whose}; {NO_AWAIT}")
    return running


def in_trio() -> bool:
    """Whether the caller runs on a loop of trio, which cannot run what is made for asyncio."""
    # Only asked when it is there, and not half imported by another thread: who runs on it has all of it.
    asked = getattr(sys.modules.get("trio.lowlevel"), "in_trio_run", None)
    return asked is not None and bool(asked())


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
