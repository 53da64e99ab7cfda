"""The inbox as a plain object: on other loops than asyncio's own, and in processes that fork."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from types import ModuleType
from typing import Any

import pytest
import trio
import uvloop
from inboxes import MakeChat
from waiting import until

from ipymultichat.agent import AgentClient
from ipymultichat.errors import NoLoopError
from ipymultichat.hub import Chat
from ipymultichat.model import Message
from ipymultichat.server import LocalServer


def test_it_works_on_the_loop_of_uvloop() -> None:
    async def main() -> str:
        async with LocalServer(token="tok") as server, Chat([server.url], token="tok", profile=":memory:") as chat:
            chat.on_message(lambda message: f"{message.text} yes")
            return (await AgentClient(server.url, "tok").ask_question("Deploy?")).text

    loop = uvloop.new_event_loop()
    try:
        assert loop.run_until_complete(main()) == "Deploy? yes"
    finally:
        loop.close()


def test_it_is_made_while_another_thread_imports_trio(make_chat: MakeChat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trio", ModuleType("trio"))
    monkeypatch.delitem(sys.modules, "trio.lowlevel")
    assert not make_chat().closed


def test_on_a_loop_of_trio_it_says_at_once_what_works_there() -> None:
    async def main() -> None:
        with pytest.raises(
            NoLoopError, match=r"io='kernel' needs a loop of asyncio, and this one is of trio; .*io='thread'"
        ):
            Chat([], token="tok", profile=":memory:")
        chat = Chat([], token="tok", profile=":memory:", io="thread")
        for wait in (chat.connect(), chat.wait_for()):
            with pytest.raises(NoLoopError, match=r"this one is of trio; .* delivery.result"):
                await wait
        chat.close()

    trio.run(main)


FORK = """
import asyncio, atexit, os, sys
from ipymultichat import Chat
from ipymultichat.agent import AgentClient
from ipymultichat.server import LocalServer


async def main(io):
    async with LocalServer(token="tok") as server, Chat([server.url], token="tok", profile="forked", io=io) as chat:
        call = asyncio.ensure_future(AgentClient(server.url, "tok").ask_question("Deploy?"))
        message = await chat.wait_for(timeout=10)
        sys.stdout.flush()
        child = os.fork()
        if not child:
            for act in (lambda: chat.reply(message, "no"), lambda: chat.on_message(print), chat.reconnect):
                try:
                    act()
                except Exception as error:
                    print(type(error).__name__, str(error)[:58])
            print(len(chat.messages), len(chat.statuses))
            chat.close()
            mine = Chat([server.url], token="tok", profile="forked", autoconnect=False)
            print(mine._hub is not chat._hub)
            mine.close()
            atexit._run_exitfuncs()
            sys.stdout.flush()
            os._exit(0)
        assert await asyncio.to_thread(os.waitpid, child, 0) == (child, 0)
        await chat.reply(message, "yes")
        print((await call).text, chat.connected_count)


asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.parametrize("io", ["kernel", "thread"])
def test_a_forked_process_is_told_so_and_leaves_the_connections_of_the_other_alone(tmp_path: Any, io: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORK, io],
        env={"MULTICHAT_CONFIG_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    told = "ClosedError this MultiChat belongs to the process that made it, and it"
    assert (done.stdout.splitlines(), done.returncode) == ([told] * 3 + ["1 1", "True", "yes 1"], 0), done.stderr


@pytest.mark.timeout(300)
async def test_fifty_threads_send_a_thousand_replies_and_each_is_proved_once(
    make_chat: MakeChat, home: LocalServer, work: LocalServer
) -> None:
    chat = make_chat(home.url, work.url, io="thread")
    await chat.connect()
    proved: list[Message] = []

    def answer(mine: list[Message]) -> None:
        deliveries = [chat.reply(question, f"answer to {question.text}") for question in mine]
        proved.extend(delivery.result(120) for delivery in deliveries)

    async with AgentClient(home.url, "tok") as one, AgentClient(work.url, "tok") as other:
        texts = [str(number) for number in range(1_000)]
        agents = [asyncio.ensure_future((one, other)[int(text) % 2].ask_question(text)) for text in texts]
        await until(lambda: chat.pending_count == 1_000, seconds=120)
        questions = chat.messages.pending
        threads = [threading.Thread(target=answer, args=(questions[start::50],)) for start in range(50)]
        for thread in threads:
            thread.start()
        assert [found.text for found in await asyncio.gather(*agents)] == [f"answer to {text}" for text in texts]
        await until(lambda: not any(thread.is_alive() for thread in threads), seconds=120)
    assert sorted(message.id for message in proved) == sorted(question.id for question in questions)
    assert {message.reply.text == f"answer to {message.text}" and message.reply.mine for message in proved} == {True}
