"""One server's connection, kept alive: try, log in, stay, wait, try again."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

from ipymultichat.model import ConnectionState, Secret, ServerConfig, ServerStatus
from ipymultichat.net.connection import MAX_FRAME, MAX_LIST, ConnectFailedError, Connection
from ipymultichat.session import Backoff, Session, Timing
from ipymultichat.session.events import LoggedIn, LoginFailed, Overdue, Resynced, ServerNotice, SessionEvent

logger: logging.Logger = logging.getLogger("ipymultichat.net")

_PAUSE_COUNTS = 30.0
"""For how long after a pause of this machine a lost connection is put down to it, in seconds."""


_ABOUT_THE_CONNECTION = (LoggedIn, LoginFailed, Overdue, Resynced, ServerNotice)


@dataclass(frozen=True)
class LinkSettings:
    """Times of a link, in seconds, and where its randomness comes from.

    Attributes:
        open_timeout: for TCP, TLS and the websocket handshake together.
        keepalive: ping interval, and how long a pong may take; a dead peer is noticed within twice this.
        lasting: a login that stood this long resets the backoff.
        backoff: makes the backoff of one link.
        timing: waiting times of the protocol.
    """

    open_timeout: float = 10.0
    keepalive: float = 20.0
    lasting: float = 5.0
    backoff: Callable[[], Backoff] = Backoff
    timing: Timing = field(default_factory=Timing)


class Link:
    """Keeps one server connected and reports what happens; the pool owns it.

    Args:
        config: which server.
        credentials: returns token and nickname for the next login.
        on_event: called with the server's id and every session event, in order, on the event loop.
        on_status: called with every change of the status.
        settings: times.
        on_pause: called with words when a pause of this machine cost the connection, once it stands again.
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        credentials: Callable[[], tuple[Secret, str]],
        on_event: Callable[[str, SessionEvent], None],
        on_status: Callable[[ServerStatus], None],
        settings: LinkSettings,
        on_pause: Callable[[str], None] = lambda _words: None,
    ) -> None:
        self.config: ServerConfig = config
        self.session: Session = Session(settings.timing)
        self.status: ServerStatus = ServerStatus()
        self.first_outcome: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._credentials = credentials
        self._on_event = on_event
        self._on_status = on_status
        self._on_pause = on_pause
        self._settings = settings
        self._backoff = settings.backoff()
        self._connection: Connection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._refused = False
        self._failure = ""
        # How many connections in a row ended over the list of what waits: the next may take a larger one, then none.
        self._lists_too_large = 0
        self._pause, self._paused_at = "", float("-inf")
        self._pause_cost = ""
        self._retired = False
        self._ending: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._wake: asyncio.Future[None] = self._loop.create_future()
        self._task = asyncio.ensure_future(self._run())

    # what the pool calls, on the loop

    def retry_now(self) -> None:
        """Skip the wait and start the backoff over; a standing connection is left alone."""
        self._backoff.reset()
        if self._connection is None and not self._wake.done():
            self._wake.set_result(None)

    def restart(self, config: ServerConfig) -> None:
        """Use another address or another token: drop what is there, even in mid-handshake, and connect at once."""
        self.config = config
        self._backoff.reset()
        if self.first_outcome.done():
            self.first_outcome = concurrent.futures.Future()
        self._let_end(self._task)
        self._task = asyncio.ensure_future(self._run_after(self._task))

    def note_pause(self, words: str) -> None:
        """The machine slept or the loop was blocked: skip the wait, and make sure that the other side is there."""
        self._pause, self._paused_at = words, self._loop.time()
        self.retry_now()
        self._probe("the server no longer answers after the pause")

    def retire(self, reason: str) -> None:
        """Close for good; what is on its way fails for `reason`. After this call nothing is reported any more."""
        self.session.abandon(reason)
        self._pump()
        self._settle_first_outcome()
        self._set(ServerStatus())
        self._retired = True
        self._let_end(self._task)

    async def ended(self) -> None:
        """Return when every socket of a retired link is closed (about a second)."""
        while self._ending:
            await asyncio.wait(self._ending)

    def act(self, command: Callable[..., None], *args: object) -> None:
        """Call a method of the session, then send and report what came of it.

        Args:
            command: a method of `Session` whose last argument is the time, such as `Session.reply`.
            *args: what it takes before the time.
        """
        command(self.session, *args, self._loop.time())
        self._pump()

    def rename(self, nickname: str) -> None:
        """Tell the server the person's new nickname."""
        self.session.rename(nickname)
        self._pump()

    # the life of the link

    def _let_end(self, task: asyncio.Task[None]) -> None:
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        task.cancel()

    async def _run_after(self, before: asyncio.Task[None]) -> None:
        await asyncio.wait({before})
        await self._run()

    async def _run(self) -> None:
        try:
            await self._stay_connected()
        finally:
            if self._task is asyncio.current_task():  # the loop ends, and nobody has asked for it
                self._set(ServerStatus())

    async def _stay_connected(self) -> None:
        while True:
            self._wake = self._loop.create_future()
            self._failure, self._refused = "", False
            self._set(ServerStatus(ConnectionState.CONNECTING, self.status.error, self._backoff.attempt + 1))
            logger.debug("%s: try %d", self.config.label, self._backoff.attempt + 1)
            try:
                reason = await self._live()
            except ConnectFailedError as failure:
                reason = str(failure)
            except Exception:
                logger.exception("%s: unexpected trouble in the connection", self.config.label)
                reason = "unexpected trouble, see the log"
            await self._wait(self._failure or reason)

    async def _live(self) -> str:
        settings = self._settings
        too_large, self._lists_too_large = self._lists_too_large, 0
        connection = await Connection.open(
            self.config.url,
            timeout=settings.open_timeout,
            keepalive=settings.keepalive,
            max_frame=MAX_LIST if too_large else MAX_FRAME,
        )
        self._connection = connection
        started = self._loop.time()
        try:
            token, nickname = self._credentials()
            self.session.connected(token, nickname, started, lists_pending=too_large < 2)
            self._pump()
            return await connection.read(self._on_frame)
        finally:
            self._connection = None
            if connection.too_large and self.session.awaits_pending:
                self._lists_too_large = too_large + 1
            if self.status.state is ConnectionState.CONNECTED and self._loop.time() - started >= settings.lasting:
                self._backoff.reset()
            self.session.disconnected(self._loop.time())
            self._pump()
            # Nobody waits for the goodbye: the next connection must not be held up by a peer that does not answer it.
            closing = connection.close()
            self._ending.add(closing)
            closing.add_done_callback(self._ending.discard)

    async def _wait(self, reason: str) -> None:
        # A drop right after a pause of this machine is no fault of the server: no backoff, and the pause is named.
        stood = self.status.state is ConnectionState.CONNECTED
        if stood and self._pause and self._loop.time() - self._paused_at < _PAUSE_COUNTS:
            self._pause_cost, self._pause = self._pause, ""
            reason = f"{reason} ({self._pause_cost})"
            delay = 0.0
        elif self._lists_too_large:
            delay = 0.0
        else:
            delay = self._backoff.next_delay(refused=self._refused)
        logger.info("%s: %s; next try in %.1f s", self.config.label, reason, delay)
        retry_at = datetime.now(timezone.utc) + timedelta(seconds=delay)
        self._set(ServerStatus(ConnectionState.ERROR, reason, self._backoff.attempt, retry_at))
        self._settle_first_outcome()
        # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with the result.
        await asyncio.wait({self._wake}, timeout=delay)

    def _on_frame(self, frame: bytes | str) -> Iterator[None] | None:
        slices = self.session.receive(frame, self._loop.time())
        if slices is None:
            self._pump()
            return None
        return self._pumped(slices)

    def _pumped(self, slices: Iterator[None]) -> Iterator[None]:
        for step in slices:
            self._pump()
            yield step
        self._pump()

    def _on_timer(self) -> None:
        self._timer = self._timer_at = None
        self.session.tick(self._loop.time())
        self._pump()

    def _pump(self) -> None:
        """Send what the session wants sent, report what happened, and set the timer it asks for."""
        frames = self.session.take_frames()
        if frames and self._connection is not None:
            self._connection.send(frames)
        for event in self.session.take_events():
            if not self._retired:
                if type(event) in _ABOUT_THE_CONNECTION:
                    self._note(event)
                self._on_event(self.config.id, event)
        deadline = self.session.next_deadline()
        if deadline == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._on_timer)
        self._timer_at = deadline

    def _note(self, event: SessionEvent) -> None:
        """Act on what concerns the connection itself."""
        if isinstance(event, LoggedIn):
            logger.info("%s: connected", self.config.label)
            self._set(ServerStatus(ConnectionState.CONNECTED, connected_at=datetime.now(timezone.utc)))
            if self._pause_cost:  # the login has just cleared these words from the status
                words, self._pause_cost = self._pause_cost, ""
                self._on_pause(words)
        elif isinstance(event, LoginFailed):
            self._failure, self._refused = event.reason, event.refused
            if self._connection is not None:
                self._connection.abort(event.reason)
        elif isinstance(event, Overdue):
            self._probe("the server no longer answers")
        elif isinstance(event, ServerNotice):
            logger.debug("%s: says %r", self.config.label, event.text)
            self._set(replace(self.status, notice=event.text))  # every other status is made anew, without it
        elif isinstance(event, Resynced):
            logger.debug("%s: in step", self.config.label)
            self._settle_first_outcome()

    def _probe(self, reason: str) -> None:
        if self._connection is not None:
            self._connection.probe(self._settings.open_timeout / 2, reason)

    def _settle_first_outcome(self) -> None:
        if not self.first_outcome.done():
            self.first_outcome.set_result(None)

    def _set(self, status: ServerStatus) -> None:
        if status != self.status and not self._retired:
            self.status = status
            self._on_status(status)
