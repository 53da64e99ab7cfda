import asyncio
import logging

import pytest
from waiting import until

from ipymultichat.agent import AgentClient
from ipymultichat.errors import WaitTimeoutError


def ask(server, text):
    return asyncio.ensure_future(AgentClient(server.url, "tok").ask_question(text))


def anything(_message):
    return True


async def test_what_a_handler_returns_is_the_reply(hub, home, work):
    hub.feed.add_handler(lambda message: f"{message.server_name} says yes", lambda message: message.kind == "question")
    assert [(await ask(server, "?")).text for server in (home, work)] == ["Home says yes", "Work says yes"]


async def test_a_handler_may_be_async_and_may_stay_silent(hub, work):
    seen = []

    async def handler(message):
        await asyncio.sleep(0)
        seen.append(message.text)
        return "async yes" if message.text == "answer me" else None

    hub.feed.add_handler(handler, anything)
    assert (await ask(work, "answer me")).text == "async yes"
    silent = ask(work, "not me")
    await until(lambda: seen == ["answer me", "not me"])
    assert len(hub.messages.pending) == 1
    silent.cancel()


async def test_a_handler_answers_chat_to_its_sender(hub, work, make_hub):
    ada = make_hub(work.url, nickname="ada")
    await ada.connect()
    ada.feed.add_handler(lambda message: f"echo {message.text}", lambda message: message.kind == "chat")
    await until(lambda: hub.users)
    await hub.send("ada@Work", "hello")
    assert (await until(lambda: hub.messages.where(status="received")))[0].text == "echo hello"


async def test_a_handler_defined_again_replaces_itself(hub, work):
    def define(answer):
        def handler(_message):
            return answer

        hub.feed.add_handler(handler, anything)

    define("old")
    define("new")
    assert (await ask(work, "?")).text == "new"


async def test_a_failing_handler_is_logged_and_shown_and_the_next_message_still_comes(hub, work, caplog):
    def handler(message):
        if message.text == "bad":
            raise ValueError("no idea")
        return "fine"

    hub.feed.add_handler(handler, anything)
    bad = ask(work, "bad")
    await until(lambda: hub.notices)
    assert "handler" in hub.notices[0].text
    assert "no idea" in hub.notices[0].text
    assert any(record.levelno == logging.ERROR for record in caplog.records)
    assert (await ask(work, "good")).text == "fine"
    bad.cancel()


async def test_waiting_returns_what_waits_already_and_each_message_once(hub, work):
    first = ask(work, "one")
    await until(lambda: hub.messages.pending)
    message = await hub.feed.wait_for(anything, hub.messages.pending, 1)
    assert message.text == "one"
    second = ask(work, "two")
    assert (await hub.feed.wait_for(anything, hub.messages.pending, 5)).text == "two"
    with pytest.raises(WaitTimeoutError):
        await hub.feed.wait_for(anything, hub.messages.pending, 0.05)
    first.cancel()
    second.cancel()


async def test_a_stream_yields_new_messages_and_lets_go_when_left(hub, work):
    stream = hub.feed.stream(anything)
    coming = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    call = ask(work, "one")
    assert (await coming).text == "one"
    await stream.aclose()
    assert hub.feed._subscribers == []
    call.cancel()
