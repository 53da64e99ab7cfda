"""What one kernel leaves behind, and the next one finds."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from inboxes import MakeChat, hub_of
from processes import ServerProcess
from proxy import Proxy
from waiting import until

from ipymultichat.agent import AgentClient
from ipymultichat.errors import DeliveryError, WaitTimeoutError
from ipymultichat.hub import Chat
from ipymultichat.model import MessageFilter
from ipymultichat.server import LocalServer
from ipymultichat.store import history_path

PROFILE = "kept"


@pytest.fixture
def kernel(make_chat: MakeChat, work: LocalServer) -> Any:
    """Makes hubs of one profile, one after the other, like kernels of one person."""

    def start(**options: Any) -> Any:
        return make_chat({"url": work.url, "name": "Work"}, profile=PROFILE, **options)

    return start


@pytest.fixture
async def ask(work: LocalServer) -> Any:
    agents = []

    def ask(text: Any = "Deploy?", server: LocalServer = work, **options: Any) -> Any:
        agents.append(asyncio.ensure_future(AgentClient(server.url, "tok").ask_question(text, **options)))
        return agents[-1]

    yield ask
    for agent in agents:
        agent.cancel()
    await asyncio.gather(*agents, return_exceptions=True)


@pytest.fixture
def frozen() -> Any:
    """A server that can be frozen."""
    server = ServerProcess().start()
    yield server
    server.kill()


async def pending(chat: Chat) -> Any:
    return (await until(lambda: chat.messages.pending))[-1]


async def test_the_next_kernel_has_the_messages_and_answers_of_the_last(kernel: Any, ask: Any) -> None:
    first = kernel()
    await first.connect()
    agent = ask()
    answered = await first.reply(await pending(first), "yes", b"\x89PNG\r\n\x1a\n-not-much")
    await agent
    first.close()
    (found,) = kernel().messages
    assert (found.id, found.text, found.status, found.reply) == (
        answered.id,
        "Deploy?",
        "replied",
        answered.reply,
    )
    assert not found.live


async def test_what_still_waits_waits_in_the_next_kernel_and_comes_to_its_handlers(kernel: Any, ask: Any) -> None:
    first = kernel()
    await first.connect()
    agent = ask()
    before = await pending(first)
    first.close()
    second = kernel()
    second.on_message(lambda message: f"handled {message.text}")
    await second.connect()
    assert (await agent).text == "handled Deploy?"
    (message,) = await until(lambda: second.messages.where(status="replied"))
    assert (message.id, message.reply.mine) == (before.id, True)


async def test_what_was_answered_while_no_kernel_ran_waits_no_more(
    kernel: Any, ask: Any, make_chat: MakeChat, work: LocalServer
) -> None:
    first = kernel()
    await first.connect()
    ask()
    await pending(first)
    first.close()
    colleague = make_chat(work.url)
    await colleague.connect()
    await colleague.reply(await pending(colleague), "done")
    second = kernel()
    assert [message.status for message in second.messages] == ["pending"]
    with pytest.raises(WaitTimeoutError):
        await second.wait_for(timeout=0.05)
    await second.connect()
    assert [(m.status, m.error) for m in second.messages] == [
        ("cancelled", "answered elsewhere, or given up, while this connection was down")
    ]


async def test_an_answer_on_its_way_when_the_kernel_ended_is_failed_with_its_text(
    frozen: Any, make_chat: MakeChat, ask: Any
) -> None:
    first = make_chat(frozen.url, profile=PROFILE)
    await first.connect()
    ask(server=frozen)
    message = await pending(first)
    frozen.signal(signal.SIGSTOP)
    delivery = first.reply(message, "a long answer")
    assert await asyncio.to_thread(hub_of(first).history.flush, 5)
    second = make_chat(frozen.url, profile=PROFILE)  # the first was not closed: as if it had been killed
    (found,) = second.messages
    assert (found.status, found.draft[0].text) == ("failed", "a long answer")
    assert "kernel ended" in found.error
    first.close()
    with pytest.raises(DeliveryError):
        await delivery


@pytest.mark.parametrize("contents", [("yes",), ("see", b"\x89PNG\r\n\x1a\n-not-much")])
async def test_an_answer_on_its_way_when_the_kernel_ended_goes_out_with_the_next_if_it_is_waited_for(
    work: LocalServer, make_chat: MakeChat, ask: Any, contents: Any
) -> None:
    async with Proxy(work.url) as proxy:
        first = make_chat({"id": "w", "url": proxy.url}, profile=PROFILE)
        await first.connect()
        agent = ask()
        message = await pending(first)
        proxy.stalled = True
        lost = first.reply(message, *contents)
        assert await asyncio.to_thread(hub_of(first).history.flush, 5)
        second = make_chat({"id": "w", "url": work.url}, profile=PROFILE)  # as if the first had been killed
        second.on_message(lambda _message: "something else")
        await second.connect()
        answer = await asyncio.wait_for(agent, 5)
        assert (answer, len(answer.contents)) == (contents[0], len(contents))
        await until(lambda: second.messages[0].status == "replied")
        assert second.messages[0].reply.mine
        first.close()
        with pytest.raises(DeliveryError):
            await lost


async def test_a_deadline_that_passed_without_a_kernel_is_over(kernel: Any, ask: Any) -> None:
    first = kernel()
    await first.connect()
    ask(timeout=1)
    await pending(first)
    first.close()
    await asyncio.sleep(1.1)
    assert [message.status for message in kernel().messages] == ["expired"]


async def test_chat_and_its_people_are_known_in_the_next_kernel(
    kernel: Any, make_chat: MakeChat, work: LocalServer
) -> None:
    first = kernel()
    ada = make_chat(work.url, nickname="ada")
    await asyncio.gather(first.connect(), ada.connect())
    await until(lambda: first.users and ada.users)
    await ada.send("me@" + ada.servers[0].label, "lunch?")
    await until(lambda: first.unread_count)
    first.close()
    ada.close()
    second = kernel()
    (talk,) = hub_of(second).inbox.conversations()
    assert (talk.nickname, talk.unread) == ("ada", 1)
    await second.connect()
    with pytest.raises(DeliveryError, match="ada"):
        await second.send("ada@Work", "where were you?")
    second.mark_read((talk.last, 10**9), server_id=talk.server_id, peer="ada")
    assert second.unread_count == 0
    second.close()
    assert kernel().unread_count == 0


async def test_messages_beyond_memory_are_paged_and_found_by_their_text(
    kernel: Any, make_chat: MakeChat, work: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipymultichat.hub.hub._RECALLED", 5)
    first = kernel()
    ada = make_chat(work.url, nickname="ada")
    await asyncio.gather(first.connect(), ada.connect())
    await until(lambda: ada.users)
    for number in range(12):
        await ada.send("me@" + ada.servers[0].label, f"message {number}")
    await until(lambda: len(first.messages) == 12)
    first.close()
    second = kernel()
    assert len(second.messages) == 5
    texts: list[str] = []
    before, more = None, True
    while more:
        entries, more = await second.messages.page(before, 3, MessageFilter())
        texts = [entry.message.text for entry in entries] + texts
        before = entries[0].order
    assert texts == [f"message {number}" for number in range(12)]
    entries, more = await second.messages.page(None, 10, MessageFilter(search="SAGE 3"))
    assert ([entry.message.text for entry in entries], more) == (["message 3"], False)
    assert [message.text for message in second.messages.everything()] == texts
    assert (await second.messages.find(entries[0].message.id)).text == "message 3"


async def test_a_server_keeps_its_messages_in_another_kernel_whatever_it_is_called(kernel: Any, ask: Any) -> None:
    first = kernel()
    await first.connect()
    ask()
    await pending(first)
    first.update_server("Work", name="Office")
    first.close()
    second = kernel()
    (message,) = second.messages
    assert (message.server_id, message.server_name) == (second.servers[0].id, "Work")


async def test_clearing_the_history_clears_the_disk_and_keeps_what_waits(kernel: Any, ask: Any) -> None:
    first = kernel()
    await first.connect()
    agent = ask("old")
    await first.reply(await pending(first), "yes")
    await agent
    ask("still waiting")
    await pending(first)
    assert first.clear_history() == 1
    first.close()
    assert [message.text for message in kernel().messages] == ["still waiting"]


async def test_a_profile_in_memory_touches_no_disk(make_chat: MakeChat, work: LocalServer, ask: Any) -> None:
    chat = make_chat(work.url)
    await chat.connect()
    ask()
    await pending(chat)
    chat.close()
    assert not history_path(PROFILE).parent.exists()


def test_what_came_last_is_written_when_the_kernel_ends_without_a_word(tmp_path: Path, make_chat: MakeChat) -> None:
    code = """
import sys
from datetime import datetime, timezone
from ipymultichat import MultiChat
from ipymultichat.model import Message, MessageKind, MessageStatus

chat = MultiChat([], profile=sys.argv[1], nickname="me", autoconnect=False)
now = datetime.now(timezone.utc)
message = Message("m", MessageKind.CHAT, "s", "S", "m", "last words", now, MessageStatus.RECEIVED)
chat._hub.inbox.add(message, received_at=now)
"""
    subprocess.run([sys.executable, "-c", code, PROFILE], check=True, timeout=30)
    assert [message.text for message in make_chat(profile=PROFILE).messages] == ["last words"]


async def test_two_kernels_at_once_keep_one_copy_and_the_answer_that_was_proved(kernel: Any, ask: Any) -> None:
    first, second = kernel(), kernel()
    await asyncio.gather(first.connect(), second.connect())
    agent = ask()
    await pending(second)
    await first.reply(await pending(first), "yes")
    await agent
    await until(lambda: second.messages[0].status == "replied")
    first.close()
    second.close()
    (message,) = kernel().messages
    assert (message.status, message.reply.text, message.reply.mine) == ("replied", "yes", True)


async def test_a_locked_disk_loses_nothing_and_is_said(
    kernel: Any, make_chat: MakeChat, work: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    first = kernel()
    ada = make_chat(work.url, nickname="ada")
    await asyncio.gather(first.connect(), ada.connect())
    await until(lambda: ada.users)
    with closing(sqlite3.connect(history_path(PROFILE), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(30):
            await ada.send("me@" + ada.servers[0].label, f"message {number}")
        await until(lambda: len(first.messages) == 30)
        assert not hub_of(first).history.stored(first.messages[-1].id)
        other.execute("ROLLBACK")
    await until(lambda: all(hub_of(first).history.stored(message.id) for message in first.messages))
    first.close()
    assert len(kernel().messages) == 30


async def test_what_memory_holds_is_on_disk_again_after_another_file_took_the_place_of_the_history(
    kernel: Any, ask: Any
) -> None:
    chat = kernel()
    await chat.connect()
    ask("first")
    await until(lambda: len(chat.messages) == 1)
    assert hub_of(chat).history.flush(5)
    history_path(PROFILE).rename(history_path("elsewhere"))
    history_path(PROFILE).touch()
    ask("second")
    await until(lambda: len(chat.messages) == 2)
    assert hub_of(chat).history.flush(5)
    assert ["was replaced by another file" in notice for notice in chat.notices] == [True]
    chat.close()
    with closing(sqlite3.connect(history_path(PROFILE))) as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchone() == (2,)


async def test_an_export_over_a_damaged_page_is_written_and_the_person_told(
    kernel: Any, ask: Any, tmp_path: Path
) -> None:
    chat = kernel()
    await chat.connect()
    ask("first")
    await until(lambda: len(chat.messages) == 1)
    chat.close()
    path = history_path(PROFILE)
    data = path.read_bytes()
    path.write_bytes(b"\xa5" * 4096 + data[4096:])  # the first page, without which SQLite finds nothing
    chat = kernel()
    assert [message.text for message in chat.messages] == ["first"]
    assert "first" in await asyncio.to_thread(lambda: chat.export(tmp_path / "log.jsonl").read_text())
    assert "1 messages were saved, none was lost" in chat.notices[0]
