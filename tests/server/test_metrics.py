"""What `/metrics` tells."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from chat_person import Enter, question
from prometheus_client.parser import text_string_to_metric_families
from waiting import until

from ipymultichat.agent import AgentClient
from ipymultichat.errors import AgentTimeoutError, RequestRefusedError
from ipymultichat.server import Limits, LocalServer
from ipymultichat.server.counters import BUCKETS, Counters
from ipymultichat.server.stores.port import StoreError
from ipymultichat.server.stores.record import Record

URL = "/agentassistproto.SrvAgentAssist/AskQuestion"
PROTO = {"content-type": "application/proto"}
TOKEN = "hunter2hunter2"


async def page(server: LocalServer) -> str:
    async with httpx.AsyncClient(trust_env=False) as http:
        response = await http.get(f"{server.http_url}/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    return response.text


async def metrics(server: LocalServer) -> dict[str, float]:
    text = await page(server)
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {sample.name.removeprefix("ipymultichat_"): sample.value for sample in samples if not sample.labels}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    async with LocalServer(store=f"sqlite:///{tmp_path}/requests.db", metrics=True, grace=60) as running:
        yield running


async def eventually(server: LocalServer, **wanted: float) -> None:
    for _ in range(500):
        found = await metrics(server)
        if wanted.items() <= found.items():
            return
        await asyncio.sleep(0.01)
    raise AssertionError({name: found[name] for name in wanted})


async def test_what_waits_and_who_is_there_is_told_and_each_way_a_request_ends_is_counted_once(
    server: LocalServer, enter: Enter
) -> None:
    ada, bob = await enter(server, TOKEN), await enter(server, TOKEN, "bob")
    agent = AgentClient(server.url, TOKEN)
    answered = asyncio.ensure_future(agent.ask_question("one"))
    first = (await ada.expect("UserConnectionStatusNotification")) and (await ada.expect("AskQuestion"))
    asked = (await bob.expect("AskQuestion")).AskQuestionRequest
    found = await metrics(server)
    assert (found["requests_waiting"], found["agents_waiting"], found["people_connected"]) == (1, 1, 2)
    # Two people, the agent, and whoever reads this; the agent has another one while it asks for the health.
    assert 4 <= found["connections"] <= found["connections_accepted_total"]
    await ada.reply(first.AskQuestionRequest, "yes")
    await bob.reply(asked, "no")  # too late
    await answered
    with pytest.raises(AgentTimeoutError):
        await agent.ask_question("two", timeout=1)
    withdrawn = asyncio.ensure_future(agent.ask_question("three"))
    await until(lambda: len(server._relay.state.waiting))
    withdrawn.cancel()
    await asyncio.wait({withdrawn})
    await eventually(server, cancelled_total=1)
    found = await metrics(server)
    wanted = {"asked": 3, "answered": 1, "timed_out": 1, "cancelled": 1, "kept": 0, "fetched": 0, "refused": 0}
    assert {name: found[f"{name}_total"] for name in wanted} == wanted
    assert (found["requests_waiting"], found["agents_waiting"], found["answer_seconds_count"]) == (0, 0, 1)


async def test_an_answer_that_is_kept_and_fetched_is_counted_as_both(server: LocalServer, enter: Enter) -> None:
    ada = await enter(server, TOKEN)
    async with httpx.AsyncClient(trust_env=False, base_url=server.http_url, headers=PROTO) as http:
        body = question("q1", TOKEN).SerializeToString()
        call = asyncio.ensure_future(http.post(URL, content=body))
        asked = (await ada.expect("AskQuestion")).AskQuestionRequest
        call.cancel()
        assert (await ada.expect("RequestState")).StrParam == "away"
        await ada.reply(asked, "yes")
        await ada.before_answer()
        await eventually(server, answered_total=1, kept_total=1, fetched_total=0)
        assert (await http.post(URL, content=body)).status_code == 200
        await eventually(server, asked_total=1, answered_total=1, kept_total=1, fetched_total=1)


async def test_an_answer_on_another_process_is_counted_there_alone(database: str, enter: Enter) -> None:
    async with (
        LocalServer(store=database, metrics=True) as one,
        LocalServer(store=database, metrics=True) as two,
    ):
        ada = await enter(two, TOKEN)
        team = one._relay.state.team_of(TOKEN) or ""
        await until(lambda: one._relay.state.somebody_for(team))
        asking = asyncio.ensure_future(AgentClient(one.url, TOKEN).ask_question("ok?"))
        await ada.reply((await ada.expect("AskQuestion")).AskQuestionRequest, "yes")
        assert (await asking).text == "yes"
        await eventually(two, asked_total=0, answered_total=1, requests_waiting=0)
        await eventually(one, asked_total=1, answered_total=0, requests_waiting=0)


async def test_what_limits_refuse_is_counted(enter: Enter) -> None:
    async with LocalServer(metrics=True, limits=Limits(max_pending=1, max_body=10_000)) as server:
        ada = await enter(server, TOKEN)
        agent = AgentClient(server.url, TOKEN)
        first = asyncio.ensure_future(agent.ask_question("one"))
        await ada.expect("AskQuestion")
        for text in ("two", "x" * 20_000):
            with pytest.raises(RequestRefusedError):
                await agent.ask_question(text)
        await eventually(server, refused_total=2, asked_total=1)
        first.cancel()
        await asyncio.wait({first})


async def test_what_the_store_cannot_do_is_counted(
    server: LocalServer, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise StoreError("no room", full=True)

    await enter(server, TOKEN)
    monkeypatch.setattr(server._relay.store, "ask", fail)
    with pytest.raises(RequestRefusedError):
        await AgentClient(server.url, TOKEN, retry=False).ask_question("ok?")
    await eventually(server, store_failures_total=1, refused_total=0)


def test_answers_are_counted_by_how_long_they_took() -> None:
    counters = Counters()
    for seconds in (0.5, 1, 1.5, 86_401):
        ended_ms = 1000 + int(seconds * 1000)
        counters.ended(Record("t", "q", "AskQuestion", b"", "", 1000, 9000, 1, "answered", ended_ms=ended_ms))
    assert counters.answer_seconds == [2, 1, *[0] * (len(BUCKETS) - 2), 1]
    assert counters.answer_seconds_sum == 86_404


async def test_nothing_in_it_names_a_token_a_team_or_a_person(server: LocalServer, enter: Enter) -> None:
    await enter(server, TOKEN, "ada-lovelace")
    text = await page(server)
    team = server._relay.state.team_of(TOKEN).partition(":")[2]
    for secret in (TOKEN, team, "ada-lovelace", "127.0.0.1"):
        assert secret not in text


async def no_metrics(server: LocalServer) -> int:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"{server.http_url}/metrics")).status_code


async def test_without_being_asked_for_there_is_nothing(enter: Enter) -> None:
    async with LocalServer() as server:
        assert await no_metrics(server) == 404


async def test_without_the_package_there_is_nothing_and_the_log_names_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(sys.modules, "ipymultichat.server.metrics", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    async with LocalServer(metrics=True) as server:
        assert await no_metrics(server) == 404
    assert ['pip install "ipymultichat[metrics]"' in record.getMessage() for record in caplog.records] == [True]
