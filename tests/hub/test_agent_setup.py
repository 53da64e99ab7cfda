"""What the inbox says agents need, so that they ask here."""

import json
import shlex

import pytest

from ipymultichat.agent.setup import CLIENTS
from ipymultichat.errors import ConfigError, NotFoundError
from ipymultichat.hub import Chat

URL = "ws://127.0.0.1:1/ws"


async def test_the_token_is_in_the_text_only_when_it_is_asked_for() -> None:
    chat = Chat([URL], token="s3cret", profile=":memory:", autoconnect=False)
    for client in CLIENTS:
        assert "s3cret" not in chat.agent_setup(client).text
        assert "MULTICHAT_TOKEN" in chat.agent_setup(client).text
        assert "s3cret" in chat.agent_setup(client, show_token=True).text
    server = json.loads(chat.agent_setup("claude-code", show_token=True).text)["mcpServers"]["multichat"]
    assert server == {
        "type": "http",
        "url": "http://127.0.0.1:1/mcp",
        "headers": {"Authorization": "Bearer s3cret"},
    }
    chat.close()


async def test_a_token_that_the_profile_keeps_is_found_there() -> None:
    chat = Chat(autoconnect=False)
    chat.add_server(URL)
    chat.set_token("s3cret")
    assert shlex.split(chat.agent_setup("shell").text) == [
        *("ipymultichat", "ask", URL, "Shall I go on?"),
        *("--profile", "default"),
    ]
    for client in ("cursor", "vscode", "codex", "opencode"):
        text = chat.agent_setup(client).text
        assert '"--profile", "default"' in " ".join(text.split())
        assert "MULTICHAT_TOKEN" not in text
    chat.close()


async def test_what_cannot_be_set_up_is_named() -> None:
    chat = Chat([], token="t", profile=":memory:", autoconnect=False)
    with pytest.raises(ConfigError, match="no server is switched on"):
        chat.agent_setup()
    chat.add_server(URL, "Work")
    with pytest.raises(ConfigError, match="no settings are known for 'emacs'; there are claude-code,"):
        chat.agent_setup("emacs", "Work")
    with pytest.raises(NotFoundError):
        chat.agent_setup("codex", "Home")
    chat.close()
