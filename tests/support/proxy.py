"""A TCP proxy that treats connections as bad networks do; every fault can be switched while it runs."""

import asyncio
import contextlib
from urllib.parse import urlsplit

CHUNK = 2**16
DRIP = 0.02
"""Seconds between two pieces on a throttled way."""


class _Pair:
    """One client's connection and its twin to the server."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.server: asyncio.StreamWriter | None = None
        self.dead = False
        self.over = asyncio.Event()

    def abort(self) -> None:
        self.over.set()
        for writer in (self.client, self.server):
            if writer is not None:
                writer.transport.abort()


class Proxy:
    """Stands between clients and one server.

    Attributes:
        delay: seconds added before each piece is passed on.
        rate: bytes per second and direction; None: no limit.
        stalled: hold everything back and lose nothing, as a network that is away for a while.
        hole: swallow everything in both directions and keep the sockets: half-open. A connection that lost bytes
            stays dead when the hole closes, as behind a router that forgot it; a new one works.
        refusing: hang up on new connections at once.
        accepted: how many connections came so far.
        swallowed: how many pieces fell into a hole so far.
        held: how many pieces are held back now.
    """

    def __init__(self, target: str) -> None:
        """Args: target: `ws://HOST:PORT/…` of the server."""
        parts = urlsplit(target)
        self._target = (parts.hostname, parts.port)
        self._pairs: list[_Pair] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._cut_after: dict[str, int] = {}
        self._stall_after: int | None = None
        self._free = asyncio.Event()
        self._free.set()
        self.delay = 0.0
        self.rate: float | None = None
        self.hole = False
        self.refusing = False
        self.accepted = 0
        self.swallowed = 0
        self.held = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/ws"

    @property
    def connections(self) -> int:
        return len(self._pairs)

    @property
    def stalled(self) -> bool:
        return not self._free.is_set()

    @stalled.setter
    def stalled(self, on: bool) -> None:
        (self._free.clear if on else self._free.set)()

    def heal(self) -> None:
        """Behave from now on; connections that lost bytes are beyond help and end."""
        self.delay, self.rate, self.hole, self.refusing, self.stalled = 0.0, None, False, False, False
        self._cut_after.clear()
        self._stall_after = None
        for pair in list(self._pairs):
            if pair.dead:
                pair.abort()

    def cut(self, index: int | None = None) -> None:
        """Break one connection, or all, without a goodbye."""
        for pair in list(self._pairs) if index is None else self._pairs[index : index + 1]:
            pair.abort()

    def cut_in_frame(self, direction: str = "down", after: int = 1) -> None:
        """Break the next connection that sends something, after so many bytes of it.

        Args:
            direction: "down" (to the client) or "up" (to the server).
            after: bytes that still get through.
        """
        self._cut_after[direction] = after

    def stall_after(self, pieces: int) -> None:
        """Hold everything back once so many more pieces came down from the server."""
        self._stall_after = pieces

    async def __aenter__(self) -> "Proxy":  # noqa: PYI034  (not meant to be subclassed)
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.heal()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for pair in self._pairs:  # those whose task had not begun
            pair.abort()
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        pair = _Pair(writer)
        self._pairs.append(pair)
        task = asyncio.ensure_future(self._serve(pair, reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, pair: _Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pumps: list[asyncio.Task[None]] = []
        try:
            if self.refusing:
                return
            upstream, pair.server = await asyncio.open_connection(*self._target)
            pumps = [
                asyncio.create_task(self._pump(pair, reader, pair.server, "up")),
                asyncio.create_task(self._pump(pair, upstream, writer, "down")),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass
        finally:
            for pump in pumps:
                pump.cancel()
            if pumps:
                await asyncio.wait(pumps)
            pair.abort()
            self._pairs.remove(pair)

    async def _pump(
        self, pair: _Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(int(self.rate * DRIP) if self.rate else CHUNK):
                if direction == "down" and self._stall_after is not None:
                    self.stalled = self.stalled or self._stall_after == 0
                    self._stall_after -= 1
                self.held += 1
                try:
                    await self._free.wait()
                finally:
                    self.held -= 1
                if self.delay:
                    await asyncio.sleep(self.delay)
                if self.rate:
                    await asyncio.sleep(len(data) / self.rate)
                pair.dead = pair.dead or self.hole
                if pair.dead:
                    self.swallowed += 1
                    continue
                after = self._cut_after.pop(direction, None)
                if after is not None:
                    writer.write(data[:after])
                    await writer.drain()
                    writer.close()
                    return
                writer.write(data)
                await writer.drain()
        if pair.dead:  # half-open: neither side hears that the other one has gone
            await pair.over.wait()
        await self._free.wait()
