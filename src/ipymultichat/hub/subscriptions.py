"""New messages for code cells: handlers (rules), streams, waits."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import RLock
from typing import Any

from ipymultichat.errors import WaitTimeoutError
from ipymultichat.hub.loop import Loop, asyncio_loop
from ipymultichat.model import Message, MessageFilter

logger: logging.Logger = logging.getLogger("ipymultichat.hub")

Handler = Callable[[Message], Any]

MAX_BEHIND = 100_000
"""How many messages a reader of `stream` may be behind, as many as stay in memory; beyond it the oldest leave."""


class Rule:
    """A handler that code registered, with its conditions; see `Chat.rules`.

    Attributes:
        id: a number that no other rule of this inbox has.
        name: the handler's name.
        conditions: which messages it is called with, as they were given to `on_message`.
        matched: how many it was called with.
        paused: whether it is left out for now.
    """

    def __init__(self, number: int, handler: Handler, conditions: Mapping[str, object], owner: Subscriptions) -> None:
        self.id = number
        self.handler = handler
        self.name: str = getattr(handler, "__name__", type(handler).__name__)
        self.conditions = conditions
        self.matched = 0
        self.paused = False
        self._owner = owner

    @property
    def wanted(self) -> str:
        """The conditions as one writes them in code, or ""."""
        return ", ".join(f"{name}={value!r}" for name, value in self.conditions.items())

    def pause(self) -> None:
        """Leave it out until `resume`."""
        self._owner.pause(self, paused=True)

    def resume(self) -> None:
        """Call it with new messages again."""
        self._owner.pause(self, paused=False)

    def remove(self) -> None:
        """Call it no more."""
        self._owner.remove(self)

    def __repr__(self) -> str:
        return f"<Rule {self.name}({self.wanted}): matched {self.matched}{', paused' if self.paused else ''}>"


class _Reader:
    """Somebody who takes new messages one by one, at their own pace and on their own loop: a stream, or a wait.

    Args:
        wanted: which.
        limit: how many may wait; beyond it the oldest leave.
        overrun: called when one had to leave.
    """

    def __init__(self, wanted: MessageFilter, limit: int, overrun: Callable[[], None] = lambda: None) -> None:
        self.wanted = wanted
        self.last: Message | None = None
        self._overrun = overrun
        self._loop = asyncio_loop()
        self.queue: asyncio.Queue[Message] = asyncio.Queue(limit)

    def put(self, message: Message) -> None:
        """Hand over a message; any thread."""
        self.last = message
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            self._loop.call_soon_threadsafe(self._put, message)

    def _put(self, message: Message) -> None:
        if self.queue.full():
            self.queue.get_nowait()
            self._overrun()
        self.queue.put_nowait(message)


class Subscriptions:
    """Hands every new message to whoever asked for its kind.

    Args:
        loop: where the handlers run.
        answer: called with a message, what a handler returned for it, and the name of its rule.
        failed: called with the id of a message whose handler failed, and a line that says why.
        trouble: called with a line for the person.
        changed: called when something about the rules is new.
        own_thread: run sync handlers in a thread of their own, so that they do not hold up the sockets.
        max_behind: see `MAX_BEHIND`.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        answer: Callable[[Message, object, str], None],
        failed: Callable[[str, str], None],
        trouble: Callable[[str], None],
        changed: Callable[[], None],
        own_thread: bool,
        max_behind: int = MAX_BEHIND,
    ) -> None:
        self._loop = loop
        self._answer = answer
        self._failed = failed
        self._trouble = trouble
        self._changed = changed
        self._max_behind = max_behind
        self._executor = ThreadPoolExecutor(1, "ipymultichat-handlers") if own_thread else None
        self._lock = RLock()
        self._rules: dict[tuple[object, MessageFilter], Rule] = {}
        self._numbers = count(1)
        self._readers: list[_Reader] = []
        self._waits: list[_Reader] = []
        self._handed: set[str] = set()
        self._returned: list[Message] = []

    @property
    def rules(self) -> list[Rule]:
        """The handlers there are, in the order in which they were registered."""
        return list(self._rules.values())

    @property
    def reader_count(self) -> int:
        """How many iterate over a stream, or wait for a message."""
        return len(self._readers) + len(self._waits)

    def add_handler(self, handler: Handler, wanted: MessageFilter, conditions: Mapping[str, object]) -> None:
        """Call a handler with every new message that fits.

        A re-run cell defines its handler anew, and nobody wants two answers: a function with the module, the name
        and the conditions of one that is there replaces it.

        Args:
            handler: the function.
            wanted: which messages.
            conditions: the same, as the person said it.
        """
        with self._lock:
            self._rules[_key(handler), wanted] = Rule(next(self._numbers), handler, conditions, self)
        self._changed()

    def pause(self, rule: Rule, *, paused: bool) -> None:
        """Leave a rule out for now, or not any more."""
        with self._lock:
            rule.paused = paused
        self._changed()

    def remove(self, rule: Rule) -> None:
        """Forget a rule."""
        with self._lock:
            self._rules = {key: other for key, other in self._rules.items() if other is not rule}
        self._changed()

    def publish(self, message: Message) -> None:
        """A new message came; called on the loop."""
        with self._lock:
            if not (self._rules or self._readers or self._waits):
                return
            rules = [rule for (_, wanted), rule in self._rules.items() if not rule.paused and wanted.fits(message)]
            readers = [reader for reader in self._readers if reader.wanted.fits(message)]
            wait = next((wait for wait in self._waits if wait.wanted.fits(message)), None)
            if wait is not None and message.id not in self._handed:
                self._hand(wait, message)
        for reader in readers:
            reader.put(message)
        for rule in rules:
            rule.matched += 1
            self._loop.spawn(self._handle(rule, message))
        if rules:
            self._changed()

    async def stream(self, wanted: MessageFilter) -> AsyncGenerator[Message, None]:
        """Yield every new message that fits, from now on, for as long as the iterator is used; see `MAX_BEHIND`."""
        limit = self._max_behind
        behind = f"a stream() was not read for {limit:,} messages; it goes on without the oldest"
        reader = _Reader(wanted, limit, lambda: self._trouble(behind))
        with self._lock:
            self._readers.append(reader)
        try:
            while True:
                yield await reader.queue.get()
        finally:
            with self._lock:
                self._readers.remove(reader)

    async def wait_for(
        self, wanted: MessageFilter, waiting: Callable[[], list[Message]], timeout: float | None
    ) -> Message:
        """Return a request that already waits, else the next new message; each is returned by one call only.

        Args:
            wanted: the condition.
            waiting: returns what waits now, oldest first.
            timeout: seconds; None waits for ever.

        Raises:
            WaitTimeoutError: nothing fitting came in time.
        """
        wait = _Reader(wanted, 1)
        with self._lock:  # whoever publishes waits meanwhile: no message falls between the look and the wait
            there = [*self._returned, *waiting()]
            self._handed.intersection_update([message.id for message in there])
            found = next((m for m in there if wanted.fits(m) and m.id not in self._handed), None)
            self._waits.append(wait)
            if found is not None:
                self._hand(wait, found)
        try:
            return await asyncio.wait_for(wait.queue.get(), timeout)
        except (TimeoutError, asyncio.TimeoutError):
            if (late := self._leave(wait)) is not None:
                return late
            raise WaitTimeoutError(f"no fitting message came within {timeout:g} s") from None
        except BaseException:
            if (unread := self._leave(wait)) is not None:
                with self._lock:  # it is for the next one
                    self._handed.discard(unread.id)
                    self._returned.append(unread)
            raise

    def close(self) -> None:
        """Call nobody any more."""
        with self._lock:
            self._rules.clear()
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def _hand(self, wait: _Reader, message: Message) -> None:
        self._waits.remove(wait)
        self._handed.add(message.id)
        self._returned = [other for other in self._returned if other is not message]
        wait.put(message)

    def _leave(self, wait: _Reader) -> Message | None:
        """A wait is over; returns what it was given all the same."""
        with self._lock:
            if wait in self._waits:
                self._waits.remove(wait)
            return wait.last

    async def _handle(self, rule: Rule, message: Message) -> None:
        handler = rule.handler
        try:
            if inspect.iscoroutinefunction(handler) or self._executor is None:
                result = handler(message)
            else:
                result = await asyncio.get_running_loop().run_in_executor(self._executor, handler, message)
            if isinstance(result, Awaitable):
                result = await result
            if result is not None:
                self._answer(message, result, rule.name)
        except Exception as error:
            logger.exception("a message handler failed")
            why = f"the rule {rule.name} failed: {type(error).__name__}: {error}"
            self._failed(message.id, why)
            self._trouble(why)


def _key(handler: Handler) -> tuple[str, str]:
    """Module and name; what has no name of its own (a lambda, a partial) is told apart by its identity."""
    name = getattr(handler, "__qualname__", "")
    if not name or name.endswith("<lambda>"):
        name = f"{name}#{id(handler)}"
    return getattr(handler, "__module__", "") or "", name
