"""Servers switched, removed and edited in every state; and closing in every state."""

import asyncio
import gc
import threading
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from inboxes import MakeChat, make_inbox
from people import QUICK, Ask, Pending, StatusOf
from proxy import Proxy
from waiting import left_over, until

from ipymultichat.errors import DeliveryError
from ipymultichat.hub import Chat
from ipymultichat.model import Message
from ipymultichat.server import LocalServer
from ipymultichat.session import Backoff


async def _connecting(chat: Chat, proxy: Proxy) -> None:
    proxy.hole = True
    chat.reconnect()
    await until(lambda: proxy.connections)


async def _connected(chat: Chat, proxy: Proxy) -> None:
    await chat.connect()


async def _waiting(chat: Chat, proxy: Proxy) -> None:
    proxy.refusing = True
    await chat.connect()


async def _half_open(chat: Chat, proxy: Proxy) -> None:
    await chat.connect()
    proxy.hole = True


Enter = Callable[[Chat, Proxy], Awaitable[None]]
STATES = pytest.mark.parametrize(
    "enter", [_connecting, _connected, _waiting, _half_open], ids=["connecting", "connected", "waiting", "half_open"]
)


def of(chat: Chat, message: Message) -> Message:
    """The message as it is now."""
    found = chat.messages.get(message.id)
    assert found is not None
    return found


@STATES
async def test_a_server_switched_off_and_on_at_once_is_connected(
    make_chat: MakeChat, proxy: Proxy, enter: Enter, status: StatusOf
) -> None:
    chat = make_chat({"url": proxy.url, "name": "Work"})
    await enter(chat, proxy)
    chat.update_server("Work", enabled=False)
    chat.update_server("Work", enabled=True)
    proxy.heal()
    await until(lambda: chat.connected_count == 1)
    await chat.disconnect()  # whatever is left of the first connection has gone by then, too
    assert status(chat).state == "disconnected"
    await chat.connect()
    assert chat.connected_count == 1


@STATES
async def test_a_server_switched_off_stays_off(
    make_chat: MakeChat, proxy: Proxy, enter: Enter, status: StatusOf
) -> None:
    chat = make_chat({"url": proxy.url, "name": "Work"})
    await enter(chat, proxy)
    chat.update_server("Work", enabled=False)
    await until(lambda: status(chat).state == "disconnected")
    proxy.heal()
    await chat.disconnect()  # whatever is left of the connection has gone by then
    accepted = proxy.accepted
    await chat.connect()
    assert (status(chat).state, chat.users, proxy.accepted) == ("disconnected", (), accepted)


@STATES
async def test_a_server_can_be_removed(make_chat: MakeChat, proxy: Proxy, enter: Enter) -> None:
    chat = make_chat({"url": proxy.url, "name": "Work"})
    await enter(chat, proxy)
    chat.reconnect("Work")
    chat.remove_server("Work")
    assert (chat.servers, chat.statuses) == ((), {})
    proxy.heal()
    await chat.disconnect()  # whatever is left of the connection has gone by then
    assert chat.statuses == {}


@STATES
async def test_a_new_address_is_used_at_once(make_chat: MakeChat, proxy: Proxy, enter: Enter) -> None:
    async with LocalServer() as elsewhere:
        # Without this, the address would be used after a while, too.
        never = replace(QUICK, backoff=lambda: Backoff(first=3600))
        chat = make_chat({"url": proxy.url, "name": "Work"}, link_settings=never)
        await enter(chat, proxy)
        chat.update_server("Work", url=elsewhere.url + "?not-yet")
        chat.update_server("Work", url=elsewhere.url)
        await until(lambda: chat.connected_count == 1)
        chat.close()


@STATES
async def test_a_new_token_is_used_at_once(
    make_chat: MakeChat, proxy: Proxy, enter: Enter, server: LocalServer, ask: Ask, pending: Pending
) -> None:
    chat = make_chat({"url": proxy.url, "name": "Work"}, token="another")
    await enter(chat, proxy)
    chat.set_token("tok")
    proxy.heal()
    await chat.connect()
    agent = ask(server)
    await chat.reply((await pending(chat))[0], "yes")
    assert (await agent).text == "yes"


async def test_a_new_nickname_in_mid_login_is_not_forgotten(
    make_chat: MakeChat, proxy: Proxy, server: LocalServer
) -> None:
    watcher = make_chat(server.url, nickname="watcher")
    await watcher.connect()
    chat = make_chat(proxy.url)
    await chat.connect()
    proxy.stall_after(0)
    proxy.cut()
    await until(lambda: proxy.accepted == 2)
    chat.set_nickname("renamed")
    proxy.heal()
    await until(lambda: [user.nickname for user in watcher.users] == ["renamed"])


async def test_a_reply_on_its_way_when_its_server_is_switched_off_fails_with_its_text_and_can_be_sent_again(
    make_chat: MakeChat, proxy: Proxy, server: LocalServer, ask: Ask, pending: Pending
) -> None:
    chat = make_chat({"url": proxy.url, "name": "Work"})
    await chat.connect()
    agent = ask(server)
    (message,) = await pending(chat)
    proxy.stalled = True
    delivery = chat.reply(message, "yes")
    chat.update_server("Work", enabled=False)
    with pytest.raises(DeliveryError, match="switched off or removed"):
        await delivery
    chat.update_server("Work", enabled=True)
    proxy.heal()
    await until(lambda: chat.connected_count == 1)
    assert of(chat, message).draft[0].text == "yes"
    assert (await chat.reply(message, "yes")).status == "replied"
    assert (await agent).text == "yes"


async def test_a_reply_on_its_way_survives_a_new_token_and_a_new_address_of_the_same_server(
    make_chat: MakeChat, proxy: Proxy, server: LocalServer, ask: Ask, pending: Pending
) -> None:
    chat = make_chat({"url": proxy.url, "name": "Work"})
    await chat.connect()
    agent = ask(server)
    (message,) = await pending(chat)
    proxy.stalled = True
    delivery = chat.reply(message, "yes")
    chat.update_server("Work", url=server.url)
    assert (await delivery).status == "replied"
    assert (await agent).text == "yes"


@pytest.mark.parametrize("io", ["kernel", "thread"])
@STATES
async def test_closing_leaves_no_task_socket_thread_or_warning(
    proxy: Proxy, server: LocalServer, enter: Enter, io: str
) -> None:
    before, threads = asyncio.all_tasks(), threading.active_count()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chat = make_inbox(proxy.url, io=io, link_settings=QUICK)
        await enter(chat, proxy)
        chat.close()
        chat.close()
        await until(lambda: not left_over(before))
        await until(lambda: threading.active_count() == threads)
        proxy.heal()
        await until(lambda: proxy.connections == 0)
        del chat
        gc.collect()
