"""What the server asks of a store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Protocol

from ipymultichat.server.stores.record import Key, Record, State

LARGE = 2**18
"""Bytes of a request or answer from which on work on one is done in a thread: no loop can wait for it."""


class StoreError(Exception):
    """A store that cannot do what it was asked to; nothing was changed.

    Attributes:
        full: whether it is for lack of room.
        in_use: whether it is because another server has it.
    """

    def __init__(self, message: str, *, full: bool = False, in_use: bool = False) -> None:
        super().__init__(message)
        self.full = full
        self.in_use = in_use


class Store(Protocol):
    """Keeps requests, and decides who is first.

    Every change is one step that happens or not, whoever else makes another one at the same moment, and is as durable
    as the store is when it returns. All methods raise `StoreError`, and are called on one event loop.

    Attributes:
        durable: whether what it holds outlives this process.
        shared: whether other processes use it at the same time.
    """

    durable: bool
    shared: bool

    async def open(self, process: str, now_ms: int, away_until_ms: int) -> None:
        """Make it usable; requests of processes that have ended are marked as those of agents that are away.

        Args:
            process: the name of this process, used by no other; "" for one that only looks, or adds records, while
                servers may be using it, and leaves everything else as it is.
            now_ms: now.
            away_until_ms: when these requests are given up.
        """

    async def close(self) -> None:
        """Release it. A second call does nothing."""

    async def ask(self, record: Record, *, insert: bool) -> Record | None:
        """Take a request in, join one that waits, or fetch a recorded answer.

        Args:
            record: as it begins, with its waiter.
            insert: False takes nothing new in.

        Returns:
            The record as it is now: the new one, the one that waits and has this waiter from now on, the answered one,
            or one of another digest, unchanged, whose id is used. None where there is none, and none was to be made.
            An id whose request ended without an answer is free.
        """

    async def answer(self, key: Key, digest: str, response: bytes, who: tuple[str, str], now_ms: int) -> Record | None:
        """Answer a request if it waits and asks what is meant.

        Args:
            key: which one.
            digest: of what the person saw.
            response: the answer.
            who: nickname and client id of the person.
            now_ms: now.

        Returns:
            The record as it is now, whoever was first; None where there is none.
        """

    async def end(self, key: Key, state: State, now_ms: int) -> Record | None:
        """End a request without an answer; None unless it waited."""

    async def join(self, key: Key, waiter: str) -> Record | None:
        """Name who waits for a request; None unless it waits."""

    async def leave(self, key: Key, waiter: str, away_until_ms: int) -> Record | None:
        """Mark a request's agent as away; None unless it waits, and for this waiter."""

    async def keep(self, key: Key) -> Record | None:
        """Mark an answer as one that has reached nobody yet; None where it was kept already, or fetched."""

    async def due(self, now_ms: int) -> list[Record]:
        """End what nobody answered in time, and what agents have left for too long; return each once."""

    async def open_records(self) -> list[Record]:
        """Return all that waits, and the kept answers, oldest first."""

    async def versions(self) -> dict[Key, int]:
        """Return which requests wait, and the version of each."""

    async def read(self, key: Key) -> Record | None:
        """Return one record."""

    async def forget(self, answered_before_ms: int, ended_before_ms: int, most_bytes: int) -> list[Key]:
        """Delete what is over.

        Args:
            answered_before_ms: answered requests that ended before are deleted.
            ended_before_ms: the others that ended before are deleted.
            most_bytes: so many bytes of answered requests stay at most; the oldest go first.

        Returns:
            The keys of the answered ones.
        """

    def records(self) -> AsyncIterator[Record]:
        """Yield everything, oldest first."""

    async def put(self, records: Iterable[Record]) -> int:
        """Add records of another store, and return how many; ids in use stay as they are."""


@dataclass(frozen=True)
class Person:
    """Somebody connected to one of several server processes.

    Attributes:
        client_id: the address others send chat to.
        team: the team they are in.
        nickname: as others see it.
        connected_at: seconds since the epoch.
    """

    client_id: str
    team: str
    nickname: str
    connected_at: int


@dataclass(frozen=True)
class WakeUp:
    """Something may have changed: a request, the people, what is said to ours; or anything, where none is named.

    Attributes:
        key: the request.
        version: its version.
        people: whether somebody came, went or has another name.
        chat: whether something was said to somebody here.
    """

    key: Key | None = None
    version: int = 0
    people: bool = False
    chat: bool = False


class SharedStore(Store, Protocol):
    """A store that several server processes use at once, and through which they hear of each other."""

    async def beat(self, away_until_ms: int) -> bool:
        """Give a sign of life, and bury processes without one: their people are gone, their agents away.

        Args:
            away_until_ms: when the requests of these agents are given up.

        Returns:
            Whether this process was not known, because it is new or had been buried.
        """

    async def depart(self) -> None:
        """Bury this process: it is about to end."""

    async def show(self, person: Person) -> None:
        """Let the others know who is connected here, or has another name."""

    async def hide(self, client_id: str) -> None:
        """Let the others know who is not connected here any more."""

    async def elsewhere(self) -> list[Person]:
        """Return the people who are connected to other processes, in the order in which they came."""

    async def say(self, client_id: str, frame: bytes) -> None:
        """Hand a frame to the process that somebody is connected to; lost when there is none any more."""

    async def heard(self) -> list[tuple[str, bytes]]:
        """Return once what others have said to people here: client ids and frames."""

    def wake_ups(self) -> AsyncIterator[WakeUp]:
        """Yield what changes, as soon as it is known; the first one says that from now on nothing is missed."""
