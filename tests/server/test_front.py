"""Proxies, the path they offer the server at, and the names it is called by."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from chat_person import Person, question
from starlette.types import Receive, Scope, Send
from websockets.exceptions import InvalidStatus

from ipymultichat.agent import AgentClient
from ipymultichat.errors import ConfigError
from ipymultichat.server import Limits, LocalServer, guesses
from ipymultichat.server.admission import Admission
from ipymultichat.server.front import Front

URL = "/agentassistproto.SrvAgentAssist/AskQuestion"
PROTO = {"content-type": "application/proto"}


async def get(server: LocalServer, path: str = "/health", headers: Mapping[str, str] | None = None) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        base = server.http_url.removesuffix("/p/q")
        return await http.get(base + path, headers=headers)


@pytest.mark.parametrize("prefix", ["/p/q", ""])
async def test_everything_is_found_below_the_root_path_and_without_it(prefix: str) -> None:
    async with LocalServer(root_path="/p/q/") as server:
        assert server.url.endswith("/p/q/ws")
        assert server.http_url.endswith("/p/q")
        base = server.http_url.removesuffix("/p/q") + prefix
        ada = await Person.connect(base.replace("http", "ws") + "/ws")
        await ada.login("team", "ada")
        asking = asyncio.ensure_future(AgentClient(base, "team").ask_question("ok?"))
        await ada.reply((await ada.expect("AskQuestion")).AskQuestionRequest, "yes")
        assert (await asking).text == "yes"
        assert (await get(server, f"{prefix}/health")).status_code == 200
        assert (await get(server, f"{prefix}/ready")).status_code == 200
        assert (await get(server, "/other/health")).status_code == 404
        assert (await get(server, "/p/qhealth")).status_code == 404
        await ada.leave()


@pytest.mark.parametrize(
    "host",
    [
        "chat.example.org",
        "CHAT.example.org:8443",
        "chat.example.org.",
        "127.0.0.1:1",
        "localhost",
        "[::1]:5",
        "a.localhost",
    ],
)
async def test_a_host_that_is_allowed_or_this_machines_own_is_served(host: str) -> None:
    async with LocalServer(allowed_hosts=["chat.example.org"]) as server:
        assert (await get(server, headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "chat.example.org.evil.example", "x@evil.example", "[", "10.0.0.1"])
async def test_another_host_gets_421_and_the_remedy_by_either_way(host: str) -> None:
    async with LocalServer(allowed_hosts=["chat.example.org"]) as server:
        response = await get(server, headers={"host": host})
        assert response.status_code == 421
        assert "--allow-host" in response.json()["message"]
        with pytest.raises(InvalidStatus) as refused:
            await Person.connect(server.url, additional_headers={"host": host})
        assert refused.value.response.status_code in (400, 421)


async def test_any_host_is_served_where_none_is_named(server: LocalServer) -> None:
    assert (await get(server, headers={"host": "anything.example"})).status_code == 200


async def call(server: LocalServer, token: str, forwarded: str, **options: Any) -> int:
    headers = {**PROTO, "x-forwarded-for": forwarded}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as http:
        body = question("", token, timeout=1).SerializeToString()
        return (await http.post(server.http_url + URL, content=body)).status_code


@pytest.mark.parametrize(
    ("trusted", "forwarded", "counted"),
    [
        ((), "192.0.2.1", "127.0.0.1"),
        (("10.0.0.0/8",), "192.0.2.1", "127.0.0.1"),
        (("127.0.0.1",), "192.0.2.1", "192.0.2.1"),
        (("127.0.0.0/8",), "6.6.6.6, 192.0.2.1", "192.0.2.1"),
        (("127.0.0.1", "10.0.0.0/8"), "6.6.6.6, 192.0.2.1:5000, 10.1.2.3", "192.0.2.1"),
        (("127.0.0.1",), "[2001:db8::1]:80", "2001:db8::/64"),
        (("127.0.0.1",), "::ffff:192.0.2.1", "192.0.2.1"),
        (("127.0.0.1",), "192.0.2.1, unknown", "127.0.0.1"),
        (("127.0.0.1", "10.0.0.0/8"), "192.0.2.1, unknown, 10.1.2.3", "10.1.2.3"),
        (("127.0.0.1",), "", "127.0.0.1"),
        (("127.0.0.1", "10.0.0.0/8"), "10.0.0.1, 10.0.0.2", "10.0.0.1"),
    ],
)
async def test_a_trusted_proxy_alone_is_believed_and_of_its_words_the_last_one_that_is_no_proxys(
    monkeypatch: pytest.MonkeyPatch, trusted: tuple[str, ...], forwarded: str, counted: str
) -> None:
    monkeypatch.setattr(guesses, "FREE", 0)
    async with LocalServer(token="right", trusted_proxies=trusted) as server:
        assert await call(server, "wrong", forwarded) == 401
        tried = server._relay.guesses
        slowed = [name for name in ("127.0.0.1", "192.0.2.1", "6.6.6.6", counted) if tried.delay(name)]
        assert set(slowed) == {counted}


@pytest.mark.parametrize(
    ("trusted", "kind", "said", "scheme"),
    [
        (["127.0.0.1"], "http", "https", "https"),
        (["127.0.0.1"], "websocket", "https", "wss"),
        (["127.0.0.1"], "websocket", "http", "ws"),
        (["127.0.0.1"], "http", "gopher", "as it was"),
        ([], "http", "https", "as it was"),
    ],
)
async def test_how_a_trusted_proxy_was_reached_is_what_it_says(
    trusted: list[str], kind: str, said: str, scheme: str
) -> None:
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["scheme"])

    async def nothing(*_: object) -> Any:
        raise AssertionError

    admission = Admission(Limits(), 4)
    visit = admission.enter("127.0.0.1", lambda: None, lambda: None)
    state = {"visit": visit, "admission": admission}
    headers = [(b"x-forwarded-proto", said.encode())]
    scope = {"type": kind, "scheme": "as it was", "client": ("127.0.0.1", 5), "headers": headers, "state": state}
    await Front("127.0.0.1", "", (), trusted).wrap(app)(scope, nothing, nothing)
    assert seen == [scheme]
    assert visit is not None
    admission.leave(visit)


async def test_one_address_behind_a_proxy_does_not_lock_out_the_others() -> None:
    async with LocalServer(trusted_proxies=["127.0.0.1"], limits=Limits(max_connections=8, max_clients=4)) as server:

        async def enter(address: str) -> Person:
            person = await Person.connect(server.url, additional_headers={"x-forwarded-for": address})
            await person.login("team", address)
            return person

        people = [await enter("192.0.2.1") for _ in range(3)]
        greedy = await Person.connect(server.url, additional_headers={"x-forwarded-for": "192.0.2.1"})
        await greedy.send(Cmd="UserLogin", StrParam="team", Nickname="greedy")
        assert await greedy.closed() == 1013
        people.append(await enter("192.0.2.2"))
        for person in people:
            await person.leave()


async def test_connections_of_one_address_behind_a_proxy_have_its_share() -> None:
    async with LocalServer(trusted_proxies=["127.0.0.1"], limits=Limits(max_connections=4)) as server:
        headers = {"x-forwarded-for": "192.0.2.1"}
        people = [await Person.connect(server.url, additional_headers=headers) for _ in range(3)]
        with pytest.raises(InvalidStatus) as refused:
            await Person.connect(server.url, additional_headers=headers)
        assert refused.value.response.status_code == 429
        people.append(await Person.connect(server.url, additional_headers={"x-forwarded-for": "192.0.2.2"}))
        for person in people:
            await person.leave()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"root_path": "p"}, "the root path 'p' is no path, write it like '/chat'"),
        ({"root_path": "/a b"}, "is no path"),
        ({"root_path": "/a//b"}, "is no path"),
        ({"root_path": "/a?b"}, "is no path"),
        ({"root_path": None}, "is no path"),
        ({"allowed_hosts": "chat.example.org"}, "allowed_hosts is a list"),
        ({"allowed_hosts": ["https://chat.example.org"]}, "is no name, write it like"),
        ({"allowed_hosts": ["chat.example.org:8443"]}, "without a port"),
        ({"allowed_hosts": [""]}, "is no name"),
        ({"allowed_hosts": ["*"]}, "is no name"),
        ({"trusted_proxies": "10.0.0.1"}, "trusted_proxies is a list"),
        ({"trusted_proxies": ["proxy.example.org"]}, "is no address or network, write it like"),
        ({"trusted_proxies": ["10.0.0.1/8"]}, "is no address or network"),
        ({"trusted_proxies": [5]}, "is no address or network"),
    ],
)
def test_what_cannot_be_one_is_named_with_the_remedy(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        LocalServer(**options)


async def test_a_proxy_may_hold_more_connections_than_the_share_of_one_address() -> None:
    async with LocalServer(trusted_proxies=["127.0.0.1"], limits=Limits(max_connections=4)) as server:
        port = int(server.http_url.rpartition(":")[2])
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        assert (await get(server)).status_code == 200
        for _, writer in idle:
            writer.close()
