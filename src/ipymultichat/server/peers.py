"""Several server processes, one inbox: what this one learns from the others through a shared store, and tells them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine
from dataclasses import replace
from typing import Any

from ipymultichat.server.effects import Client
from ipymultichat.server.relay import Relay
from ipymultichat.server.stores.port import Person, SharedStore, StoreError, WakeUp
from ipymultichat.server.stores.record import Key

logger: logging.Logger = logging.getLogger("ipymultichat.server")

BEAT_EVERY = 2.0
"""Seconds between two signs of life, and between two comparisons with the store, which cover lost wake-ups."""

RETRY = 0.5
"""Seconds until the next try while the store cannot be used."""


class Peers:
    """Runs beside a relay whose store is shared, on its loop.

    Args:
        relay: the relay.
        store: its store.
    """

    def __init__(self, relay: Relay, store: SharedStore) -> None:
        self._relay = relay
        self._store = store
        self._shown: dict[str, Person] = {}
        self._said: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._relay.forward = lambda client_id, frame: self._said.put_nowait((client_id, frame))
        loops = (self._listen, self._beat, self._show, self._say)
        self._tasks = [asyncio.create_task(self._again(loop)) for loop in loops]

    async def stop(self) -> None:
        """End all of it, and let the others know."""
        await cancelled(self._tasks)
        try:
            await self._store.depart()
        except StoreError as error:
            logger.warning("the other processes learn only in a while that this one has stopped: %s", error)

    async def _again(self, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run something that goes on for ever, and begin it anew when the store fails."""
        while True:
            try:
                await self._relay.with_notice(loop())
            except StoreError:  # said and logged
                await asyncio.sleep(RETRY)

    async def _listen(self) -> None:
        async for wake_up in self._store.wake_ups():
            self._relay.remind("")
            await self._look(wake_up)

    async def _look(self, wake_up: WakeUp) -> None:
        everything = wake_up == WakeUp()
        if wake_up.key is not None and wake_up.version > self._relay.state.waiting.version(wake_up.key):
            await self._read(wake_up.key)
        if wake_up.people or everything:
            await self._meet()
        if wake_up.chat or everything:
            await self._hear()
        if everything:
            await self._compare()

    async def _beat(self) -> None:
        while True:
            if await self._store.beat(self._relay.away_until_ms):
                # The others had given this process up: it was frozen, or the database was away for long.
                self._shown.clear()
                self._relay.people_changed.set()
                self._relay.reclaim()
            await self._look(WakeUp())
            self._relay.remind("")
            await asyncio.sleep(BEAT_EVERY)

    async def _show(self) -> None:
        """Let the others know who is connected here."""
        while True:
            self._relay.people_changed.clear()
            here = {
                client.client_id: _person(client) for client in self._relay.state.clients if client.token is not None
            }
            for client_id in self._shown.keys() - here.keys():
                await self._store.hide(client_id)
                del self._shown[client_id]
            for client_id, person in here.items():
                if self._shown.get(client_id) != person:
                    await self._store.show(person)
                    self._shown[client_id] = person
            await self._relay.people_changed.wait()

    async def _say(self) -> None:
        while True:
            client_id, frame = await self._said.get()
            try:
                await self._store.say(client_id, frame)
            except StoreError:
                self._said.put_nowait((client_id, frame))
                raise

    async def _meet(self) -> None:
        people = [
            Client(person.client_id, person.connected_at, nickname=person.nickname, team=person.team)
            for person in await self._store.elsewhere()
        ]
        self._relay.apply(self._relay.state.meet(people))

    async def _hear(self) -> None:
        for client_id, frame in await self._store.heard():
            self._relay.apply(self._relay.state.hear(client_id, frame))

    async def _compare(self) -> None:
        """Find what no wake-up has told of."""
        waiting = self._relay.state.waiting
        known = {pending.record.key: pending.record.version for pending in waiting}
        there = await self._store.versions()
        for key, version in there.items():
            if version > waiting.version(key):
                await self._read(key)
        for key in known.keys() - there.keys():
            await self._read(key)

    async def _read(self, key: Key) -> None:
        record = await self._store.read(key)
        pending = self._relay.state.waiting.get(key)
        if record is not None:
            self._relay.take(record)
        elif pending is not None:  # its row is gone: somebody has put another database in place
            self._relay.take(replace(pending.record, state="cancelled", version=pending.record.version + 1))


async def cancelled(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended.

    More than once, if need be: before Python 3.12, `asyncio.wait_for`, which libraries use, loses a cancellation that
    comes together with what was waited for.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.2)


def _person(client: Client) -> Person:
    return Person(client.client_id, client.team, client.nickname, client.connected_at)
