"""What networks do to a standing connection."""

import asyncio
import time
from dataclasses import replace

import pytest
from people import QUICK
from waiting import until

from ipymultichat.errors import DeliveryError
from ipymultichat.net import LinkSettings
from ipymultichat.session import Timing


def took(began):
    return time.perf_counter() - began


def test_a_dead_peer_is_noticed_within_a_minute_in_the_settings_people_use():
    settings = LinkSettings()
    assert 2 * settings.keepalive <= 60
    assert settings.timing.answer + settings.open_timeout / 2 <= 60


async def test_a_half_open_connection_is_noticed_without_traffic(make_chat, proxy, status):
    chat = make_chat(proxy.url)
    await chat.connect()
    proxy.hole = True
    began = time.perf_counter()
    await until(lambda: "no longer answers" in status(chat).error, seconds=3)
    assert took(began) < 2 * QUICK.keepalive + 0.3
    proxy.hole = False
    await until(lambda: chat.connected_count == 1)
    assert status(chat).error == ""


async def test_a_half_open_connection_is_noticed_behind_a_reply_that_does_not_leave(
    make_chat, proxy, server, ask, pending, status
):
    chat = make_chat(proxy.url)
    await chat.connect()
    agent = ask(server)
    (message,) = await pending(chat)
    proxy.stalled = True  # the socket's buffers fill up, and the ping stands in line behind them
    delivery = chat.reply(message, b"\x00" * 15_000_000)
    began = time.perf_counter()
    await until(lambda: "no longer answers" in status(chat).error, seconds=10)
    assert took(began) < 5
    proxy.heal()
    proxy.cut()
    assert (await delivery).status == "replied"
    assert len((await agent).contents) == 1


async def test_a_black_hole_during_a_reply_then_healed_delivers_it_once(make_chat, proxy, server, ask, pending):
    chat = make_chat(proxy.url)
    await chat.connect()
    agent = ask(server)
    (message,) = await pending(chat)
    proxy.hole = True
    delivery = chat.reply(message, "yes")
    await asyncio.sleep(1.0)
    assert chat.messages.get(message.id).status == "sending"
    proxy.hole = False
    assert (await delivery).status == "replied"
    assert (await agent).text == "yes"
    assert len(chat.messages) == 1


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("after", [1, 7, 30])
async def test_a_connection_cut_in_mid_frame_loses_no_reply(
    make_chat, proxy, server, ask, pending, status, direction, after
):
    chat = make_chat(proxy.url)
    await chat.connect()
    agent = ask(server)
    (message,) = await pending(chat)
    proxy.cut_in_frame(direction, after)
    assert (await chat.reply(message, "yes")).status == "replied"
    assert (await agent).text == "yes"
    assert proxy.accepted == 2


async def test_a_reply_that_arrived_before_the_cut_is_not_claimed(make_chat, proxy, server, ask, pending):
    chat = make_chat(proxy.url)
    await chat.connect()
    ask(server, "First?")
    await chat.reply((await pending(chat))[0], "so that the login is some time ago")
    agent = ask(server)
    (message,) = await pending(chat)
    proxy.stall_after(1)  # the first check is answered; the proof is held back, then lost
    delivery = chat.reply(message, "yes")
    await until(lambda: proxy.stalled)
    assert (await agent).text == "yes"
    proxy.cut()
    proxy.heal()
    with pytest.raises(DeliveryError, match="cannot be known"):
        await delivery
    assert chat.messages.get(message.id).draft[0].text == "yes"


async def test_a_slow_network_is_slow_and_not_an_error(make_chat, proxy, server, ask, pending, status):
    chat = make_chat(proxy.url, link_settings=replace(QUICK, timing=Timing(answer=0.5, min_bytes_per_second=500_000)))
    await chat.connect()
    agent = ask(server, "x" * 300_000)
    proxy.rate = 400_000  # the question alone takes longer than two keepalive intervals
    (message,) = await pending(chat)
    assert (await chat.reply(message, b"\x00" * 400_000)).status == "replied"
    assert len((await agent).contents[0].data) == 400_000
    assert (status(chat).error, proxy.accepted) == ("", 1)


async def test_a_server_that_accepts_and_says_nothing_is_left_at_an_error(make_chat, proxy, status):
    proxy.hole = True
    chat = make_chat(proxy.url)
    began = time.perf_counter()
    await chat.connect()
    assert took(began) < QUICK.open_timeout + 0.5
    assert status(chat).state == "error"
    assert "no answer" in status(chat).error
    proxy.heal()
    await until(lambda: chat.connected_count == 1)


async def test_a_network_that_is_away_for_a_moment_costs_nothing(make_chat, proxy, server, ask, pending, status):
    chat = make_chat(proxy.url)
    await chat.connect()
    proxy.stalled = True
    agent = ask(server)
    await asyncio.sleep(0.1)
    assert not chat.messages.pending
    proxy.stalled = False
    (message,) = await pending(chat)
    await chat.reply(message, "yes")
    assert (await agent).text == "yes"
    assert proxy.accepted == 1


async def test_chat_cut_on_its_way_says_that_it_may_have_arrived(make_chat, proxy, server):
    chat, ada = make_chat(proxy.url), make_chat(server.url, nickname="ada")
    await chat.connect()
    await ada.connect()
    (user,) = await until(lambda: chat.users)
    proxy.stalled = True
    delivery = chat.send(user, "lunch?")
    await asyncio.sleep(0)
    proxy.cut()
    with pytest.raises(DeliveryError, match="may have arrived"):
        await delivery
    proxy.heal()
    await until(lambda: chat.users)
    assert (await chat.send("ada@" + chat.servers[0].label, "lunch?")).status == "sent"
