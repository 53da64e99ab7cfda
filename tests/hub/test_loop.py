"""Which event loop the work runs on, and when."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from inboxes import MakeChat
from processes import ServerProcess
from waiting import until

from ipymultichat import MultiChat
from ipymultichat.errors import NoLoopError, WouldBlockError
from ipymultichat.hub import Chat
from ipymultichat.hub.loop import KernelLoop, ThreadLoop
from ipymultichat.server import LocalServer


def in_another_thread(work: Any) -> Any:
    """Run a function in a thread of its own; returns its result."""
    outcome: list[Any] = []
    thread = threading.Thread(target=lambda: outcome.append(work()))
    thread.start()
    thread.join(10)
    return outcome[0]


def no_new_loop() -> None:
    raise AssertionError("no other loop was to be adopted")


def test_what_was_put_off_on_a_loop_that_ended_runs_on_the_next() -> None:
    adopted: list[str] = []
    loop, ran = KernelLoop(lambda: adopted.append("another")), []

    async def first() -> None:
        assert loop.bind()
        loop.post(lambda: ran.append("put off"), delay=60)

    async def second() -> None:
        assert loop.bind()

    asyncio.run(first())
    assert ran == []
    asyncio.run(second())
    assert (adopted, ran) == (["another"], ["put off"])


def test_what_is_posted_before_there_is_a_loop_runs_on_the_first_delays_included() -> None:
    loop, ran = KernelLoop(no_new_loop), []
    loop.post(lambda: ran.append("at once"))
    loop.post(lambda: ran.append("later"), delay=0.01)

    async def main() -> None:
        assert loop.bind()
        assert ran == ["at once"]
        await until(lambda: ran == ["at once", "later"])

    asyncio.run(main())


def test_a_temporary_loop_of_another_thread_is_not_adopted() -> None:
    loop, ran = KernelLoop(no_new_loop), []

    async def visit() -> None:
        loop.post(lambda: ran.append(threading.get_ident()))

    in_another_thread(lambda: asyncio.run(visit()))
    assert ran == []

    async def main() -> None:
        loop.bind()

    asyncio.run(main())
    assert ran == [threading.get_ident()]


def test_posting_from_another_thread_with_a_loop_of_its_own_runs_on_the_adopted_one() -> None:
    async def main() -> None:
        loop, ran = KernelLoop(no_new_loop), []
        loop.bind()

        async def visit() -> None:
            loop.post(lambda: ran.append(asyncio.get_running_loop()))

        await asyncio.to_thread(lambda: asyncio.run(visit()))
        await until(lambda: ran)
        assert ran == [asyncio.get_running_loop()]

    asyncio.run(main())


def test_a_second_loop_takes_over_from_one_that_has_ended() -> None:
    changes: list[str] = []
    loop = KernelLoop(lambda: changes.append("new"))

    async def main() -> None:
        assert loop.bind()
        assert loop.is_current()

    asyncio.run(main())
    asyncio.run(main())
    assert changes == ["new"]


def test_a_second_loop_takes_over_from_one_that_only_stands_still() -> None:
    changes: list[str] = []
    loop = KernelLoop(lambda: changes.append("new"))

    async def main() -> None:
        assert loop.bind()
        assert loop.is_current()

    resting = asyncio.new_event_loop()
    resting.run_until_complete(main())
    asyncio.run(main())
    resting.close()
    assert changes == ["new"]


def test_a_loop_in_a_thread_runs_everything_there_and_ends() -> None:
    loop, ran = ThreadLoop(), []
    loop.post(lambda: ran.append(threading.current_thread().name))

    async def last() -> None:
        ran.append("last")

    loop.finish(last)
    assert ran == ["ipymultichat", "last"]
    loop.post(lambda: ran.append("too late"))
    assert ran == ["ipymultichat", "last"]


def test_a_change_before_any_loop_does_not_stop_the_patches_and_traits_that_follow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chat = MultiChat([], token="tok", nickname="me", profile=":memory:", autoconnect=False)
    chat.add_server("ws://127.0.0.1:9", "Nine")  # nobody runs what this schedules yet
    frames: list[dict[str, Any]] = []
    monkeypatch.setattr(chat, "_send", lambda message, buffers=None: frames.append(message))
    seen: list[int] = []
    chat.observe(lambda change: seen.append(change["new"]), "connected_count")

    async def main() -> None:
        async with LocalServer() as server:
            chat.add_server(server.url, "Work")
            chat._sync.receive({"type": "sync", "client": "tab"})
            await chat.connect()
            await until(lambda: seen == [1])
            chat.update_server("Work", name="Office")
            await until(lambda: [server["label"] for server in chat._servers] == ["Nine", "Office"])
        chat.close()

    asyncio.run(main())
    assert frames


def test_connecting_on_a_loop_of_another_thread_is_refused_with_the_remedy() -> None:
    chat = MultiChat(["ws://127.0.0.1:9"], token="tok", profile=":memory:", autoconnect=False)

    def work() -> BaseException | None:
        try:
            asyncio.run(chat.connect())
        except NoLoopError as error:
            return error
        return None

    assert "io='thread'" in str(in_another_thread(work))
    chat.close()


async def test_waiting_for_a_delivery_on_its_own_loop_is_refused_at_once(
    chat: Chat, work: LocalServer, ask: Any
) -> None:
    agent = ask(work)
    (message,) = await until(lambda: chat.messages.pending)
    delivery = chat.reply(message, "yes")
    with pytest.raises(WouldBlockError, match=r"await delivery.*io='thread'"):
        delivery.result(10)
    assert (await delivery).status == "replied"
    assert delivery.result(10).status == "replied"
    await agent


async def test_waiting_for_a_delivery_in_another_thread_returns_the_message(
    chat: Chat, work: LocalServer, ask: Any
) -> None:
    agent = ask(work)
    (message,) = await until(lambda: chat.messages.pending)
    delivery = chat.reply(message, "yes")
    assert (await asyncio.to_thread(delivery.result, 10)).status == "replied"
    await agent


async def test_with_a_loop_in_a_thread_a_cell_may_wait_for_a_delivery(make_chat: MakeChat, ask: Any) -> None:
    server = ServerProcess().start()
    try:
        chat = make_chat(server.url, io="thread")
        await chat.connect()
        agent = ask(server)
        (message,) = await until(lambda: chat.messages.pending)
        assert chat.reply(message, "yes").result(10).status == "replied"
        await agent
    finally:
        server.kill()
