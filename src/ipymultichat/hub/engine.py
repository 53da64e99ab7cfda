"""What runs on the hub's loop: the pool of connections, the watch over deadlines, other work that has to run there."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ipymultichat.errors import NoLoopError
from ipymultichat.hub.expiry import Expiry
from ipymultichat.hub.runner import KernelRunner, Runner, ThreadRunner
from ipymultichat.inbox import Inbox
from ipymultichat.model import ConnectionState, Message, MessageStatus, Secret, ServerConfig, ServerStatus
from ipymultichat.net import LinkSettings, Pool
from ipymultichat.session.events import SessionEvent

logger = logging.getLogger("ipymultichat.hub")

Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Hooks:
    """What the engine asks for and reports.

    Attributes:
        servers: returns the servers that should be connected; none while there is no token.
        credentials: returns token and nickname for a login.
        on_event: called with a server's id and what its session reports.
        on_status: called with a server's id and its new status.
        on_loop_end: called when the loop has ended and another one takes over: what was on its way is lost sight of.
        expire: called with a message whose deadline passed while no server can be asked.
        notice: called with a line for the person.
    """

    servers: Callable[[], list[ServerConfig]]
    credentials: Callable[[], tuple[Secret, str]]
    on_event: Callable[[str, SessionEvent], None]
    on_status: Callable[[str, ServerStatus], None]
    on_loop_end: Callable[[], None]
    expire: Callable[[Message], None]
    notice: Callable[[str], None]


class Engine:
    """Keeps the connections that should exist, on one loop. Methods may be called from any thread.

    Args:
        io: "kernel" or "thread".
        settings: times of the connections.
        inbox: whose deadlines are watched.
        hooks: what to ask and whom to tell.
        clock: returns the time now (aware UTC).
    """

    def __init__(
        self, *, io: str, settings: LinkSettings, inbox: Inbox, hooks: Hooks, clock: Callable[[], datetime]
    ) -> None:
        self.runner: Runner = KernelRunner(self._new_loop) if io == "kernel" else ThreadRunner()
        self._settings = settings
        self._inbox = inbox
        self._hooks = hooks
        self._clock = clock
        self._pool: Pool | None = None
        self._expiry: Expiry | None = None
        self._cleanups: list[Work] = []
        self._wanted = False
        self._closed = False

    # connections

    def want(self, *, wanted: bool = True) -> None:
        """Want connections from now on, or none."""
        self._wanted = wanted
        self.reconcile()

    def reconcile(self) -> None:
        """Make the connections fit the server list, as soon as there is a loop."""

        def run() -> None:
            if self._closed:
                return
            if self._pool is None:
                self._pool = Pool(
                    credentials=self._hooks.credentials,
                    on_event=self._hooks.on_event,
                    on_status=self._hooks.on_status,
                    settings=self._settings,
                    on_pause=self._hooks.notice,
                    remedy=self.runner.remedy,
                )
                self._expiry = Expiry(self._inbox, expire=self._overdue, clock=self._clock)
            self._pool.reconcile(self._hooks.servers() if self._wanted else ())

        self.runner.post(run)

    async def connected(self) -> None:
        """Return once every server is connected and in step, or has failed its first try.

        Raises:
            NoLoopError: there is no loop.
        """

        async def wait() -> None:
            if self._pool is not None:
                await asyncio.gather(*self._pool.first_outcomes())

        await self._on_loop(wait)

    async def disconnected(self) -> None:
        """Return once every socket that is being closed is closed.

        Raises:
            NoLoopError: there is no loop.
        """

        async def wait() -> None:
            if self._pool is not None:
                await self._pool.stopped()

        await self._on_loop(wait)

    def tell_pool(self, action: Callable[[Pool], None]) -> None:
        """Do something with the pool, if there is one."""
        self.runner.post(lambda: action(self._pool) if self._pool is not None and not self._closed else None)

    def act(self, server_id: str, action: Callable[[Any, float], None], otherwise: Callable[[], None]) -> None:
        """Let the session of a server act, or do something else when it has none."""

        def run() -> None:
            link = self._pool.link(server_id) if self._pool is not None else None
            if link is not None:
                link.act(action)
            elif self._wanted and self._pool is not None:
                otherwise()

        if self._wanted:
            self.runner.post(run)
        else:
            otherwise()

    # other work

    def post(self, action: Callable[[], None], *, delay: float = 0.0) -> None:
        """Run something on the loop, from any thread, after `delay` seconds."""
        if delay:
            self.runner.later(delay, action)
        else:
            self.runner.post(action)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the loop to its end; errors are its own to handle."""
        self.runner.post(lambda: self.runner.spawn(work))

    def at_close(self, cleanup: Work) -> None:
        """Run a coroutine function on the loop when everything closes."""
        self._cleanups.append(cleanup)

    def close(self) -> None:
        """Close everything for good."""
        self._closed = True
        self.runner.finish(self._shut)

    async def _shut(self) -> None:
        if self._expiry is not None:
            self._expiry.stop()
        cleanups = [cleanup() for cleanup in self._cleanups]
        if self._pool is not None:
            cleanups.append(self._pool.close())
        for outcome in await asyncio.gather(*cleanups, return_exceptions=True):
            if isinstance(outcome, BaseException):
                logger.error("closing the inbox left something behind", exc_info=outcome)

    async def _on_loop(self, work: Work) -> None:
        """Run something on the loop and wait for it on the caller's, which may be another."""
        if not self.runner.bind():
            raise NoLoopError("there is no event loop to run on")
        done: concurrent.futures.Future[None] = concurrent.futures.Future()

        async def run() -> None:
            try:
                await work()
            finally:
                done.set_result(None)

        self.run(run())
        await asyncio.shield(asyncio.wrap_future(done))

    def _new_loop(self) -> None:
        """The loop ended with everything on it; what was on its way cannot be proved any more."""
        self._pool = self._expiry = None
        self._hooks.on_loop_end()
        if self._wanted:
            self.reconcile()

    def _overdue(self, message: Message) -> None:
        """A deadline passed: ask the server, whose clock counts; without one, our own clock has to do."""
        link = self._pool.link(message.server_id) if self._pool is not None else None
        if link is not None and link.status.state is ConnectionState.CONNECTED:
            link.act(lambda session, now: session.verify(message.request_id, now))
        elif message.status is MessageStatus.SENDING:
            # The answer can never arrive, and whoever awaits its delivery must not wait for ever.
            if link is not None:
                reason = "the agent's time ran out while the server could not be reached"
                link.act(lambda session, now: session.give_up(message.request_id, reason, now))
        else:
            self._hooks.expire(message)
