from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from waiting import until

import ipymultichat
from ipymultichat import MultiChat
from ipymultichat.agent import AgentClient
from ipymultichat.server import LocalServer
from ipymultichat.widget.magics import MultiChatMagics


@pytest.fixture
def magics(chat: MultiChat) -> Any:
    made = MultiChatMagics(None)
    made._chat = chat
    return made


@pytest.fixture
async def asked(server: LocalServer, chat: MultiChat) -> Any:
    client = AgentClient(server.url, "s3cret-token", agent_name="claude")
    calls = [asyncio.ensure_future(client.ask_question(text)) for text in ("one?", "two?")]
    await until(lambda: chat.pending_count == 2)
    yield dict(zip(("one?", "two?"), calls, strict=True))
    for call in calls:
        call.cancel()


def test_the_extension_adds_the_magic() -> None:
    shell = InteractiveShell()
    ipymultichat.load_ipython_extension(shell)
    assert "multichat" in shell.magics_manager.magics["line"]


async def test_alone_it_shows_the_inbox(magics: Any, chat: MultiChat) -> None:
    assert magics.multichat("") is chat


async def test_the_status_names_every_server(magics: Any, capsys: pytest.CaptureFixture[str]) -> None:
    magics.multichat("status")
    assert capsys.readouterr().out == "Work: connected\n"


async def test_what_waits_is_numbered_and_answered_by_its_number(
    magics: Any, asked: Any, chat: MultiChat, capsys: pytest.CaptureFixture[str]
) -> None:
    magics.multichat("pending")
    assert "1  Question from claude on Work: one?" in capsys.readouterr().out
    number = [message.text for message in chat.messages.pending].index("two?") + 1
    await magics.multichat(f"reply {number} yes to two")
    assert await asked["two?"] == "yes to two"
    await magics.multichat("reply yes to the last")
    assert await asked["one?"] == "yes to the last"


@pytest.mark.parametrize("line", ["reply yes", "reply 7 yes", "fly", "send nobody@Work hi", "send"])
async def test_what_cannot_be_done_is_said_with_what_can(magics: Any, asked: Any, line: Any) -> None:
    with pytest.raises(UsageError) as caught:
        magics.multichat(line)
    assert any(hint in str(caught.value) for hint in ("one?", "%multichat send", "online", "nickname@server"))


async def test_chat_goes_to_a_name_with_blanks(
    magics: Any, chat: MultiChat, server: LocalServer, make_chat: Any
) -> None:
    ada = make_chat([server.url], token="s3cret-token", nickname="Ada L")
    await ada.connect()
    await until(lambda: chat.users)
    await magics.multichat("send Ada L@Work good morning")
    assert [message.text for message in ada.messages] == ["good morning"]


async def test_people_verbs_and_numbers_are_completed(
    magics: Any, asked: Any, chat: MultiChat, server: LocalServer, make_chat: Any
) -> None:
    ada = make_chat([server.url], token="s3cret-token", nickname="ada")
    await ada.connect()
    await until(lambda: chat.users)

    def complete(line: Any) -> Any:
        return magics.complete(None, SimpleNamespace(line=line))

    assert complete("%multichat ") == ["pending", "reply", "send", "status"]
    assert complete("%multichat se") == ["pending", "reply", "send", "status"]
    assert complete("%multichat send a") == ["ada@Work"]
    assert complete("%multichat reply ") == ["1", "2"]
    assert complete("%multichat send ada@Work h") == []
