"""A server that forgets nothing: over restarts, lost callers, late answers."""

import asyncio
import contextlib
from pathlib import Path

import httpx
import pytest
from chat_person import Enter, Person, question
from google.protobuf.message import Message
from waiting import until

from ipymultichat.errors import ConfigError, ServerStartError
from ipymultichat.server import LocalServer
from ipymultichat.server.stores.sqlite import SqliteStore
from ipymultichat.wire import agentassist_pb2 as pb

SERVICE = "/agentassistproto.SrvAgentAssist/"


def ask(http: httpx.AsyncClient, server: LocalServer, request: Message) -> "asyncio.Task[httpx.Response]":
    return asyncio.ensure_future(
        http.post(
            f"{server.http_url}{SERVICE}AskQuestion",
            content=request.SerializeToString(),
            headers={"content-type": "application/proto"},
        )
    )


async def text_of(call: "asyncio.Task[httpx.Response]") -> str:
    response = await call
    assert response.status_code == 200, response.text
    return pb.AskQuestionResponse.FromString(response.content).contents[0].text.text


async def hang_up(call: "asyncio.Task[httpx.Response]") -> None:
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call


async def state_told(person: Person) -> tuple[str, list[str]]:
    told = await person.expect("RequestState")
    return told.StrParam, list(told.CheckMessageValidityRequest.request_ids)


async def test_a_question_waits_on_over_a_restart_and_its_agent_gets_the_answer_when_it_asks_again(
    durable_store: str, enter: Enter, http: httpx.AsyncClient
) -> None:
    async with LocalServer(store=durable_store) as first:
        ada = await enter(first)
        call = ask(http, first, question("q1", text="Go on?"))
        await ada.expect("AskQuestion")
    assert (await call).status_code == 503
    async with LocalServer(store=durable_store) as second:
        assert (await http.get(f"{second.http_url}/health")).json()["durable"] is True
        bob = await enter(second, nickname="bob")
        (waiting,) = (await bob.list_pending()).pending_messages
        assert waiting.ask_question_request.Request.Question == "Go on?"
        assert waiting.ask_question_request.UserToken == "team"
        assert await state_told(bob) == ("away", ["q1"])
        joined = ask(http, second, question("q1", text="Go on?"))
        assert await state_told(bob) == ("back", ["q1"])
        await bob.reply(waiting.ask_question_request, "yes")
        assert await text_of(joined) == "yes"
    async with LocalServer(store=durable_store) as third:
        assert await text_of(ask(http, third, question("q1", text="Go on?"))) == "yes"


async def test_the_token_is_not_in_the_store(tmp_path: Path, enter: Enter, http: httpx.AsyncClient) -> None:
    async with LocalServer(store=f"sqlite:///{tmp_path}/requests.db") as server:
        ada = await enter(server, token="hunter2-secret")
        call = ask(http, server, question("q1", token="hunter2-secret", text="find me"))
        request = (await ada.expect("AskQuestion")).AskQuestionRequest
        await ada.reply(request, "found")
        assert await text_of(call) == "found"
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())  # noqa: ASYNC240
    assert b"find me" in kept
    assert b"hunter2-secret" not in kept


async def test_an_answer_that_comes_after_its_agent_hung_up_is_kept_and_fetched(
    durable_store: str, enter: Enter, http: httpx.AsyncClient
) -> None:
    async with LocalServer(store=durable_store) as server:
        ada, bob = await enter(server), await enter(server, nickname="bob")
        await ada.expect("UserConnectionStatusNotification")
        call = ask(http, server, question("q1"))
        request = (await ada.expect("AskQuestion")).AskQuestionRequest
        await bob.expect("AskQuestion")
        await hang_up(call)
        assert await state_told(ada) == await state_told(bob) == ("away", ["q1"])
        await ada.reply(request, "late")
        assert await state_told(ada) == ("kept", ["q1"])
        await bob.expect("AskQuestionReplyNotification")
        assert await state_told(bob) == ("kept", ["q1"])
        cy = await enter(server, nickname="cy")
        assert not (await cy.list_pending()).pending_messages
        assert await state_told(cy) == ("kept", ["q1"])
        assert await text_of(ask(http, server, question("q1"))) == "late"
        assert await state_told(cy) == ("fetched", ["q1"])
        other = await enter(server, token="other", nickname="eve")
        assert await other.before_answer() == []


async def test_an_answer_is_not_handed_to_another_token(
    durable_store: str, enter: Enter, http: httpx.AsyncClient
) -> None:
    async with LocalServer(store=durable_store) as server:
        ada, eve = await enter(server), await enter(server, token="other")
        call = ask(http, server, question("q1"))
        await ada.reply((await ada.expect("AskQuestion")).AskQuestionRequest, "for the team")
        assert await text_of(call) == "for the team"
        other = ask(http, server, question("q1", token="other"))
        await eve.reply((await eve.expect("AskQuestion")).AskQuestionRequest, "for the others")
        assert await text_of(other) == "for the others"


async def test_every_caller_with_the_same_id_gets_the_one_answer(
    any_store: str, enter: Enter, http: httpx.AsyncClient
) -> None:
    async with LocalServer(store=any_store) as server:
        ada = await enter(server)
        calls = [ask(http, server, question("q1")) for _ in range(3)]
        request = (await ada.expect("AskQuestion")).AskQuestionRequest
        await until(lambda: server._relay is not None and sum(map(len, server._relay._answers.values())) == 3)
        await hang_up(calls.pop())
        assert await ada.before_answer() == []  # shown once, and not given up while others wait
        await ada.reply(request, "yes")
        assert [await text_of(call) for call in calls] == ["yes", "yes"]


async def test_a_request_is_given_up_when_its_agent_stays_away_for_longer_than_its_time_of_grace(
    durable_store: str, enter: Enter, http: httpx.AsyncClient
) -> None:
    async with LocalServer(store=durable_store, grace=0.2) as server:
        ada = await enter(server)
        call = ask(http, server, question("q1"))
        await ada.expect("AskQuestion")
        await hang_up(call)
        assert await state_told(ada) == ("away", ["q1"])
        notice = (await ada.expect("RequestCancelled")).RequestCancelledNotification
        assert (notice.request_id, notice.reason) == ("q1", "Request was cancelled")


async def test_without_grace_hanging_up_ends_the_request_at_once(
    durable_store: str, enter: Enter, http: httpx.AsyncClient
) -> None:
    async with LocalServer(store=durable_store, grace=0) as server:
        ada = await enter(server)
        call = ask(http, server, question("q1"))
        await ada.expect("AskQuestion")
        await hang_up(call)
        await ada.expect("RequestCancelled")


@pytest.mark.parametrize(
    ("authorization", "body", "status"),
    [
        ("Bearer team", b'{"id": "q1"}', 200),
        ("Bearer other", b'{"id": "q1"}', 200),
        ("Bearer wrong", b'{"id": "q1"}', 401),
        ("", b'{"id": "q1"}', 401),
        ("Bearer team", b"[]", 400),
        ("Bearer team", b'{"id": 1}', 400),
        ("Bearer team", b" " * 20_000, 413),
    ],
)
async def test_an_agent_withdraws_its_own_question_at_once(
    any_store: str, enter: Enter, http: httpx.AsyncClient, authorization: str, body: bytes, status: int
) -> None:
    async with LocalServer(store=any_store, token=None if "wrong" not in authorization else "team") as server:
        ada = await enter(server)
        call = ask(http, server, question("q1"))
        request = (await ada.expect("AskQuestion")).AskQuestionRequest
        withdrawal = await http.post(
            f"{server.http_url}/ipymultichat/withdraw", content=body, headers={"authorization": authorization}
        )
        assert withdrawal.status_code == status
        if (authorization, status) == ("Bearer team", 200):
            assert withdrawal.json() == {"withdrawn": True}
            assert dict(pb.AskQuestionResponse.FromString((await call).content).Meta) == {"error": "cancelled"}
            await ada.expect("RequestCancelled")
            return
        assert await ada.before_answer() == []
        await ada.reply(request, "still there")
        assert await text_of(call) == "still there"


async def test_a_question_that_waits_is_joined_while_nobody_is_online(
    durable_store: str, enter: Enter, http: httpx.AsyncClient
) -> None:
    async with LocalServer(store=durable_store) as server:
        ada = await enter(server)
        call = ask(http, server, question("q1"))
        await ada.expect("AskQuestion")
        await ada.leave()
        await until(lambda: server._relay is not None and not server._relay.state.clients)
        again = ask(http, server, question("q1"))
        await until(lambda: server._relay is not None and sum(map(len, server._relay._answers.values())) == 2)
        await hang_up(call)
        new = pb.AskQuestionResponse.FromString((await ask(http, server, question("q2"))).content)
        assert dict(new.Meta) == {"error": "no_clients"}
        bob = await enter(server, nickname="bob")
        await bob.reply((await bob.list_pending()).pending_messages[0].ask_question_request, "here I am")
        assert await text_of(again) == "here I am"


async def test_agents_and_people_are_told_of_a_full_disk_and_all_goes_on_when_there_is_room(
    tmp_path: Path, enter: Enter, http: httpx.AsyncClient
) -> None:
    async with LocalServer(store=f"sqlite:///{tmp_path}/requests.db") as server:
        ada = await enter(server)
        call = ask(http, server, question("q1"))
        request = (await ada.expect("AskQuestion")).AskQuestionRequest
        store = server._relay.store
        assert isinstance(store, SqliteStore)
        ((pages,),) = await store._run("PRAGMA page_count", {})
        await store._run(f"PRAGMA max_page_count = {pages}", {})
        refused = await ask(http, server, question("q2", text="x" * 100_000))
        assert (refused.status_code, refused.json()["message"]) == (429, "the server's disk is full")
        assert "disk is full" in (await ada.expect("Notice")).StrParam
        await ada.reply(request, "y" * 100_000)
        assert await ada.pending("q1") == {"q1": True}  # so whoever sent it knows that it has not arrived
        assert (await http.get(f"{server.http_url}/ready")).status_code == 503
        bob = await enter(server, nickname="bob")
        assert "disk is full" in (await bob.expect("Notice")).StrParam
        await ada.expect("UserConnectionStatusNotification")
        await store._run("PRAGMA max_page_count = 1000000", {})
        await ada.reply(request, "yes")
        assert await text_of(call) == "yes"
        assert (await ada.expect("Notice")).StrParam == ""


async def test_two_servers_do_not_use_one_file(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/requests.db"
    async with LocalServer(store=store):
        with pytest.raises(ServerStartError, match="another server has it open"):
            await LocalServer(store=store).start()
    async with LocalServer(store=store):
        pass


@pytest.mark.parametrize("store", ["", "sqlite:", "sqlite:///", "mysql://u:secret@h/d", "/tmp/x.db", 5, "post\ngres"])
def test_an_address_that_names_no_store_is_refused_without_what_may_be_secret(store: str) -> None:
    with pytest.raises(ConfigError, match="memory:") as caught:
        LocalServer(store=store)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "2", True])
@pytest.mark.parametrize("name", ["grace", "keep"])
def test_a_time_that_cannot_be_one_is_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be a number"):
        LocalServer(**{name: value})  # type: ignore[arg-type]


async def test_a_database_that_cannot_be_used_is_named_and_nothing_is_left_half_started(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    (tmp_path / "folder").mkdir()
    for name, words in (("other.db", "not a database"), ("folder", "cannot be used"), ("other.db/x", "cannot be used")):
        server = LocalServer(store=f"sqlite:///{tmp_path}/{name}")
        with pytest.raises(ServerStartError, match=words) as caught:
            await server.start()
        assert "\n" not in str(caught.value)
        assert not server.running
    with pytest.raises(ServerStartError, match="database cannot be used") as caught:
        await LocalServer(store="postgresql://u:hunter2@127.0.0.1:1/d").start()
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
