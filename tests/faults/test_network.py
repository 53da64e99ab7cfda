"""What networks do to a standing connection."""

import asyncio
from dataclasses import replace

import pytest
from inboxes import MakeChat
from people import QUICK, Ask, Pending, StatusOf
from proxy import Proxy
from waiting import until

from ipymultichat.errors import DeliveryError
from ipymultichat.hub import Chat
from ipymultichat.model import Message
from ipymultichat.net import LinkSettings
from ipymultichat.server import LocalServer
from ipymultichat.session import Timing


def status_of(chat: Chat, message: Message) -> str:
    found = chat.messages.get(message.id)
    assert found is not None
    return found.status


def test_a_dead_peer_is_noticed_within_a_minute_in_the_settings_people_use() -> None:
    settings = LinkSettings()
    assert 2 * settings.keepalive <= 60
    assert settings.timing.answer + settings.open_timeout / 2 <= 60


async def test_a_half_open_connection_is_noticed_without_traffic(
    make_chat: MakeChat, proxy: Proxy, status: StatusOf
) -> None:
    chat = make_chat(proxy.url)
    await chat.connect()
    proxy.hole = True
    await until(lambda: "no longer answers" in status(chat).error)
    assert proxy.swallowed <= 2  # the ping that was not answered, and a goodbye
    proxy.hole = False
    await until(lambda: chat.connected_count == 1)
    assert status(chat).error == ""


async def test_a_half_open_connection_is_noticed_behind_a_reply_that_does_not_leave(
    make_chat: MakeChat, proxy: Proxy, server: LocalServer, ask: Ask, pending: Pending, status: StatusOf
) -> None:
    chat = make_chat(proxy.url)
    await chat.connect()
    agent = ask(server)
    (message,) = await pending(chat)
    proxy.stalled = True  # the socket's buffers fill up, and the ping stands in line behind them
    delivery = chat.reply(message, b"\x00" * 15_000_000)
    await until(lambda: "no longer answers" in status(chat).error)
    assert proxy.stalled
    proxy.heal()
    proxy.cut()
    assert (await delivery).status == "replied"
    assert len((await agent).contents) == 1


async def test_a_black_hole_during_a_reply_then_healed_delivers_it_once(
    make_chat: MakeChat, proxy: Proxy, server: LocalServer, ask: Ask, pending: Pending
) -> None:
    chat = make_chat(proxy.url)
    await chat.connect()
    agent = ask(server)
    (message,) = await pending(chat)
    proxy.hole = True
    delivery = chat.reply(message, "yes")
    await until(lambda: chat.connected_count == 0)
    assert status_of(chat, message) == "sending"
    proxy.hole = False
    assert (await delivery).status == "replied"
    assert (await agent).text == "yes"
    assert len(chat.messages) == 1


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("after", [1, 7, 30])
async def test_a_connection_cut_in_mid_frame_loses_no_reply(
    make_chat: MakeChat,
    proxy: Proxy,
    server: LocalServer,
    ask: Ask,
    pending: Pending,
    status: StatusOf,
    direction: str,
    after: int,
) -> None:
    chat = make_chat(proxy.url)
    await chat.connect()
    agent = ask(server)
    (message,) = await pending(chat)
    proxy.cut_in_frame(direction, after)
    assert (await chat.reply(message, "yes")).status == "replied"
    assert (await agent).text == "yes"
    assert proxy.accepted == 2


async def test_a_reply_that_arrived_before_the_cut_is_not_claimed(
    make_chat: MakeChat, proxy: Proxy, server: LocalServer, ask: Ask, pending: Pending
) -> None:
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


async def test_a_slow_network_is_slow_and_not_an_error(
    make_chat: MakeChat, proxy: Proxy, server: LocalServer, ask: Ask, pending: Pending, status: StatusOf
) -> None:
    chat = make_chat(proxy.url, link_settings=replace(QUICK, timing=Timing(answer=0.5, min_bytes_per_second=500_000)))
    await chat.connect()
    agent = ask(server, "x" * 300_000)
    proxy.rate = 400_000  # the question alone takes longer than two keepalive intervals
    (message,) = await pending(chat)
    assert (await chat.reply(message, b"\x00" * 400_000)).status == "replied"
    assert len((await agent).contents[0].data) == 400_000
    assert (status(chat).error, proxy.accepted) == ("", 1)


async def test_a_server_that_accepts_and_says_nothing_is_left_at_an_error(
    make_chat: MakeChat, proxy: Proxy, status: StatusOf
) -> None:
    proxy.hole = True
    chat = make_chat(proxy.url)
    await chat.connect()
    assert status(chat).state == "error"
    assert "no answer" in status(chat).error
    proxy.heal()
    await until(lambda: chat.connected_count == 1)


async def test_a_network_that_is_away_for_a_moment_costs_nothing(
    make_chat: MakeChat, proxy: Proxy, server: LocalServer, ask: Ask, pending: Pending, status: StatusOf
) -> None:
    chat = make_chat(proxy.url)
    await chat.connect()
    proxy.stalled = True
    agent = ask(server)
    await until(lambda: proxy.held)
    assert not chat.messages.pending
    proxy.stalled = False
    (message,) = await pending(chat)
    await chat.reply(message, "yes")
    assert (await agent).text == "yes"
    assert proxy.accepted == 1


async def test_chat_cut_on_its_way_says_that_it_may_have_arrived(
    make_chat: MakeChat, proxy: Proxy, server: LocalServer
) -> None:
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
