"""How often a token may ask."""

import asyncio

import httpx
import pytest
from chat_person import Enter, question
from waiting import until

from ipymultichat.server import Limits, LocalServer, rates
from ipymultichat.server.rates import Rates

URL = "/agentassistproto.SrvAgentAssist/AskQuestion"
PROTO = {"content-type": "application/proto"}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_so_many_may_come_at_once_and_then_so_many_per_second() -> None:
    clock = Clock()
    limit = Rates(50, 500, clock)
    assert [limit.take("ops") for _ in range(500)] == [0.0] * 500
    assert limit.take("ops") == pytest.approx(1 / 50)
    assert limit.take("dev") == 0.0
    clock.now += 1
    assert [limit.take("ops") > 0 for _ in range(60)] == [False] * 50 + [True] * 10
    clock.now += 3600
    assert [limit.take("ops") > 0 for _ in range(510)] == [False] * 500 + [True] * 10


def test_who_is_refused_is_not_put_back_further_by_it() -> None:
    clock = Clock()
    limit = Rates(1, 1, clock)
    assert limit.take("ops") == 0.0
    assert [limit.take("ops") for _ in range(5)] == [1.0] * 5
    clock.now += 1
    assert limit.take("ops") == 0.0


def test_teams_do_not_add_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_TEAMS", 2)
    limit = Rates(1, 1, Clock())
    for team in ("a", "b", "c"):
        limit.take(team)
    assert (limit.take("b") > 0, limit.take("a") > 0) == (True, False)


async def test_one_more_gets_429_and_when_to_come_again_also_to_join_and_other_tokens_nothing_of_it(
    enter: Enter,
) -> None:
    async with (
        LocalServer(limits=Limits(max_calls_per_second=1, max_calls_at_once=2)) as server,
        httpx.AsyncClient(trust_env=False, base_url=server.http_url, headers=PROTO) as http,
    ):
        clock = Clock()
        server._relay.rates = Rates(1, 2, clock)
        ada = await enter(server)
        body = question("q1").SerializeToString()
        calls = [asyncio.ensure_future(http.post(URL, content=body))]
        asked = (await ada.expect("AskQuestion")).AskQuestionRequest
        calls.append(asyncio.ensure_future(http.post(URL, content=body)))
        await until(lambda: server._relay.callers == 2)
        refused = await http.post(URL, content=body)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert refused.json()["code"] == "resource_exhausted"
        other = await http.post(URL, content=question("q1", "other").SerializeToString())
        assert other.status_code == 200  # nobody is there
        await ada.reply(asked, "yes")
        assert [(await call).status_code for call in calls] == [200, 200]
        clock.now += 1
        assert (await http.post(URL, content=body)).status_code == 200
