"""Commands for sessions, whatever happens to the connections meanwhile; and deadlines."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from inboxes import MakeChat, hub_of
from waiting import until

from ipymultichat.errors import DeliveryError, NoLoopError
from ipymultichat.hub import Delivery
from ipymultichat.model import Message, MessageKind, MessageStatus
from ipymultichat.server import LocalServer

NOW = datetime.now(timezone.utc)


def question(key: str, server_id: str, *, deadline: datetime | None) -> Message:
    return Message(
        key, MessageKind.QUESTION, server_id, "S", key, "Deploy?", NOW, MessageStatus.PENDING, deadline=deadline
    )


async def test_a_reply_ends_when_connections_are_switched_off_before_its_turn_comes(
    make_chat: MakeChat, work: LocalServer, ask: Any
) -> None:
    chat = make_chat(work.url)
    await chat.connect()
    agent = ask(work)
    (message,) = await until(lambda: chat.messages.pending)
    # From another thread the reply waits for the loop, and the connections are gone when it gets there.
    delivery = await asyncio.to_thread(chat.reply, message, "yes")
    hub_of(chat).connections.want(wanted=False)
    with pytest.raises(DeliveryError) as caught:
        await asyncio.wait_for(asyncio.ensure_future(_await(delivery)), 5)
    assert caught.value.message.draft[0].text == "yes"
    agent.cancel()


async def _await(delivery: Delivery) -> Message:
    return await delivery


async def test_a_reply_without_connections_fails_at_once_and_keeps_its_text(make_chat: MakeChat) -> None:
    chat = make_chat("ws://127.0.0.1:9")
    hub_of(chat).inbox.add(question("q", chat.servers[0].id, deadline=None), received_at=NOW)
    with pytest.raises(DeliveryError, match="switched off or removed"):
        await chat.reply("q", "yes")
    assert (chat.messages[0].status, chat.messages[0].draft[0].text) == ("failed", "yes")


async def test_a_deadline_that_passes_while_no_server_can_be_asked_ends_the_request(make_chat: MakeChat) -> None:
    chat = make_chat("ws://127.0.0.1:9")
    await chat.connect()
    server_id, now = chat.servers[0].id, datetime.now(timezone.utc)
    for key, seconds in (("over", -2), ("not yet", 60)):
        hub_of(chat).inbox.add(question(key, server_id, deadline=now + timedelta(seconds=seconds)), received_at=now)
    hub_of(chat).connections.look()
    assert {message.id: str(message.status) for message in chat.messages} == {"over": "expired", "not yet": "pending"}


async def test_work_on_the_loop_is_ended_by_closing(make_chat: MakeChat) -> None:
    chat = make_chat("ws://127.0.0.1:9")
    await chat.connect()
    waiting = asyncio.ensure_future(hub_of(chat).connections.call(asyncio.Event().wait))
    await asyncio.sleep(0)
    chat.close()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 5)


async def test_what_work_on_the_loop_raises_reaches_its_caller(make_chat: MakeChat) -> None:
    async def fail() -> None:
        raise ValueError("why")

    chat = make_chat("ws://127.0.0.1:9", io="thread")
    with pytest.raises(ValueError, match="why"):
        await hub_of(chat).connections.call(fail)


def test_without_a_loop_in_sight_nothing_is_waited_for() -> None:
    from inboxes import make_inbox

    chat = make_inbox("ws://127.0.0.1:9")
    connecting = chat.connect()
    with pytest.raises(NoLoopError, match="io='thread'"):
        connecting.send(None)
    chat.close()
