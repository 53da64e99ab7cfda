"""What happens to server processes."""

import asyncio
import signal
import time

import pytest
from people import QUICK
from waiting import until

from ipymultichat.errors import DeliveryError
from ipymultichat.server import LocalServer


async def round_trip(chat, server, ask):
    """Ask and answer once; returns the seconds it took."""
    began = time.perf_counter()
    agent = ask(server, f"still there at {began}?")
    message = await until(lambda: next((m for m in chat.messages.pending if str(began) in m.text), None))
    await chat.reply(message, "yes")
    assert (await agent).text == "yes"
    return time.perf_counter() - began


async def test_a_frozen_server_is_an_error_while_the_others_are_as_quick_as_before(make_chat, process, ask, status):
    others = [LocalServer() for _ in range(4)]
    for other in others:
        await other.start()
    chat = make_chat(process.url, *(other.url for other in others))
    await chat.connect()
    waiting = ask(process.url)
    await until(lambda: chat.messages.pending)
    before = [await round_trip(chat, other, ask) for other in others]
    process.signal(signal.SIGSTOP)
    began = time.perf_counter()
    during = []
    while status(chat).state == "connected":
        during.append(await round_trip(chat, others[len(during) % 4], ask))
    assert time.perf_counter() - began < 2 * QUICK.keepalive + 0.5
    during += [await round_trip(chat, other, ask) for other in others]
    assert max(during) < max(before) + 0.25
    assert chat.connected_count == 4
    process.signal(signal.SIGCONT)
    await until(lambda: chat.connected_count == 5)
    (message,) = chat.messages.pending
    await chat.reply(message, "welcome back")
    assert (await waiting).text == "welcome back"
    for other in others:
        await other.stop()


async def test_a_server_killed_with_a_reply_in_flight_and_restarted_empty_claims_nothing(
    make_chat, process, ask, status
):
    chat = make_chat(process.url)
    await chat.connect()
    agent = ask(process.url)
    (message,) = await until(lambda: chat.messages.pending)
    process.signal(signal.SIGSTOP)
    delivery = chat.reply(message, "yes")
    await asyncio.sleep(0.05)
    process.kill()
    await until(lambda: "refused" in status(chat).error)
    assert chat.messages.get(message.id).status == "sending"
    process.start()
    with pytest.raises(DeliveryError) as failed:
        await delivery
    assert failed.value.reason
    kept = chat.messages.get(message.id)
    assert (kept.status, kept.draft[0].text, kept.reply) == ("cancelled", "yes", None)
    await asyncio.wait({agent})
    assert agent.exception() is not None
    assert await round_trip(chat, process, ask) < 3


async def test_requests_of_a_server_restarted_empty_do_not_stay_pending(make_chat, process, ask):
    chat = make_chat(process.url)
    await chat.connect()
    ask(process.url)
    (message,) = await until(lambda: chat.messages.pending)
    process.kill()
    process.start()
    await until(lambda: not chat.messages.pending)
    assert "given up, while this connection was down" in chat.messages.get(message.id).error


async def test_a_reply_to_a_server_that_never_comes_back_ends_with_the_agents_time(make_chat, process, ask):
    chat = make_chat(process.url)
    await chat.connect()
    ask(process.url, timeout=1)
    (message,) = await until(lambda: chat.messages.pending)
    process.kill()
    delivery = chat.reply(message, "yes")
    with pytest.raises(DeliveryError, match="time ran out while the server could not be reached"):
        await delivery
    assert chat.messages.get(message.id).draft[0].text == "yes"
