from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from waiting import until

from ipymultichat import MultiChat, ServerConfig
from ipymultichat.agent import AgentClient
from ipymultichat.errors import ClosedError, ConfigError, MultiChatError, UnknownOptionError
from ipymultichat.server import LocalServer


def ask(server: LocalServer, text: Any = "Deploy?", token: Any = "s3cret-token") -> Any:
    return asyncio.ensure_future(AgentClient(server.url, token, agent_name="claude").ask_question(text))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"servers": ["http://x"]}, "ws://x"),
        ({"servers": ["ws://"]}, "host is missing"),
        ({"servers": ["ws://h:99999"]}, "65535"),
        ({"servers": ["nonsense"]}, "nonsense"),
        ({"servers": 5}, "list of addresses"),
        ({"servers": ["ws://h", "ws://h/ws"]}, "already"),
        ({"token": ""}, "empty"),
        ({"nickname": ""}, "nickname ''"),
        ({"nickname": "x" * 200}, "200"),
        ({"io": "magic"}, "magic"),
        ({"profile": "../x"}, "profile"),
    ],
)
def test_bad_input_is_refused_at_once_with_the_remedy(options: Any, named: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        MultiChat(**{"profile": ":memory:", **options})
    assert named in str(caught.value)


def test_an_unknown_option_is_named_with_the_one_that_was_meant() -> None:
    with pytest.raises(UnknownOptionError, match="did you mean 'nickname'") as caught:
        MultiChat(nicname="ada")
    assert isinstance(caught.value, TypeError)


def test_one_address_alone_is_a_list_of_one(make_chat: Any) -> None:
    assert [config.url for config in make_chat("ws://h:1", autoconnect=False).servers] == ["ws://h:1/ws"]


def test_servers_may_be_addresses_dicts_or_entries(make_chat: Any) -> None:
    config = ServerConfig(id="c", name="C", url="ws://c")
    chat = make_chat(["ws://a", {"url": "ws://b", "name": "B", "enabled": False}, config], autoconnect=False)
    assert [(server.label, server.enabled) for server in chat.servers] == [("a", True), ("B", False), ("C", True)]
    assert chat.server_count == 2


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, make_chat: Any) -> None:
    monkeypatch.setenv("MULTICHAT_TOKEN", "s3cret-token")
    chat = make_chat(["ws://127.0.0.1:9"], autoconnect=False)
    assert chat.get_state()["_settings"]["has_token"] is True
    assert next(iter(chat.statuses.values())).error == ""


async def test_counts_are_true_as_soon_as_the_message_is_there_and_observers_are_told(
    chat: MultiChat, server: LocalServer
) -> None:
    assert (chat.connected_count, chat.server_count, chat.pending_count) == (1, 1, 0)
    seen = []
    chat.observe(lambda change: seen.append(change["new"]), "pending_count")
    agent = ask(server)
    message = await chat.wait_for(kind="question", timeout=5)
    assert (chat.pending_count, chat.unread_count) == (1, 1)
    await until(lambda: seen == [1])
    await chat.reply(message, "yes")
    assert chat.pending_count == 0
    assert (await agent).text == "yes"
    await until(lambda: seen == [1, 0])


async def test_a_report_is_confirmed_without_words(chat: MultiChat, server: LocalServer) -> None:
    agent = asyncio.ensure_future(AgentClient(server.url, "s3cret-token").work_report("Done."))
    message = await chat.wait_for(kind="report", timeout=5)
    assert (await chat.confirm(message)).status == "confirmed"
    assert (await agent).text == "Confirmed."


async def test_a_decorated_function_answers(chat: MultiChat, server: LocalServer) -> None:
    @chat.on_message(kind="question", server="Work")
    async def answer(message: Any) -> Any:
        return f"yes to {message.text}"

    assert (await ask(server)).text == "yes to Deploy?"


async def test_a_bare_decorator_hears_everything(chat: MultiChat, server: LocalServer) -> None:
    heard = []

    @chat.on_message
    def listen(message: Any) -> None:
        heard.append(message.text)

    agent = ask(server)
    await until(lambda: heard == ["Deploy?"])
    agent.cancel()


async def test_the_stream_yields_messages(chat: MultiChat, server: LocalServer) -> None:
    agent = ask(server)
    async for message in chat.stream(kind="question"):
        await chat.reply(message, "streamed")
        break
    assert (await agent).text == "streamed"


async def test_neither_token_nor_text_is_in_what_the_notebook_saves_or_shows(
    chat: MultiChat, server: LocalServer
) -> None:
    agent = ask(server, "a private question")
    message = await chat.wait_for(kind="question", timeout=5)
    await chat.reply(message, "a private answer")
    await agent
    await until(lambda: not chat._sync._scheduled)
    state = {key: value for key, value in chat.get_state().items() if key not in ("_esm", "_css")}
    shown = json.dumps(state, default=str) + repr(chat) + str(chat._repr_mimebundle_())
    assert "s3cret" not in shown
    assert "private" not in shown
    assert "Work" in shown


async def test_widgets_of_one_profile_share_their_connections(server: LocalServer, make_chat: Any) -> None:
    one = make_chat([server.url], token="t", profile="shared")
    two = make_chat(profile="shared")
    await two.connect()
    assert (one.connected_count, two.connected_count) == (1, 1)
    watcher = make_chat([server.url], token="t", nickname="watcher")
    await watcher.connect()
    assert len(watcher.users) == 1
    one.close()
    assert two.connected_count == 1
    two.close()
    await until(lambda: not watcher.users, seconds=2)


async def test_a_cell_that_names_other_servers_changes_the_living_hub(server: LocalServer, make_chat: Any) -> None:
    one = make_chat(["ws://127.0.0.1:9"], token="t", profile="shared")
    before = one.servers[0].id
    two = make_chat(["ws://127.0.0.1:9", server.url], profile="shared", nickname="new")
    await two.connect()
    assert one.servers[0].id == before
    assert (one.connected_count, one.server_count, one.nickname) == (1, 2, "new")


def test_what_the_caller_gives_is_not_written_to_the_profile(make_chat: Any, tmp_path: Path) -> None:
    chat = make_chat(["ws://127.0.0.1:9"], token="s3cret-token", profile="default", autoconnect=False)
    chat.add_server("ws://127.0.0.1:10")
    chat.set_token("s3cret-other")
    chat.close()
    assert not (tmp_path / "config" / "default.json").exists()
    for file in filter(Path.is_file, tmp_path.rglob("*")):
        assert b"s3cret" not in file.read_bytes()


@pytest.mark.parametrize("form", ["list", "object", "settings of the desktop client"])
def test_a_list_of_the_desktop_client_is_imported_as_it_is(make_chat: Any, tmp_path: Path, form: Any) -> None:
    entries = [
        {"id": "0f8e", "name": "Work", "url": "ws://127.0.0.1:9/ws", "isEnabled": False},
        {"id": "77aa", "name": "", "url": "ws://127.0.0.1:10", "isEnabled": True},
    ]
    forms = {"list": entries, "object": {"server_configs": entries}}
    path = tmp_path / "servers.json"
    path.write_text(json.dumps(forms.get(form, {"flutter.server_configs": json.dumps(entries)})))
    chat = make_chat(["ws://127.0.0.1:10"], autoconnect=False)
    (added,) = chat.import_servers(path)
    assert (added.id, added.label, added.enabled) == ("0f8e", "Work", False)
    assert chat.import_servers(str(path)) == ()
    assert [server.enabled for server in make_chat(entries, autoconnect=False).servers] == [False, True]


def test_a_file_without_servers_is_refused_by_its_name(make_chat: Any, tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    chat = make_chat([], autoconnect=False)
    for text in ("not json", "{}", "[1, 2]"):
        path.write_text(text)
        with pytest.raises(ConfigError, match=r"notes\.json"):
            chat.import_servers(path)


def test_what_comes_from_the_profile_is_written_back(make_chat: Any) -> None:
    chat = make_chat(profile="default", nickname=None, autoconnect=False)
    chat.add_server("ws://127.0.0.1:9", "Work")
    chat.set_token("s3cret-token")
    chat.set_nickname("ada")
    chat.close()
    again = make_chat(profile="default", nickname=None, autoconnect=False)
    assert [server.label for server in again.servers] == ["Work"]
    assert again.nickname == "ada"
    assert again.get_state()["_settings"]["has_token"]


def test_a_closed_widget_says_so(make_chat: Any) -> None:
    chat = make_chat(["ws://h"], autoconnect=False)
    chat.close()
    chat.close()
    with pytest.raises(ClosedError, match=r"MultiChat\(\)"):
        chat.add_server("ws://x")


async def test_every_error_has_one_base(chat: MultiChat) -> None:
    for action in (
        lambda: chat.reply("nothing", "x"),
        lambda: chat.send("nobody@Work", "x"),
        lambda: chat.reconnect("Mars"),
        lambda: chat.messages.where(kind="mail"),
        lambda: chat.on_message(kind="mail"),
        lambda: chat.add_server("x"),
        lambda: chat.set_token(""),
    ):
        with pytest.raises(MultiChatError):
            action()


async def test_the_log_is_exported_as_json_lines_and_as_a_frame(
    chat: MultiChat, server: LocalServer, tmp_path: Path
) -> None:
    agent = ask(server)
    message = await chat.wait_for(timeout=5)
    await chat.reply(message, "yes")
    await agent
    lines = chat.export(tmp_path / "log.jsonl").read_text().splitlines()
    assert [(row["text"], row["reply"]["contents"][0]["text"], row["status"]) for row in map(json.loads, lines)] == [
        ("Deploy?", "yes", "replied")
    ]
    frame = chat.to_dataframe()
    assert frame.loc[0, "reply"] == "yes"
    assert str(frame["created_at"].dtype).endswith("UTC]")
