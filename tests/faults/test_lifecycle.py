"""Servers switched, removed and edited in every state; and closing in every state."""

import asyncio
import gc
import threading
import warnings

import pytest
from people import QUICK
from waiting import left_over, until

from ipymultichat.errors import DeliveryError
from ipymultichat.hub import Hub
from ipymultichat.server import LocalServer


async def _connecting(hub, proxy):
    proxy.hole = True
    hub.start()
    await until(lambda: proxy.connections)


async def _connected(hub, proxy):
    await hub.connect()


async def _waiting(hub, proxy):
    proxy.refusing = True
    await hub.connect()


async def _half_open(hub, proxy):
    await hub.connect()
    proxy.hole = True


STATES = pytest.mark.parametrize(
    "enter", [_connecting, _connected, _waiting, _half_open], ids=lambda f: f.__name__.strip("_")
)


@STATES
async def test_a_server_switched_off_and_on_at_once_is_connected(make_hub, proxy, enter, status):
    hub = make_hub({"url": proxy.url, "name": "Work"})
    await enter(hub, proxy)
    hub.update_server("Work", enabled=False)
    hub.update_server("Work", enabled=True)
    proxy.heal()
    await until(lambda: hub.counts()["connected_count"] == 1)
    await hub.disconnect()  # whatever is left of the first connection has gone by then, too
    assert status(hub).state == "disconnected"
    await hub.connect()
    assert hub.counts()["connected_count"] == 1


@STATES
async def test_a_server_switched_off_stays_off(make_hub, proxy, enter, status):
    hub = make_hub({"url": proxy.url, "name": "Work"})
    await enter(hub, proxy)
    hub.update_server("Work", enabled=False)
    await until(lambda: status(hub).state == "disconnected")
    await until(lambda: not hub._engine._pool._stopping, seconds=2)
    assert (status(hub).state, hub.users) == ("disconnected", ())


@STATES
async def test_a_server_can_be_removed(make_hub, proxy, enter):
    hub = make_hub({"url": proxy.url, "name": "Work"})
    await enter(hub, proxy)
    hub.reconnect("Work")
    hub.remove_server("Work")
    assert (hub.servers, hub.statuses) == ((), {})
    await until(lambda: not hub._engine._pool._stopping, seconds=2)
    assert hub.statuses == {}


@STATES
async def test_a_new_address_is_used_at_once(make_hub, proxy, enter):
    async with LocalServer() as elsewhere:
        hub = make_hub({"url": proxy.url, "name": "Work"})
        await enter(hub, proxy)
        began = asyncio.get_running_loop().time()
        hub.update_server("Work", url=elsewhere.url + "?not-yet")
        hub.update_server("Work", url=elsewhere.url)
        await until(lambda: hub.counts()["connected_count"] == 1)
        assert asyncio.get_running_loop().time() - began < 0.5
        hub.close()


@STATES
async def test_a_new_token_is_used_at_once(make_hub, proxy, enter, server, ask, pending):
    hub = make_hub({"url": proxy.url, "name": "Work"}, token="another")
    await enter(hub, proxy)
    hub.set_token("tok")
    proxy.heal()
    await hub.connect()
    agent = ask(server)
    await hub.reply((await pending(hub))[0], "yes")
    assert (await agent).text == "yes"


async def test_a_new_nickname_in_mid_login_is_not_forgotten(make_hub, proxy, server):
    watcher = make_hub(server.url, nickname="watcher")
    await watcher.connect()
    hub = make_hub(proxy.url)
    await hub.connect()
    proxy.stall_after(0)
    proxy.cut()
    await until(lambda: proxy.accepted == 2)
    hub.set_nickname("renamed")
    proxy.heal()
    await until(lambda: [user.nickname for user in watcher.users] == ["renamed"])


async def test_a_reply_on_its_way_when_its_server_is_switched_off_fails_with_its_text_and_can_be_sent_again(
    make_hub, proxy, server, ask, pending
):
    hub = make_hub({"url": proxy.url, "name": "Work"})
    await hub.connect()
    agent = ask(server)
    (message,) = await pending(hub)
    proxy.stalled = True
    delivery = hub.reply(message, "yes")
    hub.update_server("Work", enabled=False)
    with pytest.raises(DeliveryError, match="switched off or removed"):
        await delivery
    hub.update_server("Work", enabled=True)
    proxy.heal()
    await until(lambda: hub.counts()["connected_count"] == 1)
    assert hub.inbox.get(message.id).draft[0].text == "yes"
    assert (await hub.reply(message, "yes")).status == "replied"
    assert (await agent).text == "yes"


async def test_a_reply_on_its_way_survives_a_new_token_and_a_new_address_of_the_same_server(
    make_hub, proxy, server, ask, pending
):
    hub = make_hub({"url": proxy.url, "name": "Work"})
    await hub.connect()
    agent = ask(server)
    (message,) = await pending(hub)
    proxy.stalled = True
    delivery = hub.reply(message, "yes")
    hub.update_server("Work", url=server.url)
    assert (await delivery).status == "replied"
    assert (await agent).text == "yes"


@pytest.mark.parametrize("io", ["kernel", "thread"])
@STATES
async def test_closing_leaves_no_task_socket_thread_or_warning(proxy, server, enter, io):
    before, threads = asyncio.all_tasks(), threading.active_count()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hub = Hub(":memory:", servers=[proxy.url], token="tok", nickname="me", io=io, settings=QUICK)
        await enter(hub, proxy)
        began = asyncio.get_running_loop().time()
        hub.close()
        hub.close()
        await until(lambda: not left_over(before), seconds=3)
        assert asyncio.get_running_loop().time() - began < 2
        await until(lambda: threading.active_count() == threads, seconds=2)
        proxy.heal()
        await until(lambda: proxy.connections == 0)
        del hub
        gc.collect()
