"""A server in a process of its own, on any number of ports, that sends what a benchmark tells it to."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import random
import time
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from typing_extensions import Self
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Frame, Opcode

from ipymultichat.wire import agentassist_pb2 as pb

TEXT = ("Deploy build 142 to staging? " * 7)[:200]
_numbers = itertools.count()


def question(text: str) -> bytes:
    """A frame with a question."""
    body = pb.McpAskQuestionRequest(
        ProjectDirectory="/home/ada/project", Question=text, Timeout=3600, AgentName="claude",
        ReasoningModelName="opus", McpClientName="cli",
    )  # fmt: skip
    key = f"q{next(_numbers)}"
    request = pb.AskQuestionRequest(ID=key, UserToken="t", Timestamp=int(time.time() * 1000), Request=body)
    return pb.WebsocketMessage(Cmd="AskQuestion", AskQuestionRequest=request).SerializeToString()


def chat(text: str) -> bytes:
    """A frame with a chat message."""
    message = pb.ChatMessage(
        message_id=f"m{next(_numbers)}", sender_client_id="ada-1", sender_nickname="ada", receiver_client_id="me-1",
        receiver_nickname="me", content=text, sent_at=int(time.time()),
    )  # fmt: skip
    notice = pb.ChatMessageNotification(chat_message=message)
    return pb.WebsocketMessage(Cmd="ChatMessageNotification", ChatMessageNotification=notice).SerializeToString()


KINDS = {"question": question, "chat": chat}


class Feeder:
    """The server's process.

    Args:
        ports: on how many ports it listens, each a server for whoever connects.

    Attributes:
        urls: one for each port.
    """

    urls: list[str]

    def __init__(self, ports: int = 1) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(target=_run, args=(theirs, ports), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self.urls = [f"ws://127.0.0.1:{port}/ws" for port in self._pipe.recv()]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()

    def prepare(self, kind: str, count: int) -> None:
        """Make that many frames for every connection, `no. 0 …` and so on; returns when they are made."""
        self._call("prepare", kind, count)

    def go(self) -> None:
        """Send them, all at once."""
        self._call("go")

    def drip(self, count: int, rate: float) -> None:
        """Send chat messages in turn to the connections that do not flap, each with `at`, the time in µs, as its text.

        Args:
            count: how many in all.
            rate: how many a second.
        """
        self._call("drip", count, rate)

    def flap(self, ports: int, seconds: float) -> None:
        """Cut a connection to one of the last `ports` ports every 50 ms, for some seconds."""
        self._call("flap", ports, seconds)

    def _call(self, *command: object) -> None:
        self._pipe.send(command)
        self._pipe.recv()


class _Server:
    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._sockets: dict[ServerConnection, int] = {}
        self._ready: dict[ServerConnection, bytes] = {}
        self._flapping = 0
        self._ports = 0
        self._running: set[asyncio.Task[None]] = set()

    async def main(self, ports: int) -> None:
        self._ports = ports
        servers = [
            await serve(self._talking(number), "127.0.0.1", 0, compression=None, ping_interval=None)
            for number in range(ports)
        ]
        self._pipe.send([next(iter(server.sockets)).getsockname()[1] for server in servers])
        while True:
            name, *arguments = await asyncio.to_thread(self._pipe.recv)
            work = getattr(self, f"_{name}")(*arguments)
            if work is not None:
                self._running.add(asyncio.ensure_future(work))
            self._pipe.send(None)

    def _talking(self, port: int) -> Any:
        async def talk(socket: ServerConnection) -> None:
            self._sockets[socket] = port
            with contextlib.suppress(ConnectionClosedError):
                async for raw in socket:
                    assert isinstance(raw, bytes)
                    answer = _answer(pb.WebsocketMessage.FromString(raw))
                    if answer is not None:
                        await socket.send(answer.SerializeToString())
            del self._sockets[socket]

        return talk

    def _prepare(self, kind: str, count: int) -> None:
        make = KINDS[kind]
        self._ready = {
            socket: b"".join(Frame(Opcode.BINARY, make(f"no. {n} {TEXT}")).serialize(mask=False) for n in range(count))
            for socket in self._sockets
        }

    def _go(self) -> None:
        for socket, frames in self._ready.items():
            socket.transport.write(frames)
        self._ready = {}

    async def _drip(self, count: int, rate: float) -> None:
        began = time.perf_counter()
        steady = sorted(
            (socket for socket, port in self._sockets.items() if port < self._ports - self._flapping),
            key=lambda socket: self._sockets[socket],
        )
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            await steady[number % len(steady)].send(chat(f"at {time.time_ns() // 1000}"))

    async def _flap(self, ports: int, seconds: float) -> None:
        self._flapping = ports
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            flapping = [socket for socket, port in self._sockets.items() if port >= self._ports - ports]
            if flapping:
                random.choice(flapping).transport.abort()
            await asyncio.sleep(0.05)


def _answer(command: pb.WebsocketMessage) -> pb.WebsocketMessage | None:
    """The login works, nothing waits, nobody is online, and whatever is asked about waits on."""
    answer = pb.WebsocketMessage(Cmd=command.Cmd)
    if command.Cmd == "UserLogin":
        answer.UserLoginResponse.CopyFrom(pb.UserLoginResponse(client_id="me-1", success=True))
    elif command.Cmd == "GetPendingMessages":
        answer.GetPendingMessagesResponse.SetInParent()
    elif command.Cmd == "GetOnlineUsers":
        answer.GetOnlineUsersResponse.SetInParent()
    elif command.Cmd == "CheckMessageValidity":
        for key in command.CheckMessageValidityRequest.request_ids:
            answer.CheckMessageValidityResponse.validity[key] = True
    else:
        return None
    return answer


def _run(pipe: Connection, ports: int) -> None:
    asyncio.run(_Server(pipe).main(ports))
