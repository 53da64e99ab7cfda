"""Prints what hostile peers cost the embedded server: memory it holds for them, and how long they hold its loop."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import struct
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ipymultichat.server import LocalServer
from ipymultichat.wire import agentassist_pb2 as pb

MB = 1_000_000
PATH = "/agentassistproto.SrvAgentAssist/AskQuestion"
Attack = Callable[[str, int], Coroutine[Any, Any, object]]
"""Attacks a server with this address and port; what it returns lives until the server was measured."""


def serve(pipe: Connection) -> None:
    """Run a server until told to end; answer each request with its memory and the longest pause of its loop since."""

    async def run() -> None:
        longest = 0.0

        async def beat() -> None:
            nonlocal longest
            last = time.perf_counter()
            while True:
                await asyncio.sleep(0.001)
                now = time.perf_counter()
                longest, last = max(longest, now - last), now

        async with LocalServer() as server:
            beating = asyncio.ensure_future(beat())
            pipe.send(server.url)
            while await asyncio.to_thread(pipe.recv):
                pipe.send((memory(), longest))
                await asyncio.sleep(0.01)
                longest = 0.0
            beating.cancel()

    asyncio.run(run())


def memory() -> float:
    """Memory of this process in MB (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / MB


@contextlib.asynccontextmanager
async def person(url: str) -> AsyncIterator[ClientConnection]:
    """Log in, and read whatever comes."""
    async with connect(url, compression=None, max_size=None) as socket:
        await socket.send(pb.WebsocketMessage(Cmd="UserLogin", StrParam="t", Nickname="n").SerializeToString())

        async def read() -> None:
            with contextlib.suppress(ConnectionClosed):
                async for _ in socket:
                    pass

        reading = asyncio.ensure_future(read())
        yield socket
        reading.cancel()


async def half_sent_frames(url: str, port: int) -> object:
    """40 sockets that have not logged in, each with 31 of 32 MB of a frame."""
    del port
    sockets = [await connect(url, compression=None) for _ in range(40)]
    for socket in sockets:
        with contextlib.suppress(ConnectionClosed):
            socket.transport.write(b"\x82\xff" + struct.pack("!Q", 32 * MB) + bytes(4))
            for _ in range(31):
                if socket.transport.is_closing():
                    break
                socket.transport.write(bytes(MB))
                await asyncio.sleep(0.005)
    await asyncio.sleep(2)
    return sockets


async def half_sent_bodies(url: str, port: int) -> object:
    """40 calls, each with 23 of 24 MB of a body."""
    del url
    writers = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(40)]
    for writer in writers:
        head = (
            f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/proto\r\ncontent-length: {24 * MB}\r\n\r\n"
        )
        writer.write(head.encode())
        for _ in range(23):
            writer.write(bytes(MB))
            if writer.is_closing():
                break
            await asyncio.sleep(0.005)
    await asyncio.sleep(2)
    return writers


async def waiting_requests(url: str, port: int) -> object:
    """30 requests of 20 MB that wait for an answer."""
    stack = contextlib.AsyncExitStack()
    await stack.enter_async_context(person(url))
    writers = []
    for _ in range(30):
        writers.append((await asyncio.open_connection("127.0.0.1", port))[1])
        writers[-1].write(post(call("x" * 20 * MB)))
        await writers[-1].drain()
    await asyncio.sleep(2)
    return stack, writers


async def many_ids(url: str, port: int) -> None:
    """A check of 300,000 ids."""
    del port
    check = pb.CheckMessageValidityRequest(request_ids=[f"{n:x}" for n in range(300_000)])
    async with person(url) as socket:
        with contextlib.suppress(ConnectionClosed):
            frame = pb.WebsocketMessage(Cmd="CheckMessageValidity", CheckMessageValidityRequest=check)
            await socket.send(frame.SerializeToString())
            await asyncio.sleep(3)


async def ids_allowed(url: str, port: int) -> None:
    """A check of 9,990 ids, as many as a message may have."""
    del port
    check = pb.CheckMessageValidityRequest(request_ids=[f"{n:032x}" for n in range(9_990)])
    async with person(url) as socket:
        frame = pb.WebsocketMessage(Cmd="CheckMessageValidity", CheckMessageValidityRequest=check)
        await socket.send(frame.SerializeToString())
        await asyncio.sleep(1)


async def large_question(url: str, port: int) -> None:
    """One question of 24 MB."""
    async with person(url):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(call("x" * 24 * MB)))
        await asyncio.sleep(2)


async def json_parts(url: str, port: int) -> None:
    """JSON of 240 KB made of numbers in a list."""
    del url
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post(b'{"ID":[' + b"1e9," * 60_000 + b"1]}", "json"))
    await asyncio.sleep(2)


async def empty_frames(url: str, port: int) -> None:
    """40,000 frames of nothing, in one piece."""
    del port
    async with person(url) as socket:
        socket.transport.write((b"\x82\x80" + bytes(4)) * 40_000)
        await asyncio.sleep(3)


def call(text: str) -> bytes:
    """A question in the binary format."""
    return pb.AskQuestionRequest(
        UserToken="t", Request=pb.McpAskQuestionRequest(Question=text, Timeout=60)
    ).SerializeToString()


def post(body: bytes, kind: str = "proto") -> bytes:
    """An HTTP request that carries it."""
    head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/{kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def measure(attack: Attack) -> None:
    """Run an attack against a server in a process of its own, and print what it cost."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,))
    server.start()
    url = here.recv()

    async def run() -> None:
        here.send(True)
        before, _ = await asyncio.to_thread(here.recv)
        await asyncio.sleep(0.1)
        kept = await attack(url, int(url.rpartition(":")[2].removesuffix("/ws")))
        here.send(True)
        after, longest = await asyncio.to_thread(here.recv)
        del kept
        print(
            f"{(attack.__doc__ or '').rstrip('.')}: {after - before:,.0f} MB held, loop held {longest * 1000:,.0f} ms"
        )

    asyncio.run(run())
    here.send(False)
    server.join()


if __name__ == "__main__":
    for each in (half_sent_frames, half_sent_bodies, waiting_requests):
        measure(each)
    for each in (many_ids, ids_allowed, large_question, json_parts, empty_frames):
        measure(each)
