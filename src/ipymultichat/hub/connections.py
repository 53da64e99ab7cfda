"""The connections that should exist, on one loop, and the deadlines that pass without a word from a server."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from ipymultichat.errors import NoLoopError
from ipymultichat.hub.loop import KernelLoop, Loop, ThreadLoop, Work, asyncio_loop
from ipymultichat.hub.settings import SettingsInUse
from ipymultichat.inbox import Inbox
from ipymultichat.model import ConnectionState, Message, MessageStatus, ServerStatus
from ipymultichat.net import LinkSettings, Pool
from ipymultichat.session import Session
from ipymultichat.session.events import SessionEvent

logger: logging.Logger = logging.getLogger("ipymultichat.hub")

T = TypeVar("T")

LOOK_SECONDS = 1.0
"""How often it is looked whether a deadline passed."""

_GRACE = timedelta(seconds=1)
_ASK_AGAIN = timedelta(seconds=30)
_SWITCHED_OFF = "the server is switched off or removed"


class Owner(Protocol):
    """Who is told what happens to the connections; on the loop."""

    def on_event(self, server_id: str, event: SessionEvent) -> None:
        """A session reports something."""

    def on_status(self, server_id: str, status: ServerStatus) -> None:
        """A server has another status."""

    def on_loop_end(self) -> None:
        """The loop has ended and another one takes over: what was on its way is lost sight of."""

    def on_expired(self, message: Message) -> None:
        """A deadline passed while no server can be asked."""

    def notice(self, text: str) -> None:
        """There is a line for the person."""


class Connections:
    """Keeps the connections that should exist. Methods may be called from any thread.

    Args:
        io: "kernel" or "thread".
        link_settings: times of the connections.
        inbox: whose deadlines are watched.
        settings: which servers there are, and what to log in with.
        owner: is told what happens.
        clock: returns the time now (aware UTC).
    """

    def __init__(
        self,
        *,
        io: str,
        link_settings: LinkSettings,
        inbox: Inbox,
        settings: SettingsInUse,
        owner: Owner,
        clock: Callable[[], datetime],
    ) -> None:
        self.loop: Loop = KernelLoop(self._new_loop) if io == "kernel" else ThreadLoop()
        self._link_settings = link_settings
        self._inbox = inbox
        self._settings = settings
        self._owner = owner
        self._clock = clock
        self._pool: Pool | None = None
        self._asked: dict[str, datetime] = {}
        self._look: asyncio.TimerHandle | None = None
        self._calls: set[asyncio.Task[Any]] = set()
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
        self.loop.post(self._reconcile)

    async def connected(self) -> None:
        """Return once every server is connected and in step, or has failed its first try."""
        if self._pool is not None:
            await asyncio.gather(*self._pool.first_outcomes())

    async def disconnected(self) -> None:
        """Return once every socket that is being closed is closed."""
        if self._pool is not None:
            await self._pool.stopped()

    def tell_pool(self, action: Callable[[Pool], None]) -> None:
        """Do something with the pool, if there is one."""
        self.loop.post(lambda: action(self._pool) if self._pool is not None and not self._closed else None)

    def act(
        self, server_id: str, otherwise: Callable[[str], None], command: Callable[..., None], *args: object
    ) -> None:
        """Call a method of a server's session, on the loop.

        Args:
            server_id: which server.
            otherwise: called with the reason when the server has no session now.
            command: a method of `Session`, see `Link.act`.
            *args: what it takes.
        """
        if not self.loop.is_current():
            if self._wanted:
                self.loop.post(partial(self.act, server_id, otherwise, command, *args))
            else:
                otherwise(_SWITCHED_OFF)
            return
        link = self._pool.link(server_id) if self._pool is not None else None
        if link is None:
            otherwise(_SWITCHED_OFF)
        else:
            link.act(command, *args)

    # other work

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the loop to its end; errors are its own to handle."""
        self.loop.post(lambda: self.loop.spawn(work))

    async def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine function on the loop and wait for it on the caller's, which may be another.

        Interrupting the wait does not stop the work; closing does.

        Raises:
            NoLoopError: there is no loop.
        """
        asyncio_loop()
        if not self.loop.bind():
            raise NoLoopError(
                "there is no event loop in the thread that made this object; io='thread' brings one of its own"
            )
        done: concurrent.futures.Future[T] = concurrent.futures.Future()

        async def run() -> None:
            task = asyncio.ensure_future(work())
            self._calls.add(task)
            await asyncio.wait({task})
            self._calls.discard(task)
            if task.cancelled():
                done.cancel()
            elif error := task.exception():
                done.set_exception(error)
            else:
                done.set_result(task.result())

        self.run(run())
        return await asyncio.shield(asyncio.wrap_future(done))

    def at_close(self, cleanup: Work) -> None:
        """Run a coroutine function on the loop when everything closes."""
        self._cleanups.append(cleanup)

    def close(self) -> None:
        """Close everything for good."""
        self._closed = True
        self.loop.finish(self._shut)

    async def _shut(self) -> None:
        if self._look is not None:
            self._look.cancel()
        cleanups = [cleanup() for cleanup in self._cleanups]
        if self._pool is not None:
            cleanups.append(self._pool.close())
        for outcome in await asyncio.gather(*cleanups, return_exceptions=True):
            if isinstance(outcome, BaseException):
                logger.error("closing the inbox left something behind", exc_info=outcome)
        for call in self._calls:
            call.cancel()

    def _reconcile(self) -> None:
        if self._closed:
            return
        if self._pool is None:
            self._pool = Pool(
                credentials=self._settings.credentials,
                on_event=self._owner.on_event,
                on_status=self._owner.on_status,
                settings=self._link_settings,
                on_pause=self._owner.notice,
                remedy=self.loop.remedy,
            )
            self._look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look_regularly)
        self._pool.reconcile(self._settings.connectable() if self._wanted else ())

    def _new_loop(self) -> None:
        """The loop ended with everything on it; what was on its way cannot be proved any more."""
        self._pool = self._look = None
        self._owner.on_loop_end()
        if self._wanted:
            self.reconcile()

    # deadlines

    def look(self) -> None:
        """Look for open requests whose deadline passed; each is seen to at once, and again after 30 s."""
        now = self._clock()
        overdue = [m for m in self._inbox.due(now - _GRACE) if m.status is not MessageStatus.FAILED]
        self._asked = {m.id: self._asked[m.id] for m in overdue if m.id in self._asked}
        for message in overdue:
            if message.id not in self._asked or self._asked[message.id] + _ASK_AGAIN < now:
                self._asked[message.id] = now
                self._overdue(message)

    def _look_regularly(self) -> None:
        self._look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look_regularly)
        self.look()

    def _overdue(self, message: Message) -> None:
        """A deadline passed: ask the server, whose clock counts; without one, our own clock has to do."""
        link = self._pool.link(message.server_id) if self._pool is not None else None
        if link is not None and link.status.state is ConnectionState.CONNECTED:
            link.act(Session.verify, message.request_id)
        elif message.status is MessageStatus.PENDING:
            self._owner.on_expired(message)
        elif link is not None:
            # The answer can never arrive, and whoever awaits its delivery must not wait for ever.
            reason = "the agent's time ran out while the server could not be reached"
            link.act(Session.give_up, message.request_id, reason)
