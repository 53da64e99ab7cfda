"""A server that keeps what it was asked, played over real sockets: each call meets the next step of a script."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

from chat_person import text_part

from ipymultichat.wire import agentassist_pb2 as pb

Step = Callable[["DurableServer", asyncio.StreamWriter], Awaitable[None]]

DURABLE = b'{"status": "ok", "durable": true, "withdraw": true}'


def page(status: str, body: bytes = b"", content_type: str = "application/json") -> bytes:
    """A whole response."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body


def say(raw: bytes) -> Step:
    """Send bytes, and hang up."""

    async def step(server: DurableServer, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return step


def answer(text: str) -> Step:
    """Answer the call."""
    body = pb.AskQuestionResponse(contents=[text_part(text)]).SerializeToString()
    return say(page("200 OK", body, "application/proto"))


hang_up = say(b"")
stopping = say(page("503 Service Unavailable", b'{"code": "unavailable", "message": "the server is stopping"}'))


async def hold(server: DurableServer, writer: asyncio.StreamWriter) -> None:
    """Say nothing until the script's own end, or the caller's."""
    await server.ended.wait()


class DurableServer:
    """Answers calls by a script, and keeps what came.

    Attributes:
        script: what the next calls meet; one that finds none is held.
        health: what `/health` meets.
        withdrawal: what a withdrawal meets.
        calls: the paths and bodies of the calls that came, in order.
        asked: how many times `/health` was asked.
        withdrawn: the authorization and the body of the withdrawals that came.
        open: how many connections are open.
        ended: lets go of what is held.
    """

    def __init__(self, *script: Step, health: Step | None = None) -> None:
        self.script = list(script)
        self.health = health or say(page("200 OK", DURABLE))
        self.withdrawal = say(page("200 OK", b'{"withdrawn": true}'))
        self.calls: list[tuple[str, bytes]] = []
        self.asked = 0
        self.withdrawn: list[tuple[str, object]] = []
        self.open = 0
        self.ended = asyncio.Event()
        self._talks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"ws://127.0.0.1:{self._port}"

    @property
    def ids(self) -> list[str]:
        """The ids of the questions that came, in order."""
        return [pb.AskQuestionRequest.FromString(body).ID for _, body in self.calls]

    async def listen(self) -> None:
        """Take connections, again at the port it had before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Take no more connections."""
        assert self._server is not None
        self._server.close()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[DurableServer]:
        """Listen until the end of the block, and wait until every connection is closed."""
        await self.listen()
        try:
            yield self
        finally:
            self.refuse()
            self.ended.set()
            await asyncio.gather(*self._talks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = cast("asyncio.Task[None]", asyncio.current_task())
        self._talks.add(talk)
        self.open += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._talk(reader, writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        finally:
            self.open -= 1
            self._talks.discard(talk)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = head[0].split(" ")
        if path.endswith("/health"):
            assert (method, body, headers.get("authorization")) == ("GET", b"", None)
            self.asked += 1
            step = self.health
        elif path.endswith("/ipymultichat/withdraw"):
            assert (method, headers["content-type"]) == ("POST", "application/json")
            self.withdrawn.append((headers["authorization"].encode("latin-1").decode(), json.loads(body)))
            step = self.withdrawal
        else:
            self.calls.append((path, body))
            step = self.script.pop(0) if self.script else hold
        gone = asyncio.create_task(reader.read())  # the caller sends no more: it ends with the caller
        talking = asyncio.ensure_future(step(self, writer))
        try:
            await asyncio.wait([gone, talking], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (gone, talking):
                task.cancel()
            await asyncio.gather(gone, talking, return_exceptions=True)
