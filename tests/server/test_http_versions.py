"""What the server speaks is HTTP/1.1, and whoever begins with something else is told so."""

import asyncio

from chat_person import question

from ipymultichat.server import LocalServer

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
GOAWAY, HTTP_1_1_REQUIRED = 7, 0xD


async def connect(server: LocalServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(server.http_url.rpartition(":")[2]))


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await asyncio.wait_for(reader.readexactly(9), 5)
    return head[3], await asyncio.wait_for(reader.readexactly(int.from_bytes(head[:3], "big")), 5)


async def test_http_2_is_answered_in_http_2_that_http_1_1_is_required(server: LocalServer) -> None:
    for pieces in ([PREFACE + SETTINGS], [PREFACE[:1], PREFACE[1:20], PREFACE[20:] + SETTINGS]):
        reader, writer = await connect(server)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        assert await read_frame(reader) == (4, b"")
        kind, payload = await read_frame(reader)
        assert kind == GOAWAY
        assert int.from_bytes(payload[:4], "big") == 0
        assert int.from_bytes(payload[4:8], "big") == HTTP_1_1_REQUIRED
        assert payload[8:] == b"this server speaks HTTP/1.1 only"
        assert await reader.read() == b""
        writer.close()


async def test_a_call_that_offers_an_upgrade_to_h2c_is_answered_in_http_1_1(server: LocalServer) -> None:
    body = question("q1").SerializeToString()
    reader, writer = await connect(server)
    writer.write(
        b"POST /agentassistproto.SrvAgentAssist/AskQuestion HTTP/1.1\r\nhost: x\r\n"
        b"content-type: application/proto\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n"
        b"http2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    )
    assert await asyncio.wait_for(reader.readline(), 5) == b"HTTP/1.1 200 OK\r\n"
    assert b"no_clients" in await asyncio.wait_for(reader.readuntil(b"no_clients"), 5)
    writer.close()
