"""The faults of the real server that only sockets can show."""

import asyncio

import httpx
import pytest
from chat_person import Enter, Person, question
from quirks import Quirks, QuirkyServer

from ipymultichat.wire import agentassist_pb2 as pb


async def received(person: Person) -> int:
    """Say how many chat messages arrived once one that surely does has come."""
    count = 0
    while (message := await person.next()).Cmd != "UserConnectionStatusNotification":
        count += message.Cmd == "ChatMessageNotification"
    return count


async def test_a_burst_of_chat_is_lost_in_part_and_a_paced_one_is_not(enter: Enter) -> None:
    async with QuirkyServer(Quirks(short_queue=True)) as server:
        ada, bob = await enter(server), await enter(server, nickname="bob")
        await ada.expect("UserConnectionStatusNotification")
        chat = pb.SendChatMessageRequest(receiver_client_id=bob.client_id, content="hi")
        frame = pb.WebsocketMessage(Cmd="SendChatMessage", SendChatMessageRequest=chat).SerializeToString()
        # All of them in one piece, so that the server finds them waiting together.
        for _ in range(40):
            ada.socket.protocol.send_binary(frame)
        ada.socket.transport.write(b"".join(ada.socket.protocol.data_to_send()))
        await ada.before_answer()
        await enter(server, nickname="marker")
        await ada.expect("UserConnectionStatusNotification")
        assert 10 <= await received(bob) < 40
        for _ in range(40):
            await ada.chat(bob, "hi")
            assert await ada.before_answer() == []  # once round, which gives the queue time to empty
        await enter(server, nickname="marker")
        assert await received(bob) == 40


async def test_pushes_beyond_the_queue_cut_the_client_off(enter: Enter) -> None:
    async with QuirkyServer(Quirks(short_queue=True)) as server, httpx.AsyncClient(trust_env=False) as http:
        ada, slow = await enter(server), await enter(server, nickname="slow", max_queue=1)
        await ada.expect("UserConnectionStatusNotification")
        calls: list[asyncio.Task[None]] = []

        async def ask(n: int) -> None:
            request = question(f"q{n}", text="x" * 1_000_000)
            url = f"{server.http_url}/agentassistproto.SrvAgentAssist/AskQuestion"
            headers = {"content-type": "application/proto"}
            await http.post(url, content=request.SerializeToString(), headers=headers, timeout=30)

        while True:
            calls.append(asyncio.create_task(ask(len(calls))))
            message = await ada.next()
            if message.Cmd == "UserConnectionStatusNotification":
                break
            assert len(calls) < 60
        assert message.UserConnectionStatusNotification.status == "disconnected"
        assert await slow.closed() == 1006
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)


@pytest.mark.parametrize(
    ("quirks", "frame"),
    [
        (Quirks(drop_malformed=True), b"\xff\xff"),
        (
            Quirks(crash_on_missing_response=True),
            pb.WebsocketMessage(Cmd="AskQuestionReply", AskQuestionRequest=question("q1")).SerializeToString(),
        ),
    ],
)
async def test_a_fatal_frame_drops_the_socket_without_a_close_frame(enter: Enter, quirks: Quirks, frame: bytes) -> None:
    async with QuirkyServer(quirks) as server:
        ada = await enter(server)
        await ada.socket.send(frame)
        assert await ada.closed() == 1006


async def test_of_replies_in_one_burst_most_are_lost_and_repeating_them_helps(enter: Enter) -> None:
    async with QuirkyServer(Quirks.all()) as server, httpx.AsyncClient(trust_env=False) as http:
        ada = await enter(server)
        url = f"{server.http_url}/agentassistproto.SrvAgentAssist/AskQuestion"
        headers = {"content-type": "application/proto"}
        requests = [question(f"q{n}") for n in range(4)]
        calls = [
            asyncio.create_task(http.post(url, content=request.SerializeToString(), headers=headers, timeout=30))
            for request in requests
        ]
        for _ in calls:
            await ada.expect("AskQuestion")
        for request in requests:
            await ada.reply(request, "yes")
        await ada.before_answer()
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        assert sum(call.done() for call in calls) < len(calls)
        while waiting := [request for request, call in zip(requests, calls, strict=True) if not call.done()]:
            await ada.reply(waiting[0], "yes")
            await ada.before_answer()
        assert all(call.result().status_code == 200 for call in calls)
