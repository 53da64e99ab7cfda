"""A chat server that says what a test tells it to, over a real socket, and takes answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from frames import ask, login, pending, users, validity
from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from ipymultichat.wire import agentassist_pb2 as pb


class Teller:
    """The server; it takes anybody.

    Attributes:
        waits: ids of the requests that wait.
        after_list: frames that follow the list of what waits, on every login.
        on_reply: frames that go out before it is known to anybody that a reply was taken.
    """

    def __init__(self) -> None:
        self.waits: list[str] = []
        self.after_list: list[bytes] = []
        self.on_reply: list[bytes] = []
        self._server: Server

    @property
    def url(self) -> str:
        (socket,) = self._server.sockets
        return f"ws://127.0.0.1:{socket.getsockname()[1]}"

    def say(self, *frames: bytes) -> None:
        """Push frames to everybody."""
        for frame in frames:
            broadcast(self._server.connections, frame)

    def cut(self) -> None:
        """Break every connection."""
        for connection in self._server.connections:
            connection.transport.abort()

    async def _serve(self, socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            await self._talk(socket)

    async def _talk(self, socket: ServerConnection) -> None:
        async for raw in socket:
            assert isinstance(raw, bytes)
            message = pb.WebsocketMessage.FromString(raw)
            if message.Cmd == "UserLogin":
                await socket.send(login())
            elif message.Cmd == "GetPendingMessages":
                for frame in (pending(*map(ask, self.waits)), *self.after_list):
                    await socket.send(frame)
            elif message.Cmd == "GetOnlineUsers":
                await socket.send(users())
            elif message.Cmd == "CheckMessageValidity":
                ids = message.CheckMessageValidityRequest.request_ids
                await socket.send(validity(**{request_id: request_id in self.waits for request_id in ids}))
            elif message.Cmd == "AskQuestionReply":
                self.waits.remove(message.AskQuestionRequest.ID)
                self.say(*self.on_reply)


@asynccontextmanager
async def telling() -> AsyncIterator[Teller]:
    """A running one."""
    teller = Teller()
    async with serve(teller._serve, "127.0.0.1", 0) as teller._server:
        yield teller
