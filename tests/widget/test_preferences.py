"""Settings of the profile, and what the widget does with them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tab import Tab
from waiting import until

from ipymultichat import MultiChat
from ipymultichat.agent import AgentClient
from ipymultichat.errors import ConfigError
from ipymultichat.model import Preferences, Snippet
from ipymultichat.server import LocalServer
from ipymultichat.store import config_path


@pytest.fixture
def tab(chat: MultiChat) -> Any:
    return Tab(chat)


def ask(server: LocalServer, text: Any = "Go on?") -> Any:
    return asyncio.ensure_future(AgentClient(server.url, "s3cret-token").ask_question(text))


async def test_a_reply_from_the_widget_is_wrapped_and_one_from_a_cell_is_not(
    tab: Tab, chat: MultiChat, server: LocalServer
) -> None:
    assert (await tab.command("set_preferences", prefix="In short:", suffix="Answer in English."))["ok"]
    wrapped = ask(server, "one")
    message = await chat.wait_for(timeout=5)
    await tab.command("reply", message_id=message.id, text="yes", wrap=True)
    assert (await wrapped).text == "In short:\nyes\nAnswer in English."
    bare, cell = ask(server, "two"), ask(server, "three")
    await until(lambda: chat.pending_count == 2)
    two, three = sorted(chat.messages.pending, key=lambda message: message.text, reverse=True)
    await tab.command("reply", message_id=two.id, text="yes")
    assert (await bare).text == "yes"
    await chat.reply(three, "yes")
    assert (await cell).text == "yes"


async def test_a_report_confirmed_without_words_gets_those_of_the_person(
    tab: Tab, chat: MultiChat, server: LocalServer
) -> None:
    client = AgentClient(server.url, "s3cret-token")
    for chosen, sent in (("Seen, thanks!", "Seen, thanks!"), ("", "Confirmed.")):
        assert (await tab.command("set_preferences", confirmation=chosen))["ok"]
        report = asyncio.ensure_future(client.work_report("Done."))
        message = await chat.wait_for(kind="report", timeout=5)
        assert (await tab.command("confirm", message_id=message.id, text=""))["ok"]
        assert (await report).text == sent


def test_a_text_that_is_wrapped_already_is_not_wrapped_twice() -> None:
    wrapping = Preferences(prefix="a", suffix="z")
    assert wrapping.wrap(wrapping.wrap("text")) == "a\ntext\nz"


async def test_preferences_are_kept_with_the_profile_and_unknown_keys_stay(make_chat: Any) -> None:
    path = config_path("default")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"theme": "dark", "settings": {"sound": "gong", "reply_prefix": "Hi"}}))
    chat = make_chat(profile="default", autoconnect=False)
    assert chat.get_state()["_settings"]["preferences"]["prefix"] == "Hi"
    result = await Tab(chat).command(
        "set_preferences", quick=["Yes", " ", "Yes", "Later"], snippets=[{"name": "ok", "text": "Fine."}]
    )
    assert result["ok"]
    await until(lambda: chat.get_state()["_settings"]["preferences"]["quick"] == ["Yes", "Later"])
    chat.close()  # writes what is left
    stored = json.loads(path.read_text())
    assert stored["theme"] == "dark"
    assert stored["settings"] == {
        "sound": "gong",
        "reply_prefix": "Hi",
        "reply_suffix": "",
        "confirmation": "Confirmed.",
        "quick_answers": ["Yes", "Later"],
        "snippets": [{"name": "ok", "text": "Fine."}],
    }
    assert chat.preferences.snippets == (Snippet("ok", "Fine."),)


def test_settings_that_cannot_be_used_count_as_not_there(make_chat: Any) -> None:
    path = config_path("default")
    path.parent.mkdir(parents=True)
    path.write_text(
        json.dumps({"settings": {"reply_prefix": 5, "quick_answers": ["Yes"], "snippets": [{"name": "a b"}]}})
    )
    preferences = make_chat(profile="default", autoconnect=False)._settings["preferences"]
    assert preferences == {
        "prefix": "",
        "suffix": "",
        "confirmation": "Confirmed.",
        "quick": ["Yes"],
        "snippets": [],
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"colour": "red"}, "no setting 'colour'"),
        ({"prefix": 5}, "prefix"),
        ({"suffix": "x" * 2001}, "2,000"),
        ({"quick": "Yes"}, "quick answers"),
        ({"quick": ["x"] * 21}, "20"),
        ({"snippets": [{"name": "two words", "text": "x"}]}, "two words"),
        ({"snippets": [{"name": "empty", "text": " "}]}, "empty"),
        ({"snippets": [{"name": "a", "text": "x"}, {"name": "a", "text": "y"}]}, "two snippets"),
    ],
)
def test_a_preference_that_cannot_be_used_is_refused_with_the_reason(change: Any, words: Any) -> None:
    with pytest.raises(ConfigError, match=words):
        Preferences().changed(change)


async def test_clearing_keeps_what_waits_and_starts_another_log_in_every_tab(
    tab: Tab, chat: MultiChat, server: LocalServer
) -> None:
    done, waits = ask(server, "done"), ask(server, "waits")
    await until(lambda: chat.pending_count == 2)
    await chat.reply(next(message for message in chat.messages if message.text == "done"), "yes")
    await done
    tab.say(type="sync", client="tab")
    before = tab.of("snapshot")[-1]["epoch"]
    assert (await tab.command("clear_history"))["value"] == 1
    await until(lambda: tab.of("patch") and tab.of("patch")[-1]["epoch"] != before)
    tab.say(type="sync", client="tab")
    snapshot = tab.of("snapshot")[-1]
    assert snapshot["epoch"] == tab.of("patch")[-1]["epoch"]
    assert [message["text"] for message in snapshot["messages"]] == ["waits"]
    assert (chat.pending_count, chat.unread_count, len(chat.messages)) == (1, 1, 1)
    waits.cancel()
    await asyncio.wait([waits])


async def test_a_connection_is_tried_without_touching_those_that_are_there(
    tab: Tab, chat: MultiChat, server: LocalServer, make_chat: Any
) -> None:
    connected = chat.statuses[chat.servers[0].id].connected_at
    assert (await tab.command("test_server", url=server.url))["value"] == {"ok": True, "reason": ""}
    refused = (await tab.command("test_server", url="ws://127.0.0.1:9"))["value"]
    assert (refused["ok"], "connection refused" in refused["reason"]) == (False, True)
    assert "ws://" in (await tab.command("test_server", url="nonsense"))["error"]
    assert chat.statuses[chat.servers[0].id].connected_at == connected
    async with LocalServer(token="another") as foreign:
        tries = [await tab.command("test_server", url=foreign.url, token=token) for token in ("", "another")]
    assert [tried["value"]["ok"] for tried in tries] == [False, True]
    without = Tab(make_chat([server.url], autoconnect=False))
    assert (await without.command("test_server", url=server.url))["value"]["reason"] == "no token set"


async def test_a_local_server_is_started_once_listed_and_stopped_with_the_inbox(make_chat: Any) -> None:
    chat = make_chat([], token="s3cret-token")
    tab = Tab(chat)
    result = await tab.command("start_local")
    assert result["ok"], result
    await chat.connect()
    assert [(server.label, server.url) for server in chat.servers] == [("Local", result["value"])]
    assert chat.connected_count == 1
    token = chat.local_token_file.read_text()
    agent = asyncio.ensure_future(AgentClient(result["value"], token).ask_question("Hello?"))
    await chat.reply(await chat.wait_for(timeout=5), "hello")
    assert (await agent).text == "hello"
    assert "already" in (await tab.command("start_local"))["error"]
    watcher = make_chat([result["value"]], token=token)
    await watcher.connect()
    assert watcher.connected_count == 1
    chat.close()
    await until(lambda: watcher.connected_count == 0, seconds=5)


async def test_a_local_server_needs_no_token_and_its_own_stays_in_the_kernel(make_chat: Any) -> None:
    chat = make_chat([], autoconnect=False)
    tab = Tab(chat)
    assert (await tab.command("start_local"))["ok"]
    await until(lambda: chat.connected_count == 1)
    token = chat.local_token_file.read_text()
    (form,) = await until(lambda: chat.get_state("_servers")["_servers"])
    assert form["token_file"] == str(chat.local_token_file)
    await until(lambda: chat.get_state("_settings")["_settings"]["has_token"])
    tab.say(type="sync", client="tab")
    assert token not in repr(chat.get_state())
    assert token not in repr(tab.frames)
    own = chat._hub.own_server
    assert token not in repr(own)
    chat.close()
    await own.stop()


async def test_a_chat_message_that_failed_is_sent_again_in_its_place(
    tab: Tab, chat: MultiChat, server: LocalServer, make_chat: Any
) -> None:
    ada = make_chat([server.url], token="s3cret-token", nickname="ada")
    await ada.connect()
    user = (await until(lambda: chat.users))[0]
    ada.close()
    await until(lambda: not chat.users)
    args = {"server_id": user.server_id, "client_id": user.client_id, "nickname": "ada", "text": "lunch?"}
    assert (await tab.command("send", **args))["ok"]
    await until(lambda: chat.messages[0].status == "failed")
    again = make_chat([server.url], token="s3cret-token", nickname="ada")
    await again.connect()
    await until(lambda: chat.users)
    key = chat.messages[0].id
    assert (await tab.command("send", message_id=key))["ok"]
    await until(lambda: chat.messages[0].status == "sent")
    assert [message.id for message in chat.messages] == [key]
    await until(lambda: [message.text for message in again.messages] == ["lunch?"])
    assert "sent" in (await tab.command("send", message_id=key))["error"]


async def test_pages_hold_one_conversation_or_what_is_not_settled(
    tab: Tab, chat: MultiChat, server: LocalServer, make_chat: Any
) -> None:
    people = {}
    for name in ("ada", "bob"):
        people[name] = make_chat([server.url], token="s3cret-token", nickname=name)
        await people[name].connect()
    await until(lambda: len(chat.users) == 2)
    await chat.send("ada@Work", "to ada")
    await people["bob"].send(f"me@{people['bob'].servers[0].label}", "from bob")
    await until(lambda: len(chat.messages) == 2)
    waiting = ask(server, "waits")
    await until(lambda: chat.pending_count == 1)

    async def page(**conditions: Any) -> Any:
        frame = await tab.ask(type="page", client="tab", before=None, limit=10, filter=conditions)
        return [message["text"] for message in frame["messages"]]

    assert await page(peer="ada", server_id=chat.servers[0].id) == ["to ada"]
    assert await page(peer="bob", server_id=chat.servers[0].id) == ["from bob"]
    assert await page(peer="bob", server_id="elsewhere") == []
    people["ada"].close()
    await until(lambda: len(chat.users) == 1)
    assert await page(pending=True) == ["waits"]
    message = chat.messages.pending[0]
    await chat.disconnect()
    chat.reply(message, "too late")
    assert chat.messages.where(status="failed")[0].id == message.id
    assert await page(pending=True) == ["waits"]
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_paths_are_completed_for_a_message_and_not_for_a_directory(
    tab: Tab, chat: MultiChat, server: LocalServer, tmp_path: Path
) -> None:
    (tmp_path / "notes.md").write_text("")
    client = AgentClient(server.url, "s3cret-token", project_directory=tmp_path)
    call = asyncio.ensure_future(client.ask_question("Which?"))
    message = await chat.wait_for(timeout=5)
    assert (await tab.command("complete_path", message_id=message.id, query="not"))["value"] == ["notes.md"]
    assert (await tab.command("complete_path", message_id=str(tmp_path), query="not"))["value"] is None
    call.cancel()
    await asyncio.wait([call])
