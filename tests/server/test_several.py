"""Several servers on one PostgreSQL: one inbox."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest
from chat_person import Enter, Person, question
from postgres import Postgres
from waiting import until

from ipymultichat.agent import AgentClient
from ipymultichat.errors import NoHumanOnlineError, RequestCancelledError, ServerStartError
from ipymultichat.server import LocalServer, peers
from ipymultichat.wire import agentassist_pb2 as pb


@pytest.fixture
async def two(database: str) -> AsyncIterator[tuple[LocalServer, LocalServer]]:
    async with LocalServer(store=database) as first, LocalServer(store=database) as second:
        yield first, second


async def meet(*people: Person) -> None:
    """Wait until everybody sees everybody else."""

    for person in people:
        await person.before_answer()
        while True:
            await person.send(
                Cmd="GetOnlineUsers", GetOnlineUsersRequest=pb.GetOnlineUsersRequest(user_token=person.token)
            )
            while (message := await person.next()).Cmd != "GetOnlineUsers":
                pass
            if message.GetOnlineUsersResponse.total_count == len(people) - 1:
                break
            await person.next()  # whatever comes: somebody has come


async def skip_to(person: Person, cmd: str) -> pb.WebsocketMessage:
    while (message := await person.next()).Cmd != cmd:
        pass
    return message


async def test_an_agent_on_one_is_answered_by_a_person_on_another(
    two: tuple[LocalServer, LocalServer], enter: Enter
) -> None:
    ada = await enter(two[1])
    await until(lambda: two[0]._relay is not None and two[0]._relay.state.somebody_for(ada_team(two[1])))
    asking = asyncio.ensure_future(AgentClient(two[0].url, "team").ask_question("From over there?"))
    request = (await skip_to(ada, "AskQuestion")).AskQuestionRequest
    assert (request.Request.Question, request.UserToken) == ("From over there?", "team")
    await ada.reply(request, "heard")
    assert await asking == "heard"


def ada_team(server: LocalServer) -> str:
    assert server._relay is not None
    return next(client.team for client in server._relay.state.clients if client.token)


async def test_presence_and_chat_cross_from_one_to_another(two: tuple[LocalServer, LocalServer], enter: Enter) -> None:
    ada, bob = await enter(two[0]), await enter(two[1], nickname="bob")
    await meet(ada, bob)
    for number in range(20):
        await ada.chat(bob, f"hi {number}")
    heard = [(await skip_to(bob, "ChatMessageNotification")).ChatMessageNotification.chat_message for _ in range(20)]
    assert [chat.content for chat in heard] == [f"hi {number}" for number in range(20)]
    assert {chat.sender_nickname for chat in heard} == {"ada"}
    await bob.leave()
    gone = (await skip_to(ada, "UserConnectionStatusNotification")).UserConnectionStatusNotification
    assert (gone.user.nickname, gone.status) == ("bob", "disconnected")


async def test_other_teams_see_nothing_of_it(two: tuple[LocalServer, LocalServer], enter: Enter) -> None:
    ada, eve = await enter(two[0]), await enter(two[1], token="other", nickname="eve")
    bob = await enter(two[1], nickname="bob")
    await meet(ada, bob)
    await bob.chat(ada, "hi")
    await skip_to(ada, "ChatMessageNotification")
    assert await eve.before_answer() == []
    await eve.chat(ada, "let me in")
    await bob.chat(ada, "again")
    assert (await skip_to(ada, "ChatMessageNotification")).ChatMessageNotification.chat_message.content == "again"


async def test_of_two_answers_in_the_same_moment_one_wins_and_everybody_hears_whose(
    two: tuple[LocalServer, LocalServer], enter: Enter
) -> None:
    ada, bob = await enter(two[0]), await enter(two[1], nickname="bob")
    await meet(ada, bob)
    for number in range(20):
        asking = asyncio.ensure_future(AgentClient(two[number % 2].url, "team").ask_question(f"{number}?"))
        requests = [(await skip_to(person, "AskQuestion")).AskQuestionRequest for person in (ada, bob)]
        await asyncio.gather(ada.reply(requests[0], "ada says"), bob.reply(requests[1], "bob says"))
        answer = str(await asking)
        loser = bob if answer == "ada says" else ada
        told = await skip_to(loser, "AskQuestionReplyNotification")
        assert told.AskQuestionRequest.ID == requests[0].ID
        assert f"{told.Nickname} says" == answer == told.AskQuestionResponse.contents[0].text.text


async def test_a_withdrawn_question_disappears_everywhere_once(
    two: tuple[LocalServer, LocalServer], enter: Enter
) -> None:
    ada, bob = await enter(two[0]), await enter(two[1], nickname="bob")
    await meet(ada, bob)
    asking = asyncio.ensure_future(AgentClient(two[0].url, "team").ask_question("Still needed?"))
    request = (await skip_to(bob, "AskQuestion")).AskQuestionRequest
    await skip_to(ada, "AskQuestion")
    async with httpx.AsyncClient(trust_env=False) as http:
        await http.post(
            f"{two[1].http_url}/ipymultichat/withdraw",
            json={"id": request.ID},
            headers={"authorization": "Bearer team"},
        )
    for person in (ada, bob):
        await skip_to(person, "RequestCancelled")
        assert await person.before_answer() == []
    with pytest.raises(RequestCancelledError):
        await asking


async def test_what_ends_with_its_time_ends_once_for_everybody(
    two: tuple[LocalServer, LocalServer], enter: Enter
) -> None:
    people = [await enter(two[0]), await enter(two[1], nickname="bob")]
    await meet(*people)
    call = asyncio.ensure_future(AgentClient(two[0].url, "team").ask_question("Quick?", timeout=1))
    for person in people:
        assert (await skip_to(person, "RequestCancelled")).RequestCancelledNotification.reason == "Request timed out"
        assert await person.before_answer() == []
    await asyncio.wait({call})


async def test_a_retry_on_another_server_joins_what_waits(two: tuple[LocalServer, LocalServer], enter: Enter) -> None:
    ada = await enter(two[0])
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:

        def ask(server: LocalServer) -> "asyncio.Task[httpx.Response]":
            return asyncio.ensure_future(
                http.post(
                    f"{server.http_url}/agentassistproto.SrvAgentAssist/AskQuestion",
                    content=question("q1").SerializeToString(),
                    headers={"content-type": "application/proto"},
                )
            )

        calls = [ask(two[0])]
        request = (await skip_to(ada, "AskQuestion")).AskQuestionRequest
        calls.append(ask(two[1]))
        await until(lambda: two[1]._relay is not None and len(two[1]._relay._answers))
        await ada.before_answer()
        await ada.reply(request, "both")
        for call in calls:
            assert b"both" in (await call).content


async def test_nobody_online_means_nobody_on_any_server(two: tuple[LocalServer, LocalServer]) -> None:
    with pytest.raises(NoHumanOnlineError):
        await AgentClient(two[0].url, "team").ask_question("Anybody?")


async def test_a_question_waits_on_while_the_database_is_away_and_people_stay_connected(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "BEAT_EVERY", 0.2)
    database = Postgres()
    try:
        async with LocalServer(store=database.url()) as server:
            ada = await enter(server)
            asking = asyncio.ensure_future(AgentClient(server.url, "team").ask_question("Still there?"))
            request = (await skip_to(ada, "AskQuestion")).AskQuestionRequest
            await asyncio.to_thread(database.crash)
            assert "cannot reach its database" in (await skip_to(ada, "Notice")).StrParam
            refused = await asyncio.to_thread(
                httpx.post,
                f"{server.http_url}/agentassistproto.SrvAgentAssist/AskQuestion",
                content=question("q2").SerializeToString(),
                headers={"content-type": "application/proto"},
                trust_env=False,
                timeout=30,
            )
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
            await ada.reply(request, "into the void")
            assert await ada.pending(request.ID) == {request.ID: True}
            await asyncio.to_thread(database.start)
            while (await skip_to(ada, "Notice")).StrParam:
                pass
            await ada.reply(request, "yes")
            assert await asking == "yes"
    finally:
        await asyncio.to_thread(database.stop)


async def test_two_servers_that_start_at_once_on_an_empty_database_both_do(database: str) -> None:
    servers = [LocalServer(store=database) for _ in range(4)]
    await asyncio.gather(*(server.start() for server in servers))
    await asyncio.gather(*(server.stop() for server in servers))


async def test_tables_of_a_newer_version_are_left_as_they_are(database: str) -> None:
    async with LocalServer(store=database):
        pass
    async with await psycopg.AsyncConnection.connect(database) as connection:
        await connection.execute("INSERT INTO ipymultichat.version VALUES (9)")
    with pytest.raises(ServerStartError, match="the tables are of version 9, this ipymultichat knows 1"):
        await LocalServer(store=database).start()


async def test_people_and_agents_of_a_server_that_is_no_more_are_gone_for_the_others(
    database: str, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "BEAT_EVERY", 0.1)
    async with LocalServer(store=database, grace=60) as server:
        ada = await enter(server)
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as other:
            await other.execute("SET search_path TO ipymultichat")
            await other.execute("INSERT INTO processes VALUES ('dead', 9999999999999)")
            await other.execute(
                "INSERT INTO people SELECT 'bob-1', 'dead', team, 'bob', 1 FROM people WHERE client_id = %s",
                (ada.client_id,),
            )
            come = (await skip_to(ada, "UserConnectionStatusNotification")).UserConnectionStatusNotification
            assert (come.user.nickname, come.status) == ("bob", "connected")
            asking = asyncio.ensure_future(AgentClient(server.url, "team").ask_question("Still there?"))
            request = (await skip_to(ada, "AskQuestion")).AskQuestionRequest
            await other.execute("UPDATE requests SET waiter = 'dead', version = version + 1")
            await other.execute("UPDATE processes SET beat_ms = 0 WHERE process = 'dead'")
            gone = [await ada.next() for _ in range(2)]
        told = {message.Cmd: message for message in gone}
        assert told["UserConnectionStatusNotification"].UserConnectionStatusNotification.status == "disconnected"
        assert told["RequestState"].StrParam == "away"
        await ada.reply(request, "yes")
        assert await asking == "yes"
