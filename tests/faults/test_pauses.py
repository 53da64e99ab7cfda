"""A machine that slept, and a loop that was blocked by a cell."""

import time
from dataclasses import replace

import pytest
from inboxes import MakeChat, hub_of
from people import QUICK, Ask, Pending, StatusOf
from proxy import Proxy
from waiting import until

from ipymultichat.hub import Chat
from ipymultichat.server import LocalServer
from ipymultichat.session import Backoff


@pytest.fixture
def quick_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipymultichat.net.pauses._TICK", 0.01)
    monkeypatch.setattr("ipymultichat.net.pauses._BLOCKED", 0.1)


def notices(chat: Chat) -> str:
    return " ".join(notice for notice in chat.notices)


async def test_a_blocked_loop_that_cost_the_connection_is_made_good_at_once_and_told(
    make_chat: MakeChat,
    proxy: Proxy,
    quick_watch: None,
    status: StatusOf,
    ask: Ask,
    server: LocalServer,
    pending: Pending,
) -> None:
    # As after a bad night: the next try would be far away.
    chat = make_chat(proxy.url, link_settings=replace(QUICK, backoff=lambda: Backoff(first=3600)))
    await chat.connect()
    errors: list[str] = []
    hub_of(chat).listen(lambda _what, _id: errors.append(status(chat).error))
    proxy.cut()  # the server gives up a peer that answers no ping
    time.sleep(0.3)  # noqa: ASYNC251  (this is the blocking cell)
    await until(lambda: proxy.accepted == 2 and chat.connected_count == 1)
    assert any("the kernel was busy for 0 s; MultiChat(io='thread')" in error for error in errors)
    assert status(chat).error == ""
    assert "connections broke and were made anew: the kernel was busy" in notices(chat)
    assert "MultiChat(io='thread') stays connected" in notices(chat)
    agent = ask(server)
    await chat.reply((await pending(chat))[0], "yes")
    assert (await agent).text == "yes"


async def test_a_blocked_loop_that_cost_nothing_is_not_spoken_of(
    make_chat: MakeChat,
    proxy: Proxy,
    quick_watch: None,
    status: StatusOf,
    ask: Ask,
    server: LocalServer,
    pending: Pending,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # The server and the network stand still as well here, being on this loop: that must not look like a dead peer.
    caplog.set_level("INFO", "ipymultichat.net")
    chat = make_chat(proxy.url, link_settings=replace(QUICK, keepalive=20.0, open_timeout=10.0))
    await chat.connect()
    time.sleep(0.3)  # noqa: ASYNC251  (this is the blocking cell)
    await until(lambda: "checking every connection" in caplog.text)
    agent = ask(server)
    await chat.reply((await pending(chat))[0], "yes")
    assert (await agent).text == "yes"
    assert (status(chat).state, proxy.accepted, list(chat.notices)) == ("connected", 1, [])


async def test_after_a_sleep_a_connection_that_is_gone_is_found_out_and_made_anew(
    make_chat: MakeChat, proxy: Proxy, quick_watch: None, status: StatusOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep = 0.0
    monkeypatch.setattr("ipymultichat.net.pauses.PauseDetector.__init__.__defaults__", (lambda: time.time() + asleep,))
    chat = make_chat(proxy.url, link_settings=replace(QUICK, keepalive=3600.0))
    await chat.connect()
    proxy.hole = True  # the router forgot the connection meanwhile
    asleep = 3600.0
    await until(lambda: status(chat).state != "connected")
    proxy.hole = False
    await until(lambda: chat.connected_count == 1)
    assert "the machine slept for 3600 s" in notices(chat)


async def test_after_a_sleep_a_server_in_backoff_is_tried_at_once(
    make_chat: MakeChat, proxy: Proxy, quick_watch: None, status: StatusOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep = 0.0
    monkeypatch.setattr("ipymultichat.net.pauses.PauseDetector.__init__.__defaults__", (lambda: time.time() + asleep,))
    proxy.refusing = True
    chat = make_chat(proxy.url, link_settings=replace(QUICK, backoff=lambda: Backoff(first=3600)))
    await chat.connect()
    assert status(chat).state == "error"
    proxy.refusing = False
    asleep = 3600.0
    await until(lambda: chat.connected_count == 1)
