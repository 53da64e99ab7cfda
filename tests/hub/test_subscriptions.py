from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from inboxes import MakeChat, hub_of
from waiting import until

from ipymultichat.agent import AgentClient
from ipymultichat.errors import MultiChatError, WaitTimeoutError
from ipymultichat.hub import Chat
from ipymultichat.hub.loop import KernelLoop
from ipymultichat.hub.subscriptions import Subscriptions
from ipymultichat.model import Message, MessageFilter, MessageKind, MessageStatus
from ipymultichat.server import LocalServer

NOW = datetime.now(timezone.utc)


def ask(server: LocalServer, text: Any) -> Any:
    return asyncio.ensure_future(AgentClient(server.url, "tok").ask_question(text))


async def test_what_a_handler_returns_is_the_reply(chat: Chat, home: LocalServer, work: LocalServer) -> None:
    chat.on_message(kind="question")(lambda message: f"{message.server_name} says yes")
    assert [(await ask(server, "?")).text for server in (home, work)] == ["Home says yes", "Work says yes"]


async def test_a_handler_may_be_async_and_may_stay_silent(chat: Chat, work: LocalServer) -> None:
    seen = []

    async def handler(message: Any) -> Any:
        await asyncio.sleep(0)
        seen.append(message.text)
        return "async yes" if message.text == "answer me" else None

    chat.on_message(handler)
    assert (await ask(work, "answer me")).text == "async yes"
    silent = ask(work, "not me")
    await until(lambda: seen == ["answer me", "not me"])
    assert len(chat.messages.pending) == 1
    silent.cancel()


async def test_a_handler_answers_chat_to_its_sender(chat: Chat, work: LocalServer, make_chat: MakeChat) -> None:
    ada = make_chat(work.url, nickname="ada")
    await ada.connect()
    ada.on_message(kind="chat")(lambda message: f"echo {message.text}")
    await until(lambda: chat.users)
    await chat.send("ada@Work", "hello")
    assert (await until(lambda: chat.messages.where(status="received")))[0].text == "echo hello"


async def test_a_handler_defined_again_replaces_itself(chat: Chat, work: LocalServer) -> None:
    def define(answer: Any) -> None:
        def handler(_message: Any) -> Any:
            return answer

        chat.on_message(handler)

    define("old")
    define("new")
    assert (await ask(work, "?")).text == "new"


async def test_a_failing_handler_is_logged_and_shown_on_its_message_which_waits_on_and_the_next_one_still_comes(
    chat: Chat, work: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    def handler(message: Any) -> Any:
        if message.text == "bad":
            raise ValueError("no idea")
        return "fine"

    chat.on_message(handler)
    bad = ask(work, "bad")
    await until(lambda: chat.notices)
    assert chat.notices == ("the rule handler failed: ValueError: no idea",)
    assert [(message.error, message.rule) for message in chat.messages.pending] == [(chat.notices[0], "")]
    assert any(record.levelno == logging.ERROR for record in caplog.records)
    assert (await ask(work, "good")).text == "fine"
    answered = await chat.reply(chat.messages.pending[0], "by hand")
    assert (answered.error, answered.rule, (await bad).text) == ("", "", "by hand")


async def test_waiting_returns_what_waits_already_and_each_message_once(chat: Chat, work: LocalServer) -> None:
    first = ask(work, "one")
    await until(lambda: chat.messages.pending)
    message = await chat.wait_for(timeout=1)
    assert message.text == "one"
    second = ask(work, "two")
    assert (await chat.wait_for(timeout=5)).text == "two"
    with pytest.raises(WaitTimeoutError):
        await chat.wait_for(timeout=0.05)
    first.cancel()
    second.cancel()


async def test_a_stream_yields_new_messages_and_lets_go_when_left(chat: Chat, work: LocalServer) -> None:
    stream = chat.stream()
    coming = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    call = ask(work, "one")
    assert (await coming).text == "one"
    await stream.aclose()
    assert hub_of(chat).subscriptions.reader_count == 0
    call.cancel()


def chat_message(number: int) -> Message:
    return Message(
        f"m{number}", MessageKind.CHAT, "s", "Work", f"m{number}", f"text {number}", NOW, MessageStatus.RECEIVED
    )


@pytest.fixture
async def subscriptions() -> Any:
    loop = KernelLoop(lambda: None)
    loop.bind()
    return Subscriptions(
        loop,
        answer=lambda _message, _result, _rule: None,
        failed=lambda _id, _text: None,
        trouble=lambda _text: None,
        changed=lambda: None,
        own_thread=False,
    )


async def test_a_message_that_comes_while_a_wait_begins_is_not_lost(subscriptions: Any) -> None:
    for number in range(30):
        message = chat_message(number)
        published = threading.Event()

        def waiting(message: Any = message, published: Any = published) -> Any:
            # What comes between the look at what waits and the wait itself belongs to that wait.
            threading.Thread(target=lambda: (subscriptions.publish(message), published.set())).start()
            assert not published.wait(0.002)
            return []

        assert await subscriptions.wait_for(MessageFilter(), waiting, 5) is message


async def test_two_waits_at_once_never_return_the_same_message(chat: Chat, work: LocalServer) -> None:
    calls = [ask(work, "one"), ask(work, "two")]
    await until(lambda: chat.pending_count == 2)
    waits = [asyncio.ensure_future(chat.wait_for(timeout=5)) for _ in range(3)]
    await asyncio.wait(waits[:2])
    third = ask(work, "three")
    assert sorted(message.text for message in await asyncio.gather(*waits)) == ["one", "three", "two"]
    for call in (*calls, third):
        call.cancel()


async def test_what_a_cancelled_wait_had_got_is_for_the_next_one(subscriptions: Any) -> None:
    wait = asyncio.ensure_future(subscriptions.wait_for(MessageFilter(), list, None))
    await asyncio.sleep(0)
    subscriptions.publish(chat_message(1))
    wait.cancel()
    await asyncio.wait({wait})
    assert (await subscriptions.wait_for(MessageFilter(), list, 1)).id == "m1"
    assert subscriptions.reader_count == 0


async def test_a_wait_that_times_out_leaves_nothing_behind(subscriptions: Any) -> None:
    with pytest.raises(WaitTimeoutError, match=r"within 0\.01 s"):
        await subscriptions.wait_for(MessageFilter(), list, 0.01)
    assert subscriptions.reader_count == 0


@pytest.mark.parametrize(
    ("conditions", "texts"),
    [
        ({"kind": "chat"}, []),
        ({"agent": "claude"}, ["Deploy to staging?"]),
        ({"agent": "nobody"}, []),
        ({"project": "api"}, ["Deploy to staging?"]),
        ({"project": "/home/ada"}, ["Deploy to staging?"]),
        ({"project": "/home/ad"}, []),
        ({"text": "STAGING"}, ["Deploy to staging?"]),
        ({"text": re.compile(r"to (staging|prod)")}, ["Deploy to staging?"]),
        ({"text": re.compile("prod")}, []),
        ({"server": "Work", "kind": "question"}, ["Deploy to staging?"]),
        ({"server": "Home"}, []),
    ],
)
async def test_the_same_conditions_hold_for_handlers_streams_waits_and_where(
    chat: Chat, work: LocalServer, conditions: Any, texts: Any
) -> None:
    heard, streamed = [], []
    chat.on_message(**conditions)(lambda message: heard.append(message.text))

    async def read() -> None:
        async for message in chat.stream(**conditions):
            streamed.append(message.text)  # noqa: PERF401  they are looked at while it goes on

    reading = asyncio.ensure_future(read())
    waiting = asyncio.ensure_future(chat.wait_for(**conditions, timeout=0.5))
    await asyncio.sleep(0)
    client = AgentClient(work.url, "tok", agent_name="claude", project_directory="/home/ada/api")
    call = asyncio.ensure_future(client.ask_question("Deploy to staging?"))
    await until(lambda: chat.pending_count == 1)
    await asyncio.wait({waiting})
    assert [message.text for message in chat.where(**conditions)] == texts
    assert (heard, streamed) == (texts, texts)
    assert [rule.matched for rule in chat.rules] == [len(texts)]
    assert [waiting.result().text] == texts if texts else isinstance(waiting.exception(), WaitTimeoutError)
    reading.cancel()
    call.cancel()


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({"kind": "mail"}, "question, report, chat"),
        ({"status": "done"}, "pending, sending"),
        ({"server": "Mars"}, "no server 'Mars'"),
        ({"server": 5}, "not 5"),
        ({"agent": 5}, "agent takes text, not 5"),
        ({"text": 5}, "text takes text or a compiled pattern, not 5"),
    ],
)
async def test_a_condition_that_cannot_be_met_is_refused_at_once(chat: Chat, conditions: Any, words: Any) -> None:
    with pytest.raises(MultiChatError, match=words):
        chat.where(**conditions)


async def test_what_a_rule_answered_or_wrote_says_so_also_in_the_export(
    chat: Chat, work: LocalServer, make_chat: MakeChat, tmp_path: Path
) -> None:
    ada = make_chat(work.url, nickname="ada")
    await ada.connect()
    chat.on_message(lambda message: f"about {message.text}")
    assert (await ask(work, "one")).text == "about one"
    await until(lambda: chat.users)
    await until(lambda: ada.users)
    await ada.send("me@" + ada.servers[0].label, "two")
    assert (await ada.wait_for(kind="chat", timeout=5)).text == "about two"
    await until(lambda: [m.status for m in chat.messages] == ["replied", "received", "sent"])
    assert [message.rule for message in chat.messages] == ["<lambda>", "", "<lambda>"]
    lines = chat.export(tmp_path / "log.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["rule"] for line in lines] == ["<lambda>", "", "<lambda>"]


async def test_a_rule_can_be_paused_and_removed(chat: Chat, work: LocalServer) -> None:
    heard = []

    @chat.on_message(kind="question")
    def listen(message: Any) -> None:
        heard.append(message.text)

    (rule,) = chat.rules
    assert (rule.name, rule.conditions) == ("listen", {"kind": "question"})
    calls = [ask(work, "one")]
    await until(lambda: heard == ["one"])
    rule.pause()
    calls.append(ask(work, "two"))
    await until(lambda: chat.pending_count == 2)
    rule.resume()
    calls.append(ask(work, "three"))
    await until(lambda: heard == ["one", "three"])
    assert (rule.matched, rule.paused) == (2, False)
    rule.remove()
    assert chat.rules == []
    for call in calls:
        call.cancel()
