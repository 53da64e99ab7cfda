"""Makes a call until it is answered or its time is over: once, or again where the server keeps what it was asked."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from random import random

import anyio
import httpx

from ipymultichat.agent.failures import http_failure, overdue
from ipymultichat.agent.health import Health
from ipymultichat.agent.transport import exchange
from ipymultichat.errors import (
    AgentError,
    AgentTimeoutError,
    ClosedError,
    NotFoundError,
    RequestRefusedError,
    ServerUnreachableError,
)
from ipymultichat.model import Secret

HEADERS = {"content-type": "application/proto", "connect-protocol-version": "1"}

FIRST_PAUSE = 0.25
"""Seconds before a call is made again, at most; they double with each try."""

LONGEST_PAUSE = 10.0
"""Seconds beyond which pauses do not grow. A try that lasted longer lets them begin anew."""

MAX_RECEIPT = 16 * 2**10
"""Bytes at most of what a server says to a withdrawal."""

WITHDRAW_SECONDS = 2
"""Seconds that a withdrawal may take: somebody waits for the cancelled call to end."""

log: logging.Logger = logging.getLogger("ipymultichat.agent")


@dataclass(frozen=True)
class Pace:
    """When a call is made again.

    Attributes:
        now: a clock in seconds that never goes back.
        sleep: waits for so many seconds.
        random: returns a number in [0, 1), so that many agents do not come back at once.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    random: Callable[[], float] = random

    def pauses(self) -> Iterator[float]:
        """Yield the seconds before each further try: half to all of what doubles."""
        longest = FIRST_PAUSE
        while True:
            yield longest * (1 + self.random()) / 2
            longest = min(2 * longest, LONGEST_PAUSE)


@dataclass(frozen=True)
class Call:
    """What is sent, the same with each try, and where to.

    Attributes:
        http: what sends it.
        base: the server's address.
        path: of the method, below the address.
        body: the request with its id.
        request_id: that id.
        token: must not be shown.
        leave: where the server keeps what it is asked, it answers at once, with nothing, and waits by itself.
    """

    http: httpx.AsyncClient
    base: str
    path: str
    body: bytes = field(repr=False)
    request_id: str
    token: Secret
    leave: bool = False

    async def send(self) -> bytes:
        """Try once, and return the body of the answer.

        Raises:
            MultiChatError: there is none; the error says why.
        """
        if self.http.is_closed:
            raise ClosedError("this AgentClient was closed; make another one")
        # Preferences (RFC 7240) that our server knows, and others ignore.
        headers = {**HEADERS, "prefer": "respond-async" if self.leave else "answered-by"}
        response, content = await exchange(self.http, "POST", self.base, self.path, headers=headers, body=self.body)
        if self.leave and response.status_code == 202:
            return b""
        if response.status_code != 200:
            failure = http_failure(response.status_code, content, self.base, self.token)
            after = response.headers.get("retry-after", "")
            if after.isascii() and after.isdigit() and len(after) <= 6:  # it may be a date as well
                failure.meta["retry_after"] = after
            raise failure
        if response.headers.get("content-type", "").partition(";")[0].strip() != HEADERS["content-type"]:
            raise RequestRefusedError(f"{self.base} answered with a page; is it an Agent Assistant server?")
        return content

    async def withdraw(self) -> None:
        """End the question at once, although the caller was cancelled; that this fails is told to the log alone."""
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.token.reveal()}"}
        body = json.dumps({"id": self.request_id}).encode()
        with anyio.move_on_after(WITHDRAW_SECONDS, shield=True):
            try:
                response, _ = await exchange(
                    self.http,
                    "POST",
                    self.base,
                    "/ipymultichat/withdraw",
                    headers=headers,
                    body=body,
                    limit=MAX_RECEIPT,
                )
            except (AgentError, RuntimeError) as error:  # RuntimeError: the client was closed meanwhile
                log.debug("a question was not withdrawn: %s", error)
            else:
                if response.status_code != 200:
                    log.debug("a question was not withdrawn: %s answered HTTP %d", self.base, response.status_code)
            return
        log.debug("a question was not withdrawn: %s took longer than %d s", self.base, WITHDRAW_SECONDS)


@dataclass(frozen=True)
class Fetch(Call):
    """Waits for the answer to what was asked before; where to, and its id are all it needs.

    Attributes:
        wait: seconds until the server says that nobody has answered yet.
    """

    wait: int = 0

    async def send(self) -> bytes:
        """Try once, and return the body of the answer.

        Raises:
            NotFoundError: nothing was asked with this id, or the server cannot say.
            AgentTimeoutError: nobody has answered yet; `meta` says since when it waits, and until when.
            MultiChatError: there is no answer for another reason.
        """
        if self.http.is_closed:
            raise ClosedError("this AgentClient was closed; make another one")
        authorization = f"Bearer {self.token.reveal()}"
        prefer = f"answered-by, wait={self.wait}"
        headers = {"content-type": "application/json", "authorization": authorization, "prefer": prefer}
        response, content = await exchange(self.http, "POST", self.base, self.path, headers=headers, body=self.body)
        if response.status_code == 200:
            return content
        if response.status_code == 202 and (times := _times(content)):
            raise AgentTimeoutError("nobody has answered yet; the question waits on", meta=times)
        failure = http_failure(response.status_code, content, self.base, self.token)
        if failure.meta["code"] == "not_found":
            raise NotFoundError(f"nothing was asked with the id {self.request_id!r}", name=self.request_id)
        if response.status_code in (404, 405):
            raise NotFoundError(f"{self.base} gives no answers by their ids alone", name=self.request_id)
        raise failure

    async def withdraw(self) -> None:
        """Do nothing: whoever waits no longer may come back, and so may others."""


def _times(content: bytes) -> dict[str, str]:
    """Return since when a question waits, and until when, as a server says it; nothing where it says something else."""
    try:
        said = json.loads(content)
        return {name: str(int(said[name])) for name in ("asked_ms", "ends_ms")}
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}


class Calls:
    """Makes the calls of one client to one server.

    Args:
        retry: make a call again where the server keeps what it was asked.
        pace: when.
    """

    def __init__(self, *, retry: bool, pace: Pace | None = None) -> None:
        self._retry = retry
        self._pace = pace or Pace()
        self._health = Health()

    async def make(self, call: Call, seconds: float, bound: float) -> bytes:
        """Return the body of the answer.

        A call that is cancelled, or longer than its bound, withdraws its question, which takes 2 s more at most.

        Args:
            call: what is asked.
            seconds: from now, in which another try may begin.
            bound: seconds from now, after which all of it is over, whatever the server does.

        Raises:
            AgentTimeoutError: that took longer.
            ServerUnreachableError: no connection, or it broke before the answer, with each try.
            MultiChatError: any other way in which there is no answer.
        """
        try:
            with anyio.move_on_after(bound):
                if self._retry and self._health.known is None:
                    # First: what is known before the question is out holds whatever becomes of it, and many agents at
                    # once have one connection each.
                    await self._health.learn(call.http, call.base)
                return await self._until_answered(call, seconds)
        except anyio.get_cancelled_exc_class():
            await self._withdraw(call)
            raise
        await self._withdraw(call)
        raise overdue(call.base, bound)

    async def _until_answered(self, call: Call, seconds: float) -> bytes:
        began = self._pace.now()
        pauses = self._pace.pauses()
        tries = 0
        while True:
            tries, tried = tries + 1, self._pace.now()
            try:
                return await call.send()
            except (ServerUnreachableError, RequestRefusedError) as error:
                busy = error.meta.get("http_status") == "429" and "retry_after" in error.meta
                if isinstance(error, RequestRefusedError) and not busy:
                    raise
                if not await self._may_repeat(call):
                    raise
                failure: AgentError = error
            now = self._pace.now()
            if now - tried > LONGEST_PAUSE:
                pauses = self._pace.pauses()
            # What a server says of the time counts as far as it could be a pause of ours.
            asked_for = min(float(failure.meta.get("retry_after", 0)), LONGEST_PAUSE)
            pause, left = max(next(pauses), asked_for), began + seconds - now
            if pause >= left and isinstance(failure, RequestRefusedError):
                raise failure
            if pause >= left:
                await self._pace.sleep(max(left, 0))
                raise ServerUnreachableError(
                    f"no answer in {tries} tries within {seconds:g} s; the last one: {failure}", meta=failure.meta
                ) from failure
            log.info("%s; asked again in %.2f s", failure, pause)
            await self._pace.sleep(pause)

    async def _withdraw(self, call: Call) -> None:
        # Elsewhere the end of the connection does it.
        if self._health.known is not None and self._health.known.withdraw:
            await call.withdraw()

    async def _may_repeat(self, call: Call) -> bool:
        if not self._retry or call.http.is_closed:
            return False
        if self._health.known is None:  # it may say so now: what it keeps, it kept before
            await self._health.learn(call.http, call.base)
        return self._health.known is not None and self._health.known.durable
