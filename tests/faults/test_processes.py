"""What happens to server processes."""

import asyncio
import signal
import uuid
from dataclasses import replace

import pytest
from inboxes import MakeChat
from people import QUICK, Ask, StatusOf
from processes import ServerProcess
from waiting import until

from ipymultichat.errors import DeliveryError
from ipymultichat.hub import Chat
from ipymultichat.model import Message
from ipymultichat.server import LocalServer


def of(chat: Chat, message: Message) -> Message:
    """The message as it is now."""
    found = chat.messages.get(message.id)
    assert found is not None
    return found


async def round_trip(chat: Chat, server: LocalServer | ServerProcess, ask: Ask) -> None:
    """Ask and answer once."""
    text = f"still there, {uuid.uuid4().hex}?"
    agent = ask(server.url, text)
    message = await until(lambda: next((m for m in chat.messages.pending if m.text == text), None))
    await chat.reply(message, "yes")
    assert (await agent).text == "yes"


async def test_a_frozen_server_is_an_error_and_delays_nobody_on_the_others(
    make_chat: MakeChat, process: ServerProcess, ask: Ask, status: StatusOf
) -> None:
    others = [LocalServer() for _ in range(4)]
    for other in others:
        await other.start()
    settings = replace(QUICK, keepalive=1.0)
    chat = make_chat(process.url, *(other.url for other in others), link_settings=settings)
    await chat.connect()
    waiting = ask(process.url)
    await until(lambda: chat.messages.pending)
    process.signal(signal.SIGSTOP)
    unnoticed = 0
    while status(chat).state == "connected":
        await round_trip(chat, others[unnoticed % 4], ask)
        unnoticed += 1
    assert unnoticed > 1  # while the frozen one still counted as connected, the others went on
    for other in others:
        await round_trip(chat, other, ask)
    assert chat.connected_count == 4
    process.signal(signal.SIGCONT)
    await until(lambda: chat.connected_count == 5)
    (message,) = chat.messages.pending
    await chat.reply(message, "welcome back")
    assert (await waiting).text == "welcome back"
    for other in others:
        await other.stop()


async def test_a_server_killed_with_a_reply_in_flight_and_restarted_empty_claims_nothing(
    make_chat: MakeChat, process: ServerProcess, ask: Ask, status: StatusOf
) -> None:
    chat = make_chat(process.url)
    await chat.connect()
    agent = ask(process.url)
    (message,) = await until(lambda: chat.messages.pending)
    process.signal(signal.SIGSTOP)
    delivery = chat.reply(message, "yes")
    assert delivery.message_id == message.id
    await until(lambda: of(chat, message).status == "sending")
    process.kill()
    await until(lambda: "refused" in status(chat).error)
    assert of(chat, message).status == "sending"
    process.start()
    with pytest.raises(DeliveryError) as failed:
        await delivery
    assert failed.value.reason
    kept = of(chat, message)
    assert (kept.status, kept.draft[0].text, kept.reply) == ("cancelled", "yes", None)
    await asyncio.wait({agent})
    assert agent.exception() is not None
    await round_trip(chat, process, ask)


async def test_requests_of_a_server_restarted_empty_do_not_stay_pending(
    make_chat: MakeChat, process: ServerProcess, ask: Ask
) -> None:
    chat = make_chat(process.url)
    await chat.connect()
    ask(process.url)
    (message,) = await until(lambda: chat.messages.pending)
    process.kill()
    process.start()
    await until(lambda: not chat.messages.pending)
    assert "given up, while this connection was down" in of(chat, message).error


async def test_a_reply_to_a_server_that_never_comes_back_ends_with_the_agents_time(
    make_chat: MakeChat, process: ServerProcess, ask: Ask
) -> None:
    chat = make_chat(process.url)
    await chat.connect()
    ask(process.url, timeout=1)
    (message,) = await until(lambda: chat.messages.pending)
    process.kill()
    delivery = chat.reply(message, "yes")
    with pytest.raises(DeliveryError, match="time ran out while the server could not be reached"):
        await delivery
    assert of(chat, message).draft[0].text == "yes"
