"""What happens to the inbox in the life of a real kernel: cells run again, interrupts, restarts."""

import json
import signal

import pytest
from kernel import Kernel
from people import Ask
from processes import ServerProcess
from waiting import until

from ipymultichat.hub import Chat

pytestmark = pytest.mark.timeout(120)

READY = "\nawait chat.connect()\nprint(chat.connected_count)"
COUNTS = (
    "import asyncio, gc, json, threading\n"
    "from ipywidgets import Widget\n"
    "gc.collect()\n"
    "print(json.dumps([len(asyncio.all_tasks()), threading.active_count()]))"
)


def me(observer: Chat) -> list[str]:
    return [user.server_id for user in observer.users if user.nickname == "me"]


async def test_fifty_runs_of_the_cell_are_one_client_per_server_and_no_more_tasks_or_threads(
    kernel: Kernel, observer: Chat, inbox: str
) -> None:
    assert await kernel.run(inbox + READY) == "2\n"
    await kernel.run(inbox)
    before = json.loads(await kernel.run(COUNTS, "counts"))
    for _ in range(50):
        await kernel.run(inbox)
        assert len(me(observer)) == 2
    assert await kernel.run("print(chat.connected_count)", "other") == "2\n"
    after = json.loads(await kernel.run(COUNTS, "counts"))
    assert [now <= then for now, then in zip(after, before, strict=True)] == [True, True], (before, after)
    assert sorted(me(observer)) == sorted(config.id for config in observer.servers)


async def test_closing_the_inbox_frees_its_sockets(kernel: Kernel, observer: Chat, inbox: str) -> None:
    await kernel.run(inbox + READY)
    assert len(me(observer)) == 2
    await kernel.run("chat.close()", "close")
    await until(lambda: me(observer) == [])


async def test_a_restart_leaves_no_socket_and_the_next_run_shows_history_and_what_waits(
    kernel: Kernel, observer: Chat, inbox: str, ask: Ask
) -> None:
    await kernel.run(inbox + READY)
    answered, waiting = ask("first?"), ask("second?", server=1)
    await kernel.run(
        "first = await chat.wait_for(server=chat.servers[0])\nawait chat.reply(first, 'yes')\n"
        "second = await chat.wait_for(server=chat.servers[1])",
    )
    assert (await answered).text == "yes"
    stored = "import time\nwhile not all(chat._hub.history.stored(m.id) for m in chat.messages): time.sleep(0.01)"
    await kernel.run(stored)
    await kernel.restart()
    await until(lambda: me(observer) == [])
    await kernel.run(inbox + READY)
    assert len(me(observer)) == 2
    told = await kernel.run("print(*[(m.text, m.status, m.reply and m.reply.text) for m in chat.messages], sep='\\n')")
    first, second = sorted(told.splitlines())  # two servers: either question may have come first
    assert first == "('first?', <MessageStatus.REPLIED: 'replied'>, 'yes')"
    assert second.startswith("('second?', <MessageStatus.PENDING")
    await kernel.run("await chat.reply(chat.messages.pending[0], 'still here')")
    assert (await waiting).text == "still here"


async def test_interrupting_a_cell_that_awaits_replies_stops_the_wait_and_no_reply(
    kernel: Kernel, servers: list[ServerProcess], inbox: str, ask: Ask
) -> None:
    await kernel.run(inbox + READY)
    agents = [ask("deploy?"), ask("merge?"), ask("release?", server=1)]
    await kernel.run("messages = [await chat.wait_for() for _ in range(3)]")
    for server in servers:
        server.signal(signal.SIGSTOP)
    deliveries = "deliveries = [chat.reply(message, 'yes') for message in messages]\nprint('waiting', flush=True)"
    cell = kernel.send(f"{deliveries}\nfor delivery in deliveries: await delivery")
    await kernel.prints("waiting")
    await kernel.manager.interrupt_kernel()
    error, _ = await kernel.outcome(cell)
    assert error in ("KeyboardInterrupt", "CancelledError")
    for server in servers:
        server.signal(signal.SIGCONT)
    assert [(await agent).text for agent in agents] == ["yes"] * 3
    assert (
        await kernel.run("print(*[(await delivery).status for delivery in deliveries])") == "replied replied replied\n"
    )


async def test_what_contradicts_the_living_inbox_is_said_and_another_profile_is_another_inbox(
    kernel: Kernel, inbox: str
) -> None:
    await kernel.run(inbox + READY)
    told = await kernel.run(
        "again = MultiChat(io='thread')\nother = MultiChat(profile='other', autoconnect=False)\n"
        "print(again._hub is chat._hub, other._hub is chat._hub, [n['text'] for n in again._notices])",
        "another",
    )
    assert told.startswith("True False")  # and nothing of it is printed into the cell
    assert "io='kernel' already" in told
