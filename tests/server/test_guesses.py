"""Wrong tokens."""

import asyncio
import logging
from typing import Any

import httpx
import pytest
from chat_person import Enter, question

from ipymultichat.server import LocalServer, guesses
from ipymultichat.server.guesses import FORGOTTEN_AFTER, FREE, LONGEST_DELAY, MOST_ADDRESSES, Guesses


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_who_mistypes_does_not_wait_and_who_goes_on_waits_longer_and_longer_up_to_a_bound() -> None:
    clock = Clock()
    tried = Guesses(clock)
    delays = []
    for _ in range(30):
        tried.wrong("eve")
        delays.append(tried.delay("eve"))
    assert delays[:FREE] == [0.0] * FREE
    growing = delays[FREE:]
    assert growing[:3] == [0.1, 0.2, 0.4]
    assert growing == sorted(growing)
    assert growing[-1] == LONGEST_DELAY
    assert tried.delay("ada") == 0.0


def test_wrong_tokens_are_forgotten_after_a_while_without_any() -> None:
    clock = Clock()
    tried = Guesses(clock)
    for _ in range(30):
        tried.wrong("eve")
    clock.now += FORGOTTEN_AFTER - 1
    assert tried.delay("eve") == LONGEST_DELAY
    clock.now += 1
    assert tried.delay("eve") == 0.0
    tried.wrong("eve")
    assert tried.delay("eve") == 0.0


def test_the_log_has_a_line_with_a_count_and_not_one_for_each(caplog: pytest.LogCaptureFixture) -> None:
    tried = Guesses(Clock())
    for _ in range(2_500):
        tried.wrong("192.0.2.1")
    assert [record.getMessage() for record in caplog.records] == [
        "1 wrong token from 192.0.2.1",
        "10 wrong tokens from 192.0.2.1",
        "100 wrong tokens from 192.0.2.1",
        "1000 wrong tokens from 192.0.2.1",
    ]


def test_addresses_do_not_add_up_for_ever() -> None:
    tried = Guesses(Clock())
    for number in range(MOST_ADDRESSES + 10):
        for _ in range(FREE + 1):
            tried.wrong(str(number))
    assert tried.delay("0") == 0.0
    assert tried.delay("10") > 0.0


async def test_calls_and_logins_with_wrong_tokens_count_together_and_slow_down_only_where_they_come_from(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, enter: Enter
) -> None:
    monkeypatch.setattr(guesses, "FREE", 2)
    monkeypatch.setattr(guesses, "FIRST_DELAY", 0.01)
    caplog.set_level(logging.WARNING)
    async with LocalServer(token="right") as server, httpx.AsyncClient(trust_env=False) as http:
        for wrong in ("guess-1", "guess-2"):
            person = await enter(server, login=False)
            await person.send(Cmd="UserLogin", StrParam=wrong, Nickname="eve")
            assert await person.closed() == 1008
        tried = server._relay.guesses
        assert tried.delay("127.0.0.1") == 0.0
        response = await http.post(
            f"{server.http_url}/agentassistproto.SrvAgentAssist/AskQuestion",
            content=question(token="guess-3").SerializeToString(),
            headers={"content-type": "application/proto"},
        )
        assert response.status_code == 401
        assert tried.delay("127.0.0.1") == 0.01
        assert tried.delay("192.0.2.1") == 0.0
        assert (await enter(server, token="right")).client_id
    assert [record.getMessage() for record in caplog.records] == ["1 wrong token from 127.0.0.1"]


@pytest.mark.parametrize("by", ["login", "call"])
async def test_a_token_is_not_looked_at_before_the_wait_is_over(
    monkeypatch: pytest.MonkeyPatch, enter: Enter, by: str
) -> None:
    waited = asyncio.Event()
    release = asyncio.Event()
    sleep = asyncio.sleep

    async def asleep(seconds: float) -> None:
        if seconds == 0.75:
            waited.set()
            await release.wait()
        else:
            await sleep(seconds)

    async with LocalServer(token="right") as server, httpx.AsyncClient(trust_env=False) as http:
        ada = await enter(server, token="right")
        person = await enter(server, login=False)
        monkeypatch.setattr(server._relay.guesses, "delay", lambda address: 0.75)
        monkeypatch.setattr(asyncio, "sleep", asleep)
        answer: asyncio.Future[Any]
        if by == "login":
            answer = asyncio.ensure_future(person.login("right", "bob"))
        else:
            answer = asyncio.ensure_future(
                http.post(
                    f"{server.http_url}/agentassistproto.SrvAgentAssist/AskQuestion",
                    content=question("q1", token="right").SerializeToString(),
                    headers={"content-type": "application/proto"},
                )
            )
        await asyncio.wait_for(waited.wait(), 5)
        assert await ada.before_answer() == []  # neither a person nor a question has come
        release.set()
        await ada.expect("UserConnectionStatusNotification" if by == "login" else "AskQuestion")
        answer.cancel()
        await asyncio.wait({answer})
