from __future__ import annotations

import asyncio
import signal
import socket
import threading
from typing import Any

import pytest
from inboxes import MakeChat
from processes import ServerProcess
from waiting import until

from ipymultichat.agent import AgentClient
from ipymultichat.errors import AmbiguousServerError, ClosedError, ConfigError, UnknownServerError
from ipymultichat.hub import Chat
from ipymultichat.net import LinkSettings
from ipymultichat.server import LocalServer
from ipymultichat.session import Backoff


@pytest.fixture
def process() -> Any:
    server = ServerProcess().start()
    yield server
    server.kill()


def state(chat: Chat, label: Any) -> Any:
    return next(chat.statuses[config.id] for config in chat.servers if config.label == label)


async def test_one_dead_server_leaves_the_other_alone_and_comes_back_by_itself(
    home: LocalServer, process: Any, make_chat: MakeChat
) -> None:
    chat = make_chat({"url": home.url, "name": "Home"}, {"url": process.url, "name": "Work"})
    await chat.connect()
    assert chat.connected_count == 2
    process.kill()
    await until(lambda: state(chat, "Work").retry_at)
    assert chat.connected_count == 1
    assert "refused" in (await until(lambda: "refused" in state(chat, "Work").error and state(chat, "Work").error))
    agent = asyncio.ensure_future(AgentClient(home.url, "tok").ask_question("still there?"))
    (message,) = await until(lambda: chat.messages.pending)
    await chat.reply(message, "yes")
    assert (await agent).text == "yes"
    process.start()
    await until(lambda: chat.connected_count == 2)
    assert state(chat, "Work").error == ""
    agent = asyncio.ensure_future(AgentClient(process.url, "tok").ask_question("and here?"))
    (message,) = await until(lambda: chat.messages.pending)
    await chat.reply(message, "yes")
    assert (await agent).text == "yes"


async def test_a_reply_that_meets_a_frozen_server_arrives_when_it_thaws(process: Any, make_chat: MakeChat) -> None:
    chat = make_chat(process.url)
    await chat.connect()
    agent = asyncio.ensure_future(AgentClient(process.url, "tok").ask_question("there?"))
    (message,) = await until(lambda: chat.messages.pending)
    process.signal(signal.SIGSTOP)
    delivery = chat.reply(message, "yes")
    assert chat.messages.get(message.id).status == "sending"
    process.signal(signal.SIGCONT)
    assert (await delivery).status == "replied"
    assert (await agent).text == "yes"


async def test_requests_that_ended_while_away_are_gone_and_nobody_claims_that_they_were_answered(
    home: LocalServer, make_chat: MakeChat
) -> None:
    chat = make_chat(home.url)
    await chat.connect()
    other = make_chat(home.url, nickname="other")
    await other.connect()
    agent = asyncio.ensure_future(AgentClient(home.url, "tok").ask_question("there?"))
    (message,) = await until(lambda: chat.messages.pending)
    await chat.disconnect()
    (theirs,) = other.messages.pending
    await other.reply(theirs, "yes")
    await agent
    await chat.connect()
    ended = chat.messages.get(message.id)
    assert (ended.status, ended.reply) == ("cancelled", None)
    assert ended.error == "answered elsewhere, or given up, while this connection was down"
    assert len(chat.messages) == 1


async def test_connect_returns_with_a_status_for_every_server_and_raises_for_none(
    home: LocalServer, make_chat: MakeChat
) -> None:
    chat = make_chat(home.url, "ws://127.0.0.1:9", "ws://does-not-exist.invalid:1")
    await chat.connect()
    words = [(str(status.state), status.error) for status in chat.statuses.values()]
    assert words[0] == ("connected", "")
    assert words[1][0] == "error"
    assert "refused" in words[1][1]
    assert words[2][0] == "error"
    assert "cannot be found" in words[2][1]


async def test_disconnect_closes_and_connect_opens_again(chat: Chat, work: LocalServer) -> None:
    await chat.disconnect()
    assert [str(status.state) for status in chat.statuses.values()] == ["disconnected", "disconnected"]
    await chat.connect()
    assert chat.connected_count == 2


async def test_retry_now_skips_the_wait(process: Any, make_chat: MakeChat) -> None:
    # After the first failure the next try would come in five minutes, long after this test has failed.
    chat = make_chat(process.url, link_settings=LinkSettings(backoff=lambda: Backoff(first=300.0)))
    await chat.connect()
    process.kill()
    await until(lambda: chat.statuses[chat.servers[0].id].retry_at)
    process.start()
    chat.reconnect()
    await until(lambda: chat.connected_count == 1)


async def test_without_a_token_servers_stand_at_an_error_until_there_is_one(
    home: LocalServer, make_chat: MakeChat
) -> None:
    chat = make_chat(home.url, token=None)
    await chat.connect()
    (status,) = chat.statuses.values()
    assert (status.state, status.error) == ("error", "no token set")
    chat.set_token("tok")
    await until(lambda: chat.connected_count == 1)


async def test_a_new_token_logs_in_anew_and_finds_its_own_group(chat: Chat, home: LocalServer) -> None:
    agent = asyncio.ensure_future(AgentClient(home.url, "other").ask_question("hello?"))
    await asyncio.wait({agent}, timeout=1)
    assert agent.exception() is not None  # nobody was there for that token
    chat.set_token("other")
    await chat.connect()
    agent = asyncio.ensure_future(AgentClient(home.url, "other").ask_question("hello?"))
    (message,) = await until(lambda: chat.messages.pending)
    await chat.reply(message, "hi")
    assert (await agent).text == "hi"


async def test_a_new_address_connects_there_at_once(chat: Chat, home: LocalServer, make_chat: MakeChat) -> None:
    chat.update_server("Work", url="ws://127.0.0.1:9")
    await until(lambda: state(chat, "Work").state == "error")
    assert chat.connected_count == 1
    with pytest.raises(ConfigError, match="already"):
        chat.update_server("Work", url=home.url)


async def test_a_server_can_be_added_renamed_and_removed_while_running(
    home: LocalServer, work: LocalServer, make_chat: MakeChat
) -> None:
    chat = make_chat(home.url)
    await chat.connect()
    chat.add_server(work.url, "Work")
    await until(lambda: (chat.connected_count, chat.server_count) == (2, 2))
    chat.update_server("Work", name="Office")
    assert chat.connected_count == 2
    chat.remove_server("Office")
    assert [config.url for config in chat.servers] == [home.url]
    with pytest.raises(UnknownServerError, match=r"127\.0\.0\.1"):
        chat.remove_server("Office")


async def test_a_server_can_be_removed_in_mid_handshake(make_chat: MakeChat) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        chat = make_chat({"url": f"ws://127.0.0.1:{silent.getsockname()[1]}", "name": "silent"})
        chat.reconnect()
        await until(lambda: state(chat, "silent").state == "connecting")
        chat.remove_server("silent")
        assert chat.statuses == {}


async def test_two_servers_of_one_name_are_told_apart_by_id(
    home: LocalServer, work: LocalServer, make_chat: MakeChat
) -> None:
    chat = make_chat({"url": home.url, "name": "X"}, {"url": work.url, "name": "X"})
    with pytest.raises(AmbiguousServerError) as caught:
        chat.reconnect("X")
    assert set(caught.value.candidates) == {config.id for config in chat.servers}
    chat.reconnect(chat.servers[0].id)
    await chat.connect()


async def test_after_closing_nothing_works_and_the_server_sees_nobody(
    chat: Chat, home: LocalServer, make_chat: MakeChat
) -> None:
    chat.close()
    with pytest.raises(ClosedError):
        chat.reconnect()
    watcher = make_chat(home.url, nickname="watcher")
    await watcher.connect()
    await until(lambda: not watcher.users, seconds=2)


async def test_an_inbox_on_its_own_thread_works_while_this_loop_is_blocked(home: LocalServer) -> None:
    chat = Chat([home.url], token="tok", nickname="me", profile=":memory:", io="thread")
    await chat.connect()
    agent = AgentClient(home.url, "tok")
    call = asyncio.ensure_future(agent.ask_question("there?"))
    (message,) = await until(lambda: chat.messages.pending)
    delivery = chat.reply(message, "yes")
    assert (await delivery).status == "replied"
    assert (await call).text == "yes"
    chat.close()
    assert not any(thread.name == "ipymultichat" and thread.is_alive() for thread in threading.enumerate())


def test_an_inbox_made_without_a_loop_connects_with_the_first_and_again_with_the_second() -> None:
    from ipymultichat.server import LocalServer

    chat = Chat(["ws://127.0.0.1:9"], token="tok", nickname="me", profile=":memory:")

    async def use() -> None:
        async with LocalServer() as server:
            chat.update_server(chat.servers[0], url=server.url)
            await chat.connect()
            assert chat.connected_count == 1
            await chat.disconnect()

    asyncio.run(use())
    asyncio.run(use())
    chat.close()
