"""The server that an inbox runs itself: who gets which token, and what is kept of it."""

import asyncio
import shlex
import stat
import sys
from collections.abc import AsyncIterator
from typing import Protocol

import pytest
from chat_person import Person
from waiting import left_over, until

from ipymultichat.hub import Chat
from ipymultichat.model import ServerConfig
from ipymultichat.server import LocalServer
from ipymultichat.store.config import ConfigFile


class Open(Protocol):
    def __call__(self, *servers: str, token: str | None = "global-token") -> Chat: ...


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    before = asyncio.all_tasks()
    chats: list[Chat] = []

    def make(*servers: str, token: str | None = "global-token") -> Chat:
        chats.append(Chat(servers or None, token=token, nickname="me"))
        return chats[-1]

    yield make
    for chat in chats:
        chat.close()
        if chat._hub.own_server is not None:
            await chat._hub.own_server.stop()
    await until(lambda: not left_over(before))


def stored() -> tuple[ServerConfig, ...]:
    file = ConfigFile("default", changed=lambda _: None, trouble=pytest.fail)
    servers = file.load().servers
    file.close(1.0)
    return servers


async def test_the_next_kernel_knows_nothing_of_it(opened: Open) -> None:
    chat = opened()
    url = await chat.start_local_server()
    file = chat.local_token_file
    assert file is not None
    kept = chat.add_server("ws://kept.example", "Kept", enabled=False)
    await until(lambda: chat.connected_count == 1)
    chat.close()
    assert [config.url for config in stored()] == [kept.url]
    await until(lambda: not file.exists())
    again = opened()
    assert url not in [config.url for config in again.servers]
    assert again.local_token_file is None


async def test_agents_are_told_where_its_token_is(opened: Open) -> None:
    chat = opened()
    url = await chat.start_local_server()
    words = shlex.split(chat.agent_setup("shell", "Local").text)
    assert words[2:] == [url, "Shall I go on?", "--token-file", str(chat.local_token_file)]
    assert (
        f"Bearer {chat._hub.own_server.token.reveal()}"
        in chat.agent_setup("claude-code", "Local", show_token=True).text
    )


async def test_it_takes_no_other_token_and_gives_its_own_to_nobody(opened: Open) -> None:
    chat = opened()
    url = await chat.start_local_server()
    assert chat.local_token_file is not None
    own = chat.local_token_file.read_text()
    stranger = await Person.connect(url)
    await stranger.send(Cmd="UserLogin", StrParam="global-token", Nickname="eve")
    assert not (await stranger.expect("UserLogin")).UserLoginResponse.success
    await stranger.leave()
    async with LocalServer(token="global-token") as elsewhere:
        chat.add_server(elsewhere.url)
        await until(lambda: chat.connected_count == 2)
    assert own != "global-token"
    assert len(own) >= 32


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
async def test_only_the_person_can_read_the_token(opened: Open) -> None:
    chat = opened()
    await chat.start_local_server()
    assert chat.local_token_file is not None
    assert stat.S_IMODE(chat.local_token_file.stat().st_mode) == 0o600


async def test_it_stays_listed_when_the_list_changes_elsewhere(opened: Open) -> None:
    chat = opened("ws://127.0.0.1:9")
    url = await chat.start_local_server()
    assert opened("ws://127.0.0.1:9").servers == chat.servers
    assert chat.servers[-1].url == url
    chat.remove_server("Local")
    assert url not in [config.url for config in chat.servers]
    assert await chat.start_local_server() == url
    await until(lambda: chat.connected_count == 1)


async def test_an_address_of_the_list_is_not_taken(opened: Open) -> None:
    chat = opened("ws://127.0.0.1:2000")
    assert await chat.start_local_server() != "ws://127.0.0.1:2000/ws"


async def test_its_own_token_does_not_follow_its_entry_to_another_address(opened: Open) -> None:
    chat = opened()
    await chat.start_local_server()
    await until(lambda: chat.connected_count == 1)
    async with LocalServer(token="global-token") as elsewhere:
        chat.update_server("Local", url=elsewhere.url)
        await until(lambda: chat.connected_count == 1)
        assert chat.statuses[chat.servers[-1].id].error == ""
