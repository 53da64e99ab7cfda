"""Every way a server can fail ends in `error`, in words, with a next try; and none of them stops the others."""

import asyncio
import contextlib
import http
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timezone
from typing import Any

import pytest
import trustme
from frames import ask, login, pending, question, users
from inboxes import hub_of, make_inbox
from waiting import left_over, until
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

from ipymultichat.model import ServerStatus
from ipymultichat.net import LinkSettings, link
from ipymultichat.net.connection import Connect
from ipymultichat.server import LocalServer
from ipymultichat.session import Backoff, Timing
from ipymultichat.wire import agentassist_pb2 as pb

QUICK = LinkSettings(open_timeout=0.5, backoff=lambda: Backoff(first=30), timing=Timing(login=0.3))


async def outcome(url: str, settings: LinkSettings = QUICK, token: str = "tok") -> ServerStatus:
    inbox = make_inbox(url, token=token, link_settings=settings)
    await inbox.connect()
    (status,) = inbox.statuses.values()
    inbox.close()
    await until(lambda: not left_over())
    return status


async def idle(_socket: ServerConnection) -> None:
    """Hangs up at once."""


@contextlib.asynccontextmanager
async def tcp(
    reaction: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A TCP server that is no websocket server; `reaction(reader, writer)` says what it does."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reaction(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()


@contextlib.asynccontextmanager
async def websocket(handler: Callable[[ServerConnection], Awaitable[None]], **options: Any) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def assert_error(status: ServerStatus, *words: str) -> None:
    assert status.state == "error"
    assert status.attempt == 1
    assert status.retry_at is not None
    for word in words:
        assert word in status.error


@pytest.mark.parametrize("code", [401, 403, 404, 500, 503])
async def test_an_http_status_is_named(code: int) -> None:
    def refuse(connection: ServerConnection, _request: Request) -> Response:
        return connection.respond(http.HTTPStatus(code), "no")

    async with websocket(idle, process_request=refuse) as url:
        assert_error(await outcome(url), f"HTTP {code}", "no chat server")


async def test_a_server_that_talks_something_else_is_named() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        await writer.drain()

    async with tcp(talk) as address:
        assert_error(await outcome(f"ws://{address}"), "not a websocket server", address)


async def test_a_server_that_hangs_up_at_once_is_named() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with tcp(talk) as address:
        assert_error(await outcome(f"ws://{address}"), "not a websocket server")


async def test_a_server_that_never_answers_the_handshake_runs_into_the_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert_error(await outcome(f"ws://127.0.0.1:{silent.getsockname()[1]}"), "no answer", "0.5 s")


async def test_a_server_without_tls_is_named() -> None:
    async with websocket(idle) as url:
        assert_error(await outcome(url.replace("ws://", "wss://")), "TLS failed", "ws://")


async def test_a_certificate_that_nobody_vouches_for_is_named() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with websocket(idle, ssl=context) as url:
        assert_error(await outcome(url.replace("ws://", "wss://")), "certificate", "not trusted")


async def test_a_host_that_no_name_server_knows_is_named() -> None:
    # ".invalid" is reserved for names that exist nowhere (RFC 6761).
    assert_error(await outcome("ws://nowhere.invalid/ws"), "nowhere.invalid", "cannot be found")


async def test_a_refused_connection_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert_error(await outcome(f"ws://127.0.0.1:{port}"), "refused", f"127.0.0.1:{port}")


async def test_a_server_that_never_answers_the_login_is_named() -> None:
    async def silent(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with websocket(silent) as url:
        assert_error(await outcome(url), "did not answer the login")


async def test_a_refused_login_says_why_and_is_retried_slowly() -> None:
    async with LocalServer(token="right") as server:
        status = await outcome(server.url, token="wrong")
    assert_error(status, "refused the login")
    assert "wrong" not in status.error
    assert status.retry_at is not None
    assert (status.retry_at - datetime.now(timezone.utc)).total_seconds() > 50


@pytest.mark.parametrize(
    ("code", "words"),
    [(1000, "closed"), (1008, "not allowed"), (1011, "error of its own"), (1012, "restarting"), (1013, "busy")],
)
async def test_a_close_code_is_put_into_words(code: int, words: str) -> None:
    async def leave(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.close(code)

    async with websocket(leave) as url:
        assert_error(await outcome(url), words)


async def test_a_close_without_a_code_is_named() -> None:
    async def leave(socket: ServerConnection) -> None:
        await socket.recv()
        async with socket.send_context():
            socket.protocol.send_close()

    async with websocket(leave) as url:
        assert_error(await outcome(url), "without saying why")


async def test_a_connection_cut_without_a_word_is_named() -> None:
    async def cut(socket: ServerConnection) -> None:
        await socket.recv()
        socket.transport.abort()

    async with websocket(cut) as url:
        assert_error(await outcome(url), "broke")


async def test_a_peer_that_stops_answering_is_noticed_by_the_keepalive() -> None:
    noticed = asyncio.Event()

    async def freeze(socket: ServerConnection) -> None:
        await socket.recv()
        socket.transport.pause_reading()
        await noticed.wait()

    settings = LinkSettings(open_timeout=0.5, keepalive=0.1, backoff=lambda: Backoff(first=30), timing=Timing(login=60))
    async with websocket(freeze, close_timeout=0.1) as url:
        assert_error(await outcome(url, settings), "no longer answers")
        noticed.set()


async def test_one_server_that_hangs_does_not_hold_up_the_others() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with LocalServer() as server:
            urls = [f"ws://127.0.0.1:{silent.getsockname()[1]}", server.url]
            inbox = make_inbox(servers=urls, link_settings=LinkSettings(open_timeout=30))
            inbox.reconnect()
            await until(lambda: inbox.connected_count == 1)
            inbox.close()
            await until(lambda: not left_over())


async def test_the_token_is_in_no_log_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with LocalServer() as server:
        status = await outcome(server.url, token="s3cret-token")
    assert status.state == "connected"
    hexed = " ".join(f"{byte:02x}" for byte in b"s3cret")
    assert all("s3cret" not in record.getMessage() and hexed not in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_to_another_place_is_not_followed_and_no_token_goes_there(code: int) -> None:
    logins: list[bytes | str] = []

    async def other(connection: ServerConnection) -> None:
        logins.append(await connection.recv())

    async with websocket(other) as elsewhere:

        def point(connection: ServerConnection, _request: Request) -> Response:
            response = connection.respond(http.HTTPStatus(code), "")
            response.headers["Location"] = elsewhere.replace("ws://", "ws://user:secret@") + "/ws?token=x"
            return response

        async with websocket(idle, process_request=point) as url:
            status = await outcome(url)
    assert_error(status, "points to " + elsewhere, "give that address if it is the right one")
    assert "secret" not in status.error
    assert logins == []


async def test_a_redirect_to_another_path_of_the_same_server_is_followed() -> None:
    paths: list[str] = []

    def point(connection: ServerConnection, request: Request) -> Response | None:
        paths.append(request.path)
        if request.path == "/ws":
            response = connection.respond(http.HTTPStatus.FOUND, "")
            response.headers["Location"] = "/chat/ws"
            return response
        return None

    async with websocket(idle, process_request=point) as url:
        await outcome(url)
    assert paths == ["/ws", "/chat/ws"]


@pytest.mark.parametrize(
    ("there", "followed"),
    [
        ("wss://chat.example/ws", True),
        ("wss://chat.example:8443/ws", True),
        ("wss://other.example/ws", False),
        ("ws://chat.example:2001/ws", False),
        ("http://chat.example:2000/ws", False),
    ],
)
def test_only_the_same_place_or_the_same_host_with_tls_is_followed(there: str, followed: bool) -> None:
    redirect = Connect("ws://chat.example:2000/ws")
    refusal = InvalidStatus(Response(302, "Found", Headers(Location=there)))
    assert (redirect.process_redirect(refusal) == there) is followed


def test_a_redirect_away_from_tls_is_not_followed() -> None:
    refusal = InvalidStatus(Response(302, "Found", Headers(Location="ws://chat.example/ws")))
    assert isinstance(Connect("wss://chat.example/ws").process_redirect(refusal), Exception)


def list_of(requests: int, size: int) -> Callable[[ServerConnection], Awaitable[None]]:
    """A server with a long list of what waits."""

    async def talk(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for raw in connection:
                assert isinstance(raw, bytes)
                command = pb.WebsocketMessage.FromString(raw)
                if command.Cmd == "UserLogin":
                    await connection.send(login())
                elif command.Cmd == "GetPendingMessages":
                    await connection.send(pending(*(ask(f"q{n}", "x" * size, timeout=600) for n in range(requests))))
                elif command.Cmd == "GetOnlineUsers":
                    await connection.send(users())
                    await connection.send(question("pushed"))

    return talk


async def test_a_list_larger_than_one_frame_may_be_is_taken_on_the_next_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "MAX_FRAME", 2**20)
    async with websocket(list_of(3, 500_000)) as url:
        inbox = make_inbox(url, link_settings=QUICK)
        await inbox.connect()
        await until(lambda: len(inbox.messages.pending) == 4)
        inbox.close()
        await until(lambda: not left_over())


async def test_a_list_larger_than_anything_allowed_locks_nobody_out_and_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "MAX_FRAME", 2**20)
    monkeypatch.setattr(link, "MAX_LIST", 2**20)
    async with websocket(list_of(3, 500_000)) as url:
        inbox = make_inbox(url, link_settings=QUICK)
        await inbox.connect()
        await until(lambda: [message.request_id for message in inbox.messages.pending] == ["pushed"])
        assert inbox.connected_count == 1
        assert any("list of what waits is too large" in notice.text for notice in hub_of(inbox).notices)
        inbox.close()
        await until(lambda: not left_over())
