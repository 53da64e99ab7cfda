"""People's side over real sockets."""

import asyncio

import pytest
from chat_person import Enter, Person, question, text_part
from websockets.exceptions import InvalidStatus

from ipymultichat.agent import AgentClient
from ipymultichat.server import Limits, LocalServer
from ipymultichat.wire import agentassist_pb2 as pb


async def test_people_of_one_token_see_each_other(server: LocalServer, enter: Enter) -> None:
    ada = await enter(server)
    await enter(server, token="other", nickname="eve")
    bob = await enter(server, nickname="bob")
    notice = (await ada.expect("UserConnectionStatusNotification")).UserConnectionStatusNotification
    assert (notice.status, notice.user.nickname, notice.user.client_id) == ("connected", "bob", bob.client_id)
    assert [user.nickname for user in (await ada.list_users()).online_users] == ["bob"]
    assert (await ada.list_users(token="other")).total_count == 0
    await bob.leave()
    notice = (await ada.expect("UserConnectionStatusNotification")).UserConnectionStatusNotification
    assert notice.status == "disconnected"
    assert (await ada.list_users()).total_count == 0


async def test_chat_of_a_burst_arrives_whole_and_in_order(server: LocalServer, enter: Enter) -> None:
    ada, bob = await enter(server), await enter(server, nickname="bob")
    for n in range(200):
        await ada.chat(bob, str(n))
    received = [(await bob.expect("ChatMessageNotification")).ChatMessageNotification for _ in range(200)]
    assert [notice.chat_message.content for notice in received] == [str(n) for n in range(200)]
    assert received[0].chat_message.sender_client_id == ada.client_id
    assert await ada.before_answer() == ["UserConnectionStatusNotification"]


async def test_nothing_crosses_tokens(server: LocalServer, enter: Enter) -> None:
    ada, eve, silent = await enter(server), await enter(server, token="other"), await enter(server, login=False)
    await ada.reply(question("never"), "yes")
    await ada.chat(eve, "hi")
    await ada.before_answer()  # by now the server has handled all of it
    assert await eve.before_answer() == []
    await silent.login("third", "cy")


async def test_text_frames_and_unknown_commands_are_ignored(server: LocalServer, enter: Enter) -> None:
    ada = await enter(server)
    await ada.socket.send("hello")
    await ada.socket.send(b"")
    await ada.send(Cmd="Dance")
    assert await ada.before_answer() == []


async def test_a_malformed_frame_closes_that_socket_only(server: LocalServer, enter: Enter) -> None:
    ada, bob = await enter(server), await enter(server, nickname="bob")
    await bob.socket.send(b"\xff\xff")
    assert await bob.closed() == 1007
    assert await ada.before_answer() == ["UserConnectionStatusNotification"] * 2


async def test_a_fragmented_frame_of_20_mb_arrives(server: LocalServer, enter: Enter) -> None:
    ada = await enter(server)
    agent = asyncio.ensure_future(AgentClient(server.url, "team").ask_question("ok?"))
    request = (await ada.expect("AskQuestion")).AskQuestionRequest
    text = "x" * 20_000_000
    answer = pb.AskQuestionResponse(ID=request.ID, contents=[text_part(text)])
    reply = pb.WebsocketMessage(Cmd="AskQuestionReply", AskQuestionRequest=request, AskQuestionResponse=answer)
    frame = reply.SerializeToString()
    await ada.socket.send([frame[at : at + 1_000_000] for at in range(0, len(frame), 1_000_000)])
    assert (await agent).text == text


async def test_a_frame_above_the_limit_closes_with_1009(enter: Enter) -> None:
    async with LocalServer(limits=Limits(max_frame=1000)) as server:
        ada = await enter(server)
        await ada.socket.send(b"x" * 1001)
        assert await ada.closed() == 1009


async def test_the_server_answers_pings_and_takes_no_compression(server: LocalServer, enter: Enter) -> None:
    ada = await enter(server, login=False)
    await asyncio.wait_for(await ada.socket.ping(), 5)
    offering = await Person.connect(server.url, compression="deflate")
    assert offering.socket.protocol.extensions == []
    await offering.leave()


async def test_a_wrong_token_gets_an_answer_and_the_door(enter: Enter) -> None:
    async with LocalServer(token="right") as server:
        eve = await enter(server, login=False)
        await eve.send(Cmd="UserLogin", StrParam="wrong", Nickname="eve")
        answer = (await eve.expect("UserLogin")).UserLoginResponse
        assert not answer.success
        assert answer.error_message
        assert await eve.closed() == 1008
        await enter(server, token="right")


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_pages_from_elsewhere_are_refused(server: LocalServer, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await Person.connect(server.url, origin=origin)
    assert caught.value.response.status_code == 403


async def test_pages_of_this_machine_and_allowed_ones_may_connect() -> None:
    async with LocalServer(allowed_origins=["https://team.example"]) as server:
        for origin in ("http://localhost:8888", "https://team.example"):
            person = await Person.connect(server.url, origin=origin)
            assert (await person.login("team", "ada")).client_id
            await person.leave()


async def test_one_person_more_than_allowed_is_refused_at_the_login_until_one_leaves(enter: Enter) -> None:
    async with LocalServer(limits=Limits(max_clients=2)) as server:
        ada, bob = await enter(server), await enter(server, nickname="bob")
        cy = await enter(server, login=False)
        await cy.send(Cmd="UserLogin", StrParam="team", Nickname="cy")
        answer = (await cy.expect("UserLogin")).UserLoginResponse
        assert (answer.success, answer.error_message) == (False, "too many people are connected")
        assert await cy.closed() == 1013
        await bob.leave()
        assert await ada.before_answer() == ["UserConnectionStatusNotification"] * 2
        await enter(server, nickname="cy")


async def test_a_client_that_does_not_read_is_cut_off_and_delays_nobody(enter: Enter) -> None:
    async with LocalServer(limits=Limits(max_queue=1_000_000)) as server:
        ada, bob = await enter(server), await enter(server, nickname="bob")
        await ada.expect("UserConnectionStatusNotification")
        slow = await enter(server, nickname="slow", max_queue=1)
        await ada.expect("UserConnectionStatusNotification")
        await bob.expect("UserConnectionStatusNotification")
        # With one frame unread the slow one reads no more; chat then fills the buffers of the network and the queue.
        sent = 0
        while await ada.before_answer() == []:
            await ada.chat(slow, "x" * 500_000)
            sent += 1
            assert sent < 200
        assert (
            await bob.expect("UserConnectionStatusNotification")
        ).UserConnectionStatusNotification.user.nickname == ("slow")
        assert await slow.closed() == 1006
