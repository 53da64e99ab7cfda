"""A server's own token goes to that server only, and shows itself nowhere."""

import json
import logging
from typing import Any

import pytest
from inboxes import MakeChat
from waiting import until

from ipymultichat.errors import ConfigError
from ipymultichat.hub import Chat
from ipymultichat.server import LocalServer
from ipymultichat.store import config_path


async def test_each_server_gets_its_own_token_or_the_common_one(
    make_chat: MakeChat, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with LocalServer(token="its-own") as foreign, LocalServer(token="common") as home:
        chat = make_chat({"url": foreign.url, "token": "its-own"}, home.url, token="common")
        await chat.connect()
        assert chat.connected_count == 2
        for shown in (repr(chat.servers), repr(chat), str(chat.statuses), caplog.text):
            assert "its-own" not in shown
        with pytest.raises(ConfigError) as caught:
            chat.update_server(chat.servers[0], token="two\nlines")
        assert "two" not in str(caught.value)
        chat.update_server(chat.servers[0], token="")
        await until(lambda: chat.statuses[chat.servers[0].id].state == "error")
        assert chat.statuses[chat.servers[1].id].state == "connected"
        chat.update_server(chat.servers[0], token="its-own")
        await until(lambda: chat.connected_count == 2)
        chat.close()


async def test_it_is_kept_in_the_profile_beside_its_server() -> None:
    url = "ws://127.0.0.1:1/ws"
    chat = Chat(autoconnect=False)
    chat.add_server(url, "Work", token="its-own")
    chat.add_server("ws://127.0.0.1:2/ws", "Home", token="another")
    chat.update_server("Home", token="")
    chat.update_server("Work", name="Office")
    chat.close()
    stored: dict[str, Any] = json.loads(config_path("default").read_text())
    assert [(entry["name"], entry.get("token")) for entry in stored["server_configs"]] == [
        ("Office", "its-own"),
        ("Home", None),
    ]
    again = Chat([url], token="common", autoconnect=False)
    assert [config.label for config in again.servers] == ["Office"]
    assert again._hub.settings.token_for(url).reveal() == "its-own"
    assert "its-own" in again.agent_setup("claude-code", show_token=True).text
    again.close()
