import asyncio
from collections.abc import AsyncIterator

import pytest
from proxy import Proxy
from waiting import until

from ipymultichat.net.connection import Connection
from ipymultichat.server import LocalServer

LARGE = b"\x00" * 15_000_000


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async with LocalServer() as server, Proxy(server.url) as running:
        yield running


@pytest.fixture
async def connection(proxy: Proxy) -> AsyncIterator[Connection]:
    made = await Connection.open(proxy.url, timeout=2, keepalive=20)
    yield made
    await made.close()


async def test_a_server_that_takes_nothing_is_given_up_before_memory_is(
    connection: Connection, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipymultichat.net.connection.MAX_OUTGOING", 3)
    reading = asyncio.ensure_future(connection.read(lambda _frame: None))
    proxy.stalled = True
    connection.send([LARGE])
    await until(lambda: proxy.held)
    connection.send([b"\x00"] * 3)
    assert not reading.done()
    connection.send([b"\x00"])
    assert await reading == "the server no longer takes what is sent to it"


async def test_closing_behind_a_frame_that_does_not_leave_is_bounded(connection: Connection, proxy: Proxy) -> None:
    proxy.stalled = True
    connection.send([LARGE])
    await until(lambda: proxy.held)
    await connection.close()
    assert proxy.stalled  # nothing of the goodbye has got through


async def test_a_probe_behind_a_frame_that_does_not_leave_is_bounded(connection: Connection, proxy: Proxy) -> None:
    reading = asyncio.ensure_future(connection.read(lambda _frame: None))
    proxy.stalled = True
    connection.send([LARGE])
    await until(lambda: proxy.held)
    connection.probe(0.2, "gone")
    assert await reading == "gone"


async def test_a_probe_of_a_living_server_leaves_the_connection_alone(connection: Connection) -> None:
    reading = asyncio.ensure_future(connection.read(lambda _frame: None))
    for _ in range(3):
        connection.probe(0.5, "gone")
    await until(connection._probe.done)
    assert not reading.done()
    await connection.close()
    await reading
