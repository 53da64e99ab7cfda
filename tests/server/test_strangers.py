"""Connections that have not shown yet that they belong here: how many, for how long, and how much of them."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

import httpx
import pytest
from chat_person import Enter, Person, question

from ipymultichat.agent import AgentClient
from ipymultichat.server import Limits, LocalServer
from ipymultichat.server.admission import Admission, Visit
from ipymultichat.server.limits import address_key
from ipymultichat.wire import agentassist_pb2 as pb

SHORT = Limits(login_seconds=0.5)
CALL = b"POST /agentassistproto.SrvAgentAssist/AskQuestion HTTP/1.1\r\nhost: x\r\ncontent-type: application/proto\r\n"
KIB = 1024


@contextlib.asynccontextmanager
async def raw(server: LocalServer, sent: bytes) -> AsyncIterator[asyncio.StreamReader]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.http_url.rpartition(":")[2]))
    try:
        writer.write(sent)
        yield reader
    finally:
        writer.close()


def half_a_frame(person: Person, size: int) -> None:
    """Send the beginning of a binary frame of 31 MB, masked with zeros."""
    person.socket.transport.write(b"\x82\xff" + struct.pack("!Q", 31_000_000) + bytes(4) + bytes(size))


async def all_of(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.read(), 5)


async def test_sockets_that_never_log_in_take_no_place_from_those_who_do(enter: Enter) -> None:
    async with LocalServer(limits=Limits(max_clients=2)) as server:
        for _ in range(4):
            await enter(server, login=False)
        ada, bob = await enter(server), await enter(server, nickname="bob")
        assert await ada.before_answer() == ["UserConnectionStatusNotification"]
        assert [user.nickname for user in (await bob.list_users()).online_users] == ["ada"]


async def test_one_stranger_more_than_allowed_ends_the_oldest_and_nobody_else(enter: Enter) -> None:
    async with LocalServer(limits=Limits(max_strangers=2)) as server:
        ada = await enter(server)
        first, second, third = [await enter(server, login=False) for _ in range(3)]
        assert await first.closed() == 1006
        await second.login("team", "bob")
        await third.login("team", "cy")
        assert await ada.before_answer() == ["UserConnectionStatusNotification"] * 2


async def test_a_burst_of_connections_of_one_program_is_let_in_as_its_calls_come() -> None:
    whole = question("q1").SerializeToString()
    call = CALL + b"content-length: %d\r\n\r\n" % len(whole) + whole
    async with LocalServer(limits=Limits(max_strangers=4)) as server, contextlib.AsyncExitStack() as stack:
        host, port = "127.0.0.1", int(server.http_url.rpartition(":")[2])
        opened = [await asyncio.open_connection(host, port) for _ in range(20)]
        for _, writer in opened:
            stack.callback(writer.close)
            writer.write(call)
        for reader, _ in opened:
            assert b"no_clients" in await asyncio.wait_for(reader.readuntil(b"no_clients"), 5)


async def test_a_socket_that_does_not_log_in_is_closed_and_one_that_did_stays(enter: Enter) -> None:
    async with LocalServer(limits=SHORT) as server:
        ada = await enter(server)
        silent = await enter(server, login=False)
        assert await silent.closed() == 1008
        assert silent.socket.close_reason == "no login within 0.5 s"
        assert await ada.before_answer() == []


@pytest.mark.parametrize(
    "sent", [b"POST /agentassist", CALL, CALL + b"content-length: 100\r\n\r\n", CALL + b"content-length: 9\r\n\r\nhalf"]
)
async def test_a_call_that_does_not_come_is_ended_with_a_word(sent: bytes) -> None:
    async with LocalServer(limits=SHORT) as server, raw(server, sent) as reader:
        assert (await all_of(reader)).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


async def test_a_connection_on_which_nothing_comes_is_closed() -> None:
    async with LocalServer(limits=SHORT) as server, raw(server, b"") as reader:
        assert await all_of(reader) == b""


async def test_a_second_call_on_a_connection_that_is_kept_has_to_come_as_well() -> None:
    whole = question("q1").SerializeToString()
    # Long enough for the first call on a machine that is busy.
    async with LocalServer(limits=Limits(login_seconds=0.5)) as server:
        host, port = "127.0.0.1", int(server.http_url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(CALL + b"content-length: %d\r\n\r\n" % len(whole) + whole)
        await asyncio.wait_for(reader.readuntil(b"no_clients"), 5)
        writer.write(CALL)
        assert (await all_of(reader)).endswith(b"the request did not come quick enough\n")
        writer.close()


async def test_a_body_that_comes_slowly_but_surely_is_waited_for(enter: Enter) -> None:
    async with LocalServer(limits=Limits(login_seconds=0.05, min_bytes_per_second=1)) as server:
        body = question("q1").SerializeToString()
        host, port = "127.0.0.1", int(server.http_url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(CALL + b"content-length: %d\r\n\r\n" % len(body) + body[:10])
        assert await (await enter(server, login=False)).closed() == 1008
        writer.write(body[10:])
        assert await asyncio.wait_for(reader.readline(), 5) == b"HTTP/1.1 200 OK\r\n"
        writer.close()


async def test_an_agent_waits_for_its_answer_longer_than_strangers_may_stay(enter: Enter) -> None:
    async with LocalServer(limits=SHORT) as server:
        ada = await enter(server)
        agent = asyncio.ensure_future(AgentClient(server.url, "team").ask_question("ok?"))
        request = (await ada.expect("AskQuestion")).AskQuestionRequest
        assert await (await enter(server, login=False)).closed() == 1008
        await ada.reply(request, "yes")
        assert (await agent).text == "yes"


async def test_half_a_large_frame_before_the_login_is_not_kept(enter: Enter) -> None:
    async with LocalServer() as server:
        eve = await enter(server, login=False)
        half_a_frame(eve, 17 * KIB)
        assert await eve.closed() == 1009


async def test_a_large_frame_before_the_login_is_not_read(enter: Enter) -> None:
    async with LocalServer() as server:
        eve = await enter(server, login=False)
        await eve.send(Cmd="UserLogin", StrParam="team", Nickname="x" * 17 * KIB)
        assert await eve.closed() == 1009


async def test_pieces_of_nothing_do_not_add_up(enter: Enter) -> None:
    async with LocalServer(limits=Limits(max_frame=KIB)) as server:
        ada = await enter(server)
        ada.socket.transport.write(b"\x02\x80" + bytes(4) + (b"\x00\x80" + bytes(4)) * 100)
        assert await ada.closed() == 1009


async def test_half_sent_frames_share_what_there_is(enter: Enter) -> None:
    async with LocalServer(limits=Limits(max_incoming=600 * KIB)) as server:
        ada, bob, cy = [await enter(server, nickname=name) for name in ("ada", "bob", "cy")]
        closed = {asyncio.ensure_future(person.closed()): person for person in (ada, bob)}
        for person in closed.values():
            half_a_frame(person, 300 * KIB)
        (first,), (second,) = await asyncio.wait(closed, return_when=asyncio.FIRST_COMPLETED)
        assert first.result() == 1013
        await cy.chat(cy, "x" * 60 * KIB)
        while (await cy.next()).Cmd != "ChatMessageNotification":
            pass
        assert not second.done()
        closed[second].socket.transport.abort()
        await second
        while (await cy.next()).UserConnectionStatusNotification.user.client_id != closed[second].client_id:
            pass
        await cy.chat(cy, "x" * 300 * KIB)
        chat = (await cy.expect("ChatMessageNotification")).ChatMessageNotification.chat_message
        assert len(chat.content) == 300 * KIB


async def test_half_sent_bodies_share_what_there_is_and_ordinary_ones_pass() -> None:
    half = CALL + b"content-length: 1000000\r\n\r\n" + bytes(300 * KIB)
    async with LocalServer(limits=Limits(max_incoming=600 * KIB)) as server:
        async with raw(server, half) as first, raw(server, half) as second:
            answers = {asyncio.ensure_future(reader.readline()) for reader in (first, second)}
            (done,), waiting = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
            assert done.result() == b"HTTP/1.1 429 Too Many Requests\r\n"
            assert len(waiting) == 1
            assert await answered(server, "ok?") == {"error": "no_clients"}
            with pytest.raises(httpx.HTTPStatusError):
                await answered(server, "x" * 300 * KIB)
        await asyncio.wait(waiting)
        while True:  # until the server has seen that they are gone
            with contextlib.suppress(httpx.HTTPStatusError):
                assert await answered(server, "x" * 300 * KIB) == {"error": "no_clients"}
                break


async def answered(server: LocalServer, text: str) -> dict[str, str]:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        response = await http.post(
            f"{server.http_url}/agentassistproto.SrvAgentAssist/AskQuestion",
            content=question(text=text).SerializeToString(),
            headers={"content-type": "application/proto"},
        )
    return dict(pb.AskQuestionResponse.FromString(response.raise_for_status().content).Meta)


async def test_a_stranger_that_pings_and_does_not_read_is_cut_off(server: LocalServer) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", int(server.http_url.rpartition(":")[2])))
        connection.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=connection, limit=1024)
        writer.write(
            b"GET /ws HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        await reader.readuntil(b"101")
        pings = (b"\x89\xfd" + bytes(4) + bytes(125)) * 100

        async def ping_on() -> None:
            while True:
                writer.write(pings)
                await writer.drain()

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(ping_on(), 30)
        writer.close()


def arrive(admission: Admission, address: str, ended: list[str], name: str) -> Visit | None:
    return admission.enter(address, lambda: ended.append(name), lambda: ended.append(f"{name} late"))


async def test_the_address_with_the_most_strangers_gives_way() -> None:
    admission, ended = Admission(Limits(max_strangers=3), 100), list[str]()
    arrive(admission, "bob", ended, "bob")
    for name in ("eve 1", "eve 2", "eve 3"):
        assert arrive(admission, "eve", ended, name)
    assert ended == ["eve 1"]


async def test_one_address_has_three_quarters_of_the_places_at_most() -> None:
    admission, ended = Admission(Limits(), 4), list[str]()
    visits = [arrive(admission, "eve", ended, "eve") for _ in range(4)]
    assert [visit is not None for visit in visits] == [True, True, True, False]
    assert arrive(admission, "bob", ended, "bob")
    assert visits[0] is not None
    admission.leave(visits[0])
    assert arrive(admission, "eve", ended, "eve")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
    ],
)
def test_a_network_of_64_bits_counts_as_one_address(first: str, second: str, same: bool) -> None:
    assert (address_key(first) == address_key(second)) is same
