"""A machine that slept, and a loop that was blocked by a cell."""

import asyncio
import time
from dataclasses import replace

import pytest
from people import QUICK
from waiting import until

from ipymultichat.session import Backoff


@pytest.fixture
def quick_watch(monkeypatch):
    monkeypatch.setattr("ipymultichat.net.watch._TICK", 0.01)
    monkeypatch.setattr("ipymultichat.net.watch._BLOCKED", 0.1)


def notices(hub):
    return " ".join(notice.text for notice in hub.notices)


async def test_a_blocked_loop_that_cost_the_connection_is_made_good_at_once_and_told(
    make_hub, proxy, quick_watch, status, ask, server, pending
):
    hub = make_hub(proxy.url)
    await hub.connect()
    link = hub._engine._pool.link(hub.servers[0].id)
    for _ in range(8):  # as after a bad night: the next try would be far away
        link._backoff.next_delay()
    errors = []
    hub.listen(lambda _change: errors.append(status(hub).error))
    await asyncio.sleep(0.05)
    proxy.cut()  # the server gives up a peer that answers no ping
    time.sleep(0.3)  # noqa: ASYNC251  (this is the blocking cell)
    began = time.perf_counter()
    await until(lambda: proxy.accepted == 2 and hub.counts()["connected_count"] == 1)
    assert time.perf_counter() - began < 0.5
    assert any("the kernel was busy for 0 s; MultiChat(io='thread')" in error for error in errors)
    assert status(hub).error == ""
    assert "connections broke and were made anew: the kernel was busy" in notices(hub)
    assert "MultiChat(io='thread') stays connected" in notices(hub)
    agent = ask(server)
    await hub.reply((await pending(hub))[0], "yes")
    assert (await agent).text == "yes"


async def test_a_blocked_loop_that_cost_nothing_is_not_spoken_of(make_hub, proxy, quick_watch, status):
    # The server and the network stand still as well here, being on this loop: that must not look like a dead peer.
    hub = make_hub(proxy.url, settings=replace(QUICK, keepalive=20.0, open_timeout=10.0))
    await hub.connect()
    await asyncio.sleep(0.05)
    time.sleep(0.3)  # noqa: ASYNC251  (this is the blocking cell)
    await asyncio.sleep(0.3)
    assert (status(hub).state, proxy.accepted, list(hub.notices)) == ("connected", 1, [])


async def test_after_a_sleep_a_connection_that_is_gone_is_found_out_and_made_anew(
    make_hub, proxy, quick_watch, status, monkeypatch
):
    asleep = 0.0
    monkeypatch.setattr("ipymultichat.net.watch.Watch.__init__.__defaults__", (lambda: time.time() + asleep,))
    hub = make_hub(proxy.url, settings=QUICK)
    await hub.connect()
    proxy.hole = True  # the router forgot the connection meanwhile
    asleep = 3600.0
    began = time.perf_counter()
    await until(lambda: status(hub).state != "connected")
    proxy.hole = False
    await until(lambda: hub.counts()["connected_count"] == 1)
    assert time.perf_counter() - began < 1.5
    assert "the machine slept for 3600 s" in notices(hub)


async def test_after_a_sleep_a_server_in_backoff_is_tried_at_once(make_hub, proxy, quick_watch, status, monkeypatch):
    asleep = 0.0
    monkeypatch.setattr("ipymultichat.net.watch.Watch.__init__.__defaults__", (lambda: time.time() + asleep,))
    proxy.refusing = True
    hub = make_hub(proxy.url, settings=replace(QUICK, backoff=lambda: Backoff(first=300)))
    await hub.connect()
    assert status(hub).state == "error"
    proxy.refusing = False
    asleep = 3600.0
    await until(lambda: hub.counts()["connected_count"] == 1, seconds=2)
