"""Starting, stopping, and what goes wrong with either."""

import asyncio
import logging
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest
from chat_person import Enter, Person

from ipymultichat.agent import AgentClient
from ipymultichat.errors import ConfigError, ServerStartError
from ipymultichat.server import Limits, LocalServer, listener


async def test_port_0_is_known_once_started() -> None:
    server = LocalServer()
    with pytest.raises(ServerStartError, match="start it first"):
        assert server.url
    async with server:
        port = int(server.url.removeprefix("ws://127.0.0.1:").removesuffix("/ws"))
        assert port > 0
        assert server.http_url == f"http://127.0.0.1:{port}"
        assert server.running
    assert not server.running
    assert server.http_url.endswith(str(port))


async def test_it_starts_again_on_the_same_port_with_an_empty_memory(enter: Enter) -> None:
    server = LocalServer()
    await server.start()
    port = int(server.http_url.rpartition(":")[2])
    await enter(server)
    await server.stop()
    async with LocalServer(port=port) as second:
        ada = await enter(second)
        assert (await ada.list_users()).total_count == 0


async def test_start_twice_is_an_error_and_stop_twice_is_none() -> None:
    server = LocalServer()
    assert await server.start() is server
    with pytest.raises(ServerStartError, match="runs already"):
        await server.start()
    await asyncio.gather(server.stop(), server.stop())
    await server.stop()


async def test_ipv6_and_every_address_have_a_usable_url(enter: Enter) -> None:
    for host in ("::1", "0.0.0.0", "localhost"):
        try:
            server = await LocalServer(host).start()
        except ServerStartError:
            assert host == "::1", "this machine may be without IPv6"
            continue
        await enter(server)
        await server.stop()


@pytest.mark.parametrize("port", [-1, 65536, "2000", 1.5, True, None])
async def test_a_port_that_cannot_be_one(port: Any) -> None:
    with pytest.raises(ConfigError, match="no number from 0 to 65535"):
        await LocalServer(port=port).start()


@pytest.mark.parametrize("host", ["", None, 5, "a\nb"])
async def test_a_host_that_cannot_be_one(host: Any) -> None:
    with pytest.raises(ConfigError, match="no name or address"):
        await LocalServer(host).start()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "..", "a" * 100])
async def test_a_host_that_is_unknown(host: Any) -> None:
    with pytest.raises(ServerStartError, match="no such host name") as caught:
        await LocalServer(host).start()
    assert "\n" not in str(caught.value)


async def test_a_host_that_is_not_this_machine() -> None:
    with pytest.raises(ServerStartError, match="no address of this machine"):
        await LocalServer("192.0.2.1").start()


async def test_a_port_in_use() -> None:
    async with LocalServer() as server:
        port = int(server.http_url.rpartition(":")[2])
        with pytest.raises(ServerStartError, match=f"127.0.0.1:{port}: the port is already in use"):
            await LocalServer(port=port).start()


@pytest.mark.parametrize("token", ["", "  ", "a\nb", 5])
def test_a_token_that_cannot_be_one(token: str) -> None:
    with pytest.raises(ConfigError):
        LocalServer(token=token)


def test_one_string_is_no_list_of_origins() -> None:
    with pytest.raises(ConfigError, match="list of origins"):
        LocalServer(allowed_origins="https://team.example")


async def test_neither_repr_nor_errors_show_the_token() -> None:
    async with LocalServer(token="hunter2") as server:
        assert "hunter2" not in repr(server)
        assert server.url.split("//")[1].removesuffix("/ws") in repr(server)


async def test_stopping_ends_whatever_is_open_and_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    before = asyncio.all_tasks()
    server = await LocalServer(limits=Limits(max_queue=2**30)).start()
    host, port = "127.0.0.1", int(server.http_url.rpartition(":")[2])
    ada, stuck = await Person.connect(server.url), await Person.connect(server.url, max_queue=1)
    await ada.login("team", "ada")
    await stuck.login("team", "stuck")
    for _ in range(30):
        await ada.chat(stuck, "x" * 500_000)
    await ada.before_answer()
    opened = [await asyncio.open_connection(host, port) for _ in range(3)]
    opened[1][1].write(b"POST /agentassistproto.SrvAgentAssist/AskQuestion HTTP/1.1\r\nhost: x\r\n")
    opened[2][1].write(
        b"POST /agentassistproto.SrvAgentAssist/AskQuestion HTTP/1.1\r\nhost: x\r\n"
        b"content-type: application/proto\r\ncontent-length: 1000\r\n\r\nhalf a body"
    )
    await ada.before_answer()
    await server.stop()  # without its bounds, those that do not read would hold it up for good
    assert await ada.closed() == 1012
    await stuck.closed()
    for _, writer in opened:
        writer.close()
    left = asyncio.all_tasks() - before  # the clients' own tasks may need one more turn
    if left:
        _, left = await asyncio.wait(left, timeout=1)
    assert left == set()
    assert [record.getMessage() for record in caplog.records] == []


async def test_a_cancelled_stop_goes_on() -> None:
    server = await LocalServer().start()
    ada = await Person.connect(server.url)
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert await ada.closed() == 1012
    await server.stop()


async def test_no_signal_handler_is_touched() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    async with LocalServer():
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


async def test_a_silent_peer_is_cut_off_without_a_close_frame(monkeypatch: pytest.MonkeyPatch, enter: Enter) -> None:
    monkeypatch.setattr(listener, "PING_INTERVAL", 0.05)
    monkeypatch.setattr(listener, "PING_TIMEOUT", 0.05)
    async with LocalServer() as server:
        ada, bob = await enter(server, max_queue=1), await enter(server, nickname="bob")
        for _ in range(5):
            await bob.chat(ada, "hi")  # with one of these unread, her library reads no more, pings included
        while (await bob.next()).UserConnectionStatusNotification.status != "disconnected":
            pass
        assert await ada.closed() == 1006


def test_pings_are_those_of_the_servers_in_use() -> None:
    assert (listener.PING_INTERVAL, listener.PING_TIMEOUT) == (54, 6)


async def test_rubbish_on_the_wire_goes_to_the_servers_own_log_alone(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async with LocalServer() as server:
        port = int(server.http_url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"rubbish\r\n\r\n")
        assert b"400" in await reader.readline()
        writer.close()
        await writer.wait_closed()
    assert {record.name for record in caplog.records if record.levelno >= logging.WARNING} == {"ipymultichat.server"}
    assert logging.getLogger("ipymultichat.server").handlers  # with none at all, Python would print to stderr
    assert capfd.readouterr() == ("", "")


async def test_no_frame_is_logged_at_any_level(caplog: pytest.LogCaptureFixture, enter: Enter) -> None:
    caplog.set_level(logging.DEBUG)
    async with LocalServer() as server:
        ada = await enter(server, token="hunter2")
        await ada.before_answer()
    told = [record.getMessage() for record in caplog.records if record.name == "ipymultichat.server"]
    assert "connection open" in told
    assert not [line for line in told if "BINARY" in line or b"hunter2".hex(" ") in line]


def test_missing_packages_are_named() -> None:
    code = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "try: import ipymultichat.server\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == 'the embedded server needs more packages: pip install "ipymultichat[server]"'


def test_the_packages_that_a_store_in_postgresql_lacks_are_named() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from ipymultichat.cli import main\n"
        "sys.exit(main(['serve', '--port', '0', '--store', 'postgresql://ada:hunter2@127.0.0.1:9/none']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)
    needed = 'a store in PostgreSQL needs more packages: pip install "ipymultichat[postgres]"'
    assert (done.returncode, done.stderr) == (2, f"ipymultichat: {needed}\n")


async def test_a_server_that_did_not_start_leaves_the_port_free(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object, listening: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(listener.Listener, "start", fail)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = LocalServer(port=port)
        with pytest.raises(RuntimeError):
            await server.start()
    assert not server.running
    await server.start()
    await server.stop()


async def test_a_request_is_called_cancelled_before_a_late_reply_can_seem_to_have_reached_its_agent(
    server: LocalServer, enter: Enter
) -> None:
    ada = await enter(server)
    agent = asyncio.ensure_future(AgentClient(server.url, "team").ask_question("ok?"))
    request = (await ada.expect("AskQuestion")).AskQuestionRequest
    await server._relay.close()
    await asyncio.wait({agent})
    assert agent.exception() is not None
    await ada.reply(request, "yes")
    assert (await ada.expect("RequestCancelled")).RequestCancelledNotification.request_id == request.ID
    assert await ada.pending(request.ID) == {request.ID: False}
