"""What the server does by itself: it ends what is due, and deletes what is over."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any, cast

import anyio

from ipymultichat.server.mcp import McpEndpoint
from ipymultichat.server.peers import Peers, cancelled
from ipymultichat.server.relay import Relay
from ipymultichat.server.stores.port import SharedStore, StoreError

logger: logging.Logger = logging.getLogger("ipymultichat.server")

LONGEST_WAIT = 5.0
"""Seconds after which is looked again at the latest: the clock of the machine may have been put forward meanwhile."""

FORGET_EVERY = 600.0
"""Seconds between two looks for what is over."""

ENDED_FOR = 600_000
"""Milliseconds for which it is known how a request ended that nobody answered: other processes may still ask."""

RETRY = 1.0
"""Seconds until the next try while the store cannot be used."""


class Upkeep:
    """Runs beside a relay, on its loop.

    Args:
        relay: whose requests are looked after.
        keep: seconds for which an answer is kept for an agent that has not fetched it.
        mcp: what serves calls over MCP and runs something beside them, if anything does.
    """

    def __init__(self, relay: Relay, *, keep: float, mcp: McpEndpoint | None = None) -> None:
        self._relay = relay
        self._mcp = mcp
        self._keep_ms = int(keep * 1000)
        self._tasks: list[asyncio.Task[None]] = []
        self._peers: Peers | None = None
        if relay.store.shared:
            self._peers = Peers(relay, cast("SharedStore", relay.store))

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._tasks = [asyncio.create_task(self._end_what_is_due()), asyncio.create_task(self._forget_what_is_over())]
        if self._peers is not None:
            self._peers.start()

    def also(self, task: Coroutine[Any, Any, None]) -> None:
        """Run something else that goes on for ever, until it is stopped."""
        self._tasks.append(asyncio.create_task(task))

    async def stop(self) -> None:
        """End all of it."""
        if self._mcp is not None:
            await self._mcp.stop()
        await cancelled(self._tasks)
        if self._peers is not None:
            await self._peers.stop()

    async def _end_what_is_due(self) -> None:
        relay, state = self._relay, self._relay.state
        while True:
            relay.changed.clear()
            due_ms = state.waiting.next_due_ms()
            wait = LONGEST_WAIT if due_ms is None else min((due_ms - state.now_ms) / 1000, LONGEST_WAIT)
            if wait > 0:
                with anyio.move_on_after(wait):  # asyncio's own loses a cancellation that comes with the change
                    await relay.changed.wait()
                continue
            try:
                for record in await relay.with_notice(relay.store.due(state.now_ms)):
                    relay.counters.ended(record)
                    relay.take(record)
            except StoreError:
                await asyncio.sleep(RETRY)

    async def _forget_what_is_over(self) -> None:
        relay = self._relay
        while True:
            relay.much_settled.clear()
            now_ms, most_bytes = relay.state.now_ms, relay.state.limits.max_kept
            with contextlib.suppress(StoreError):  # said and logged; there is time for it
                forgotten = relay.store.forget(now_ms - self._keep_ms, now_ms - ENDED_FOR, most_bytes)
                for key in await relay.with_notice(forgotten):
                    relay.state.waiting.forget(key)
            with anyio.move_on_after(FORGET_EVERY):
                await relay.much_settled.wait()
