"""New messages for code cells: handlers, streams, waits."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ipymultichat.errors import WaitTimeoutError
from ipymultichat.hub.runner import Runner
from ipymultichat.model import Message

logger = logging.getLogger("ipymultichat.hub")

Handler = Callable[[Message], Any]
Fits = Callable[[Message], bool]


MAX_BEHIND = 100_000
"""How many messages a reader of `stream` may be behind, as many as stay in memory; beyond it the oldest leave."""


class _Subscriber:
    """Somebody who iterates over new messages, at their own pace and on their own loop."""

    def __init__(self, fits: Fits, trouble: Callable[[str], None], limit: int) -> None:
        self.fits = fits
        self._trouble = trouble
        self._queue: asyncio.Queue[Message] = asyncio.Queue(limit)
        self._loop = asyncio.get_running_loop()

    def put(self, message: Message) -> None:
        """Hand over a message; any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._put, message)

    async def get(self) -> Message:
        """The next message."""
        return await self._queue.get()

    def _put(self, message: Message) -> None:
        if self._queue.full():
            self._queue.get_nowait()
            self._trouble(
                f"a stream() was not read for {self._queue.maxsize:,} messages; it goes on without the oldest"
            )
        self._queue.put_nowait(message)


class Feed:
    """Hands every new message to whoever asked for its kind.

    Args:
        runner: whose loop runs the handlers.
        answer: called with a message and what a handler returned for it.
        trouble: called with a line for the person when a handler fails.
        own_thread: run sync handlers in a thread of their own, so that they do not hold up the sockets.
        max_behind: see `MAX_BEHIND`.
    """

    def __init__(
        self,
        runner: Runner,
        *,
        answer: Callable[[Message, object], None],
        trouble: Callable[[str], None],
        own_thread: bool,
        max_behind: int = MAX_BEHIND,
    ) -> None:
        self._runner = runner
        self._answer = answer
        self._trouble = trouble
        self._max_behind = max_behind
        self._executor = ThreadPoolExecutor(1, "ipymultichat-handlers") if own_thread else None
        self._handlers: dict[object, tuple[Fits, Handler]] = {}
        self._subscribers: list[_Subscriber] = []
        self._handed: set[str] = set()

    def add_handler(self, handler: Handler, fits: Fits, conditions: tuple[str | None, ...] = ()) -> None:
        """Call a handler with every new message that fits.

        A re-run cell defines its handler anew, and nobody wants two answers: a function with the module, the name
        and the conditions of one that is there replaces it.
        """
        self._handlers[_name(handler), conditions] = (fits, handler)

    def publish(self, message: Message) -> None:
        """A new message came; called on the loop."""
        for fits, handler in list(self._handlers.values()):
            if fits(message):
                self._runner.spawn(self._handle(handler, message))
        for subscriber in list(self._subscribers):
            if subscriber.fits(message):
                subscriber.put(message)

    async def stream(self, fits: Fits) -> AsyncGenerator[Message, None]:
        """Yield every new message that fits, from now on, for as long as the iterator is used; see `MAX_BEHIND`."""
        subscriber = _Subscriber(fits, self._trouble, self._max_behind)
        self._subscribers.append(subscriber)
        try:
            while True:
                yield await subscriber.get()
        finally:
            self._subscribers.remove(subscriber)

    async def wait_for(self, fits: Fits, waiting: list[Message], timeout: float | None) -> Message:
        """Return a request that already waits and was not returned by an earlier call, else the next new message.

        Args:
            fits: the condition.
            waiting: what waits now, oldest first.
            timeout: seconds; None waits for ever.

        Raises:
            WaitTimeoutError: nothing fitting came in time.
        """
        message = next((m for m in waiting if fits(m) and m.id not in self._handed), None)
        if message is None:
            stream = self.stream(lambda m: fits(m) and m.id not in self._handed)
            try:
                message = await asyncio.wait_for(anext(stream), timeout)
            except (TimeoutError, asyncio.TimeoutError):
                raise WaitTimeoutError(f"no fitting message came within {timeout:g} s") from None
            finally:
                await stream.aclose()
        self._handed.add(message.id)
        return message

    def close(self) -> None:
        """Call nobody any more."""
        self._handlers.clear()
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    async def _handle(self, handler: Handler, message: Message) -> None:
        try:
            if inspect.iscoroutinefunction(handler) or self._executor is None:
                result = handler(message)
            else:
                result = await asyncio.get_running_loop().run_in_executor(self._executor, handler, message)
            if isinstance(result, Awaitable):
                result = await result
            if result is not None:
                self._answer(message, result)
        except Exception as error:
            logger.exception("a message handler failed")
            self._trouble(f"your handler {_name(handler)[1]} failed: {type(error).__name__}: {error}")


def _name(handler: Handler) -> tuple[str, str]:
    """Module and name; what has no name of its own (a lambda, a partial) is told apart by its identity."""
    name = getattr(handler, "__qualname__", "")
    if not name or name.endswith("<lambda>"):
        name = f"{name}#{id(handler)}"
    return getattr(handler, "__module__", "") or "", name
