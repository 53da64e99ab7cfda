"""Takes in connections while there is room for them, and survives a process without free descriptors."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio

from ipymultichat.server.admission import Admission, Visit
from ipymultichat.server.limits import Limits, address_key

try:
    import resource
except ModuleNotFoundError:  # Windows, which has no such limit
    resource = None  # type: ignore[assignment]

logger: logging.Logger = logging.getLogger("ipymultichat.server")

RESERVE = 128
"""Descriptors left to the rest of the process, files and connections of its own; a quarter where there are few."""

PAUSE = 1.0
"""Seconds until the next try after the process had no descriptor left."""

GOODBYE = 1.0
"""Seconds a peer has to agree to the end of its encrypted connection."""

QUIET = 60.0
"""Seconds between two lines of the log about a lack of room."""


def places_within(limits: Limits) -> int:
    """Return how many connections the process may have at once: what is wanted, or what its descriptors allow."""
    if resource is None:
        return limits.max_connections
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if allowed == resource.RLIM_INFINITY:
        return limits.max_connections
    return max(min(limits.max_connections, allowed - min(RESERVE, allowed // 4)), 1)


def raise_descriptor_limit(limits: Limits) -> None:
    """Let this process open as many files as its connections take, where the system allows it."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.max_connections + RESERVE
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Acceptor:
    """Accepts connections on one socket; whoever finds no room waits to be accepted.

    asyncio's own server goes on accepting until the process has no descriptor left, then logs an error for each try.

    Args:
        listening: a socket that listens; it is closed with this.
        admission: who may be connected; a connection is counted from the moment it is accepted, so that those that are
            still to be encrypted have their bounds as well.
        protocol: makes the protocol of a connection; once that has its transport, ends are its business.
        trusts: whether an address is a proxy's, behind which there are others.
        tls: None takes connections as they are.
    """

    def __init__(
        self,
        listening: socket.socket,
        admission: Admission,
        protocol: Callable[[Visit], asyncio.Protocol],
        *,
        trusts: Callable[[str], bool],
        tls: ssl.SSLContext | None,
    ) -> None:
        self._listening = listening
        self._trusts = trusts
        self._admission = admission
        self._protocol = protocol
        self._tls: dict[str, Any] = {}
        if tls is not None:
            self._tls = {"ssl": tls, "ssl_handshake_timeout": admission.limits.login_seconds}
            if sys.version_info >= (3, 11):
                self._tls["ssl_shutdown_timeout"] = GOODBYE
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._entering: dict[asyncio.Task[Any], socket.socket] = {}
        self._closing = False
        self._told = -QUIET
        self._task = self._loop.create_task(self._run())

    def one_left(self) -> None:
        """Say that a connection has ended, or is no stranger's any more."""
        self._changed.set()

    async def close(self) -> None:
        """Accept no more, and close the socket; what was accepted has its protocol then."""
        self._closing = True
        # What is accepted in this round of the loop would be lost with a task that is cancelled now.
        with contextlib.suppress(NotImplementedError):  # Windows' loop has no readers
            self._loop.remove_reader(self._listening.fileno())
        for _ in range(3):
            await asyncio.sleep(0)
        self._task.cancel()
        if self._tls:
            for connection in self._entering.values():
                _hang_up(connection)  # a peer that says nothing would be waited for
        await asyncio.wait({self._task, *self._entering})
        self._listening.close()

    async def _run(self) -> None:
        while not self._closing:
            self._changed.clear()
            if len(self._admission) >= self._admission.places:
                self._tell("all places for connections are taken; new ones wait")
                await self._changed.wait()
                continue
            if (seconds := self._admission.crowded()) > 0:
                with anyio.move_on_after(seconds):
                    await self._changed.wait()
                continue
            try:
                connection, peer = await self._loop.sock_accept(self._listening)
            except ConnectionAbortedError:
                continue  # it had gone before it was accepted
            except OSError as error:
                reason = os.strerror(error.errno) if error.errno else str(error)
                self._tell(f"no connection can be taken in for now: {reason}")
                await asyncio.sleep(PAUSE)
                continue
            self._enter(connection, peer[0])
            await asyncio.sleep(0)  # `sock_accept` does not give way while connections are waiting

    def _enter(self, connection: socket.socket, address: str) -> None:
        """Take a connection in, or close it where its address has its share."""
        leave = partial(_hang_up, connection)
        visit = self._admission.enter(address_key(address), leave, leave, for_many=self._trusts(address))
        if visit is None:
            connection.close()
            return
        task = self._loop.create_task(
            self._loop.connect_accepted_socket(lambda: self._protocol(visit), connection, **self._tls)
        )
        self._entering[task] = connection
        task.add_done_callback(partial(self._entered, visit))

    def _entered(self, visit: Visit, task: asyncio.Task[Any]) -> None:
        connection = self._entering.pop(task)
        if task.cancelled() or task.exception() is not None:  # it is gone already, or its TLS is none
            self._admission.leave(visit)
            connection.close()
        self._changed.set()

    def _tell(self, line: str) -> None:
        """Log a warning, unless there was one a short while ago."""
        if self._loop.time() - self._told >= QUIET:
            self._told = self._loop.time()
            logger.warning("%s", line)


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
