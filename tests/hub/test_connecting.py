import asyncio
import signal
import socket
import threading

import pytest
from processes import ServerProcess
from waiting import left_over, until

from ipymultichat.agent import AgentClient
from ipymultichat.errors import AmbiguousServerError, ClosedError, ConfigError, UnknownServerError
from ipymultichat.hub import Hub


@pytest.fixture
def process():
    server = ServerProcess().start()
    yield server
    server.kill()


def state(hub, label):
    return hub.statuses[hub.server_id_of(label)]


async def test_one_dead_server_leaves_the_other_alone_and_comes_back_by_itself(home, process, make_hub):
    hub = make_hub({"url": home.url, "name": "Home"}, {"url": process.url, "name": "Work"})
    await hub.connect()
    assert hub.counts()["connected_count"] == 2
    process.kill()
    await until(lambda: state(hub, "Work").retry_at)
    assert hub.counts()["connected_count"] == 1
    assert "refused" in (await until(lambda: "refused" in state(hub, "Work").error and state(hub, "Work").error))
    agent = asyncio.ensure_future(AgentClient(home.url, "tok").ask_question("still there?"))
    (message,) = await until(lambda: hub.messages.pending)
    await hub.reply(message, "yes")
    assert (await agent).text == "yes"
    process.start()
    await until(lambda: hub.counts()["connected_count"] == 2)
    assert state(hub, "Work").error == ""
    agent = asyncio.ensure_future(AgentClient(process.url, "tok").ask_question("and here?"))
    (message,) = await until(lambda: hub.messages.pending)
    await hub.reply(message, "yes")
    assert (await agent).text == "yes"


async def test_a_reply_that_meets_a_frozen_server_arrives_when_it_thaws(process, make_hub):
    hub = make_hub(process.url)
    await hub.connect()
    agent = asyncio.ensure_future(AgentClient(process.url, "tok").ask_question("there?"))
    (message,) = await until(lambda: hub.messages.pending)
    process.signal(signal.SIGSTOP)
    delivery = hub.reply(message, "yes")
    await asyncio.sleep(0.2)
    assert hub.inbox.get(message.id).status == "sending"
    process.signal(signal.SIGCONT)
    assert (await delivery).status == "replied"
    assert (await agent).text == "yes"


async def test_requests_that_ended_while_away_are_not_left_pending(home, make_hub):
    hub = make_hub(home.url)
    await hub.connect()
    other = make_hub(home.url, nickname="other")
    await other.connect()
    agent = asyncio.ensure_future(AgentClient(home.url, "tok").ask_question("there?"))
    (message,) = await until(lambda: hub.messages.pending)
    await hub.disconnect()
    (theirs,) = other.messages.pending
    await other.reply(theirs, "yes")
    await agent
    await hub.connect()
    ended = hub.inbox.get(message.id)
    assert (ended.status, ended.reply.mine) == ("replied", False)
    assert len(hub.messages) == 1


async def test_connect_returns_with_a_status_for_every_server_and_raises_for_none(home, make_hub):
    hub = make_hub(home.url, "ws://127.0.0.1:9", "ws://does-not-exist.invalid:1")
    await hub.connect()
    words = [(str(status.state), status.error) for status in hub.statuses.values()]
    assert words[0] == ("connected", "")
    assert words[1][0] == "error"
    assert "refused" in words[1][1]
    assert words[2][0] == "error"
    assert "cannot be found" in words[2][1]


async def test_disconnect_closes_and_connect_opens_again(hub, work):
    await hub.disconnect()
    assert [str(status.state) for status in hub.statuses.values()] == ["disconnected", "disconnected"]
    await hub.connect()
    assert hub.counts()["connected_count"] == 2


async def test_retry_now_skips_the_wait(process, home):
    hub = Hub(":memory:", servers=[process.url], token="tok", nickname="me")
    await hub.connect()
    process.kill()
    await until(lambda: hub.statuses[hub.servers[0].id].attempt >= 2)
    process.start()
    started = asyncio.get_running_loop().time()
    hub.reconnect()
    await until(lambda: hub.counts()["connected_count"] == 1)
    assert asyncio.get_running_loop().time() - started < 0.9
    hub.close()
    await until(lambda: not left_over())


async def test_without_a_token_servers_stand_at_an_error_until_there_is_one(home, make_hub):
    hub = make_hub(home.url, token=None)
    await hub.connect()
    (status,) = hub.statuses.values()
    assert (status.state, status.error) == ("error", "no token set")
    hub.set_token("tok")
    await until(lambda: hub.counts()["connected_count"] == 1)


async def test_a_new_token_logs_in_anew_and_finds_its_own_group(hub, home):
    agent = asyncio.ensure_future(AgentClient(home.url, "other").ask_question("hello?"))
    await asyncio.wait({agent}, timeout=1)
    assert agent.exception() is not None  # nobody was there for that token
    hub.set_token("other")
    await hub.connect()
    agent = asyncio.ensure_future(AgentClient(home.url, "other").ask_question("hello?"))
    (message,) = await until(lambda: hub.messages.pending)
    await hub.reply(message, "hi")
    assert (await agent).text == "hi"


async def test_a_new_address_connects_there_at_once(hub, home, make_hub):
    hub.update_server("Work", url="ws://127.0.0.1:9")
    await until(lambda: state(hub, "Work").state == "error")
    assert hub.counts()["connected_count"] == 1
    with pytest.raises(ConfigError, match="already"):
        hub.update_server("Work", url=home.url)


async def test_a_server_can_be_added_renamed_and_removed_while_running(home, work, make_hub):
    hub = make_hub(home.url)
    await hub.connect()
    hub.add_server({"url": work.url, "name": "Work"})
    await until(lambda: hub.counts() == {**hub.counts(), "connected_count": 2, "server_count": 2})
    hub.update_server("Work", name="Office")
    assert hub.counts()["connected_count"] == 2
    hub.remove_server("Office")
    assert [config.url for config in hub.servers] == [home.url]
    with pytest.raises(UnknownServerError, match=r"127\.0\.0\.1"):
        hub.remove_server("Office")


async def test_a_server_can_be_removed_in_mid_handshake(make_hub):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hub = make_hub({"url": f"ws://127.0.0.1:{silent.getsockname()[1]}", "name": "silent"})
        hub.start()
        await until(lambda: state(hub, "silent").state == "connecting")
        hub.remove_server("silent")
        assert hub.statuses == {}


async def test_two_servers_of_one_name_are_told_apart_by_id(home, work, make_hub):
    hub = make_hub({"url": home.url, "name": "X"}, {"url": work.url, "name": "X"})
    with pytest.raises(AmbiguousServerError) as caught:
        hub.reconnect("X")
    assert set(caught.value.candidates) == {config.id for config in hub.servers}
    hub.reconnect(hub.servers[0].id)
    await hub.connect()


async def test_after_closing_nothing_works_and_the_server_sees_nobody(hub, home, make_hub):
    hub.close()
    with pytest.raises(ClosedError):
        hub.start()
    watcher = make_hub(home.url, nickname="watcher")
    await watcher.connect()
    await until(lambda: not watcher.users, seconds=2)


async def test_a_hub_on_its_own_thread_works_while_this_loop_is_blocked(home):
    hub = Hub(":memory:", servers=[home.url], token="tok", nickname="me", io="thread")
    await hub.connect()
    agent = AgentClient(home.url, "tok")
    call = asyncio.ensure_future(agent.ask_question("there?"))
    message = await until(lambda: hub.messages.pending and hub.messages.pending[0])
    delivery = hub.reply(message, "yes")
    assert (await delivery).status == "replied"
    assert (await call).text == "yes"
    hub.close()
    assert not any(thread.name == "ipymultichat" and thread.is_alive() for thread in threading.enumerate())


def test_a_hub_made_without_a_loop_connects_with_the_first_and_again_with_the_second():
    from ipymultichat.server import LocalServer

    hub = Hub(":memory:", servers=["ws://127.0.0.1:9"], token="tok", nickname="me")
    hub.start()

    async def use():
        async with LocalServer() as server:
            hub.update_server(hub.servers[0], url=server.url)
            await hub.connect()
            assert hub.counts()["connected_count"] == 1
            await hub.disconnect()

    asyncio.run(use())
    asyncio.run(use())
    hub.close()
