from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import Any

import pytest
from inboxes import hub_of
from tab import Tab
from waiting import until

from ipymultichat import MultiChat
from ipymultichat.agent import AgentClient
from ipymultichat.model import Message, MessageKind, MessageStatus, Option, Question
from ipymultichat.server import LocalServer
from ipymultichat.session import events as s
from ipymultichat.wire.events import User


@pytest.fixture
def tab(chat: MultiChat) -> Any:
    return Tab(chat)


@pytest.fixture
async def asked(server: LocalServer, chat: MultiChat) -> Any:
    """Five questions that wait."""
    client = AgentClient(server.url, "s3cret-token", agent_name="claude")
    calls = [asyncio.ensure_future(client.ask_question(f"q{number}")) for number in range(5)]
    await until(lambda: chat.pending_count == 5 and not chat._sync._scheduled)
    yield calls
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)


def keys(frame: Any) -> Any:
    return [message["text"] for message in frame["messages"]]


async def test_nothing_is_sent_before_a_browser_asks(tab: Tab, asked: Any) -> None:
    assert tab.frames == []  # though the changes of five questions have gone through


async def test_a_snapshot_holds_the_page_the_users_and_the_place_in_the_stream(tab: Tab, asked: Any) -> None:
    tab.say(type="sync", client="tab")
    (snapshot,) = tab.of("snapshot")
    assert sorted(keys(snapshot)) == ["q0", "q1", "q2", "q3", "q4"]
    assert (snapshot["client"], snapshot["more"], snapshot["users"]) == ("tab", False, [])
    orders = [tuple(message["order"]) for message in snapshot["messages"]]
    assert orders == sorted(orders)


async def test_changes_come_as_numbered_patches_that_hold_only_what_changed(
    tab: Tab, asked: Any, chat: MultiChat
) -> None:
    tab.say(type="sync", client="tab")
    await chat.reply(chat.messages.pending[0], "yes")
    await until(lambda: any(m["status"] == "replied" for frame in tab.of("patch") for m in frame["upsert"]))
    patches = tab.of("patch")
    start = tab.of("snapshot")[0]["seq"]
    assert [patch["seq"] for patch in patches] == list(range(start + 1, start + 1 + len(patches)))
    assert {patch["epoch"] for patch in patches} == {tab.of("snapshot")[0]["epoch"]}
    assert all(len(patch["upsert"]) <= 1 for patch in patches)
    assert patches[-1]["upsert"][0]["reply"]["text"] == "yes"


async def test_the_first_change_after_a_pause_is_told_at_once_and_the_next_ones_wait_for_their_frame(
    tab: Tab, chat: MultiChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: not chat._sync._scheduled)
    monkeypatch.setattr("ipymultichat.widget.sync.FRAME", 3600.0)
    chat._sync._flushed = -3600.0  # an hour ago, whenever the machine was started
    tab.say(type="sync", client="tab")
    chat._sync.on_change("messages", "first")
    await until(lambda: tab.of("patch"))
    chat._sync.on_change("messages", "second")
    chat._sync.on_change("messages", "third")
    for _ in range(10):
        await asyncio.sleep(0)
    assert [patch["remove"] for patch in tab.of("patch")] == [["first"]]


async def test_a_flood_is_coalesced_into_few_frames(tab: Tab, chat: MultiChat, server: LocalServer) -> None:
    tab.say(type="sync", client="tab")
    sent = []
    send_state = chat.send_state

    def note(key: Any = None) -> None:
        sent.append(key)
        send_state(key)

    chat.send_state = note
    client = AgentClient(server.url, "s3cret-token")
    calls = [asyncio.ensure_future(client.ask_question(f"q{number}")) for number in range(100)]
    await until(lambda: sum(len(patch["upsert"]) for patch in tab.of("patch")) == 100)
    assert len(tab.of("patch")) < 50
    assert len(sent) < 100
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)


async def test_pages_walk_back_through_the_log(tab: Tab, asked: Any) -> None:
    tab.say(type="page", client="tab", ref=1, before=None, limit=2)
    (newest,) = await until(lambda: tab.of("page"))
    assert (len(newest["messages"]), newest["more"]) == (2, True)
    tab.say(type="page", client="tab", ref=2, before=newest["messages"][0]["order"], limit=10)
    older = (await until(lambda: tab.of("page")[1:]))[0]
    assert (len(older["messages"]), older["more"], older["ref"]) == (3, False, 2)


async def test_what_had_to_make_room_leaves_the_browser_too(
    tab: Tab, chat: MultiChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab.say(type="sync", client="tab")
    monkeypatch.setattr(hub_of(chat).inbox, "_trim_messages", 3)
    monkeypatch.setattr(hub_of(chat).inbox, "_max_messages", 3)
    now = datetime.now(timezone.utc)
    for number in range(5):
        message = Message(f"m{number}", MessageKind.CHAT, "s", "S", f"m{number}", "x", now, MessageStatus.RECEIVED)
        hub_of(chat).inbox.add(message, received_at=now)
    await until(lambda: tab.of("patch"))
    (patch,) = tab.of("patch")
    here = {message.id for message in chat.messages}
    assert {message["id"] for message in patch["upsert"]} == here
    assert set(patch["remove"]) == {f"m{number}" for number in range(5)} - here != set()


async def test_a_search_covers_the_whole_log_and_ignores_case(tab: Tab, asked: Any) -> None:
    tab.say(type="page", client="tab", ref=1, before=None, limit=10, filter={"search": "Q3", "pending": True})
    assert keys((await until(lambda: tab.of("page")))[0]) == ["q3"]


async def test_a_page_of_one_agent_project_or_option_holds_nothing_else(
    tab: Tab, chat: MultiChat, server: LocalServer
) -> None:
    def question(text: str, agent: str, project: str, *labels: str) -> Any:
        client = AgentClient(server.url, "s3cret-token", agent_name=agent)
        choice = [Question(text, "", tuple(Option(label) for label in labels))] if labels else []
        asked = client.ask_question(text, questions=choice, project_directory=project)
        return asyncio.ensure_future(asked)

    async def found(ref: int, conditions: dict[str, str]) -> Any:
        tab.say(type="page", client="tab", ref=ref, before=None, limit=10, filter=conditions)
        return keys((await until(lambda: tab.of("page")[ref:]))[0])

    calls = [question("one", "ada", "/srv/a"), question("two", "bob", "/srv/b", "Parquet", "CSV")]
    await until(lambda: chat.pending_count == 2)
    assert await found(0, {"agent": "ada"}) == ["one"]
    assert await found(1, {"project": "/srv/b"}) == ["two"]
    assert await found(2, {"search": "parq"}) == ["two"]
    assert await found(3, {"status": "replied"}) == []
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)


async def test_a_reply_from_the_browser_reaches_its_agent(tab: Tab, asked: Any, chat: MultiChat) -> None:
    tab.say(type="sync", client="tab")
    message = next(m for m in tab.of("snapshot")[0]["messages"] if m["text"] == "q2")
    assert (await tab.command("reply", message_id=message["id"], text="from the browser"))["ok"]
    assert (await asked[2]).text == "from the browser"
    assert [call.done() for call in asked] == [False, False, True, False, False]


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("reply", {"message_id": "nothing", "text": "x"}, "no message"),
        ("reply", {"message_id": 5, "text": "x"}, "must be text"),
        ("send", {"server_id": "mars", "nickname": "ada", "text": "x"}, "no server"),
        ("add_server", {"url": "http://x"}, "ws://x"),
        ("remove_server", {"server_id": "mars"}, "no server"),
        ("set_token", {"token": ""}, "empty"),
        ("set_nickname", {"nickname": ""}, "empty"),
        ("explode", {}, "unknown command"),
    ],
)
async def test_a_command_that_cannot_be_done_says_why(tab: Tab, name: Any, args: Any, words: Any) -> None:
    result = await tab.command(name, **args)
    assert result["ok"] is False
    assert words in result["error"]


async def test_an_address_is_checked_as_it_is_typed(tab: Tab) -> None:
    assert (await tab.command("check_url", url="ws://h"))["value"] == {"ok": True, "url": "ws://h/ws", "reason": ""}
    assert "ws://" in (await tab.command("check_url", url="h"))["value"]["reason"]


async def test_servers_are_managed_from_the_browser(tab: Tab, chat: MultiChat) -> None:
    assert (await tab.command("add_server", url="ws://127.0.0.1:9", name="Nine"))["ok"]
    added = chat.servers[-1]
    assert (await tab.command("update_server", server_id=added.id, name="Neun", enabled=False))["ok"]
    assert (chat.servers[-1].label, chat.servers[-1].enabled) == ("Neun", False)
    assert (await tab.command("reconnect", server_id=None))["ok"]
    assert (await tab.command("remove_server", server_id=added.id))["ok"]
    assert len(chat.servers) == 1


async def test_a_servers_own_token_goes_in_and_only_that_it_is_there_comes_out(tab: Tab, chat: MultiChat) -> None:
    assert (await tab.command("add_server", url="ws://127.0.0.1:9", name="Nine", token="s3cret-own"))["ok"]
    added = chat.servers[-1]
    assert added.token is not None
    await until(lambda: [form["own_token"] for form in chat.get_state()["_servers"]] == [False, True])
    assert "s3cret" not in str(chat.get_state())
    assert (await tab.command("update_server", server_id=added.id, token=""))["ok"]
    assert chat.servers[-1].token is None


async def test_the_token_never_travels_back(tab: Tab, chat: MultiChat) -> None:
    assert (await tab.command("set_token", token="s3cret-new"))["ok"]
    tab.say(type="sync", client="tab")
    await chat.connect()
    assert "s3cret" not in str(tab.frames)
    assert "s3cret" not in str(
        [chat.get_state()["_servers"], chat.get_state()["_settings"], chat.get_state()["_notices"]]
    )


async def test_what_was_in_view_is_read(tab: Tab, asked: Any, chat: MultiChat) -> None:
    tab.say(type="sync", client="tab")
    upto = tab.of("snapshot")[0]["messages"][2]["order"]
    await tab.command("seen", upto=upto)
    assert chat.unread_count == 2


@pytest.mark.parametrize(
    "garbage",
    [None, 5, "text", [], {}, {"type": "fly"}, {"type": "page", "before": "x", "filter": 3}, {"type": "command"}],
)
async def test_garbage_from_the_browser_harms_nothing(chat: MultiChat, tab: Tab, garbage: Any) -> None:
    chat._sync.receive(garbage)
    tab.say(type="sync", client="tab")
    assert len(tab.of("snapshot")) == 1


async def test_people_coming_and_going_are_patched(
    tab: Tab, chat: MultiChat, server: LocalServer, make_chat: Any
) -> None:
    tab.say(type="sync", client="tab")
    ada = make_chat([server.url], token="s3cret-token", nickname="ada")
    await ada.connect()
    await until(lambda: any(patch.get("users") for patch in tab.of("patch")))
    ada.close()
    await until(lambda: tab.of("patch")[-1].get("users") == [])


async def test_of_a_crowd_a_browser_holds_some_and_hears_only_of_changes_among_them(tab: Tab, chat: MultiChat) -> None:
    hub = hub_of(chat)
    server_id = chat.servers[0].id
    hub.on_event(server_id, s.UsersListed(tuple(User(f"id-{n}", f"person {n}") for n in range(2_000))))
    await until(lambda: not chat._sync._scheduled)
    tab.say(type="sync", client="tab")
    (snapshot,) = tab.of("snapshot")
    assert (len(snapshot["users"]), snapshot["user_count"]) == (500, 2_000)
    hub.on_event(server_id, s.UserChanged(User("id-7", "person 7"), online=False))
    hub.on_event(server_id, s.UserChanged(User("id-1999", "person 1999"), online=False))
    (patch,) = await until(lambda: tab.of("patch"))
    assert patch["users_gone"] == [{"server_id": server_id, "client_id": "id-7"}]
    assert [user["client_id"] for user in patch["users"]] == ["id-500"]  # there is room for another
    assert patch["user_count"] == 1_998


async def test_somebody_looked_for_by_name_comes_into_the_window(tab: Tab, chat: MultiChat) -> None:
    hub = hub_of(chat)
    server_id = chat.servers[0].id
    hub.on_event(server_id, s.UsersListed(tuple(User(f"id-{n}", f"Person {n}") for n in range(2_000))))
    tab.say(type="sync", client="tab")
    tab.say(type="people", client="tab", search="person 1234")
    await until(lambda: tab.of("patch"))
    found = [user["nickname"] for patch in tab.of("patch") for user in patch["users"]]
    assert found == ["Person 1234"]
    assert [gone["client_id"] for patch in tab.of("patch") for gone in patch["users_gone"]] == ["id-499"]


async def test_of_a_long_text_a_browser_gets_the_beginning_and_fetches_the_rest(tab: Tab, chat: MultiChat) -> None:
    now = datetime.now(timezone.utc)
    text = "é" * 600_000
    message = Message("m", MessageKind.CHAT, "s", "S", "m", text, now, MessageStatus.RECEIVED)
    hub_of(chat).inbox.add(message, received_at=now)
    tab.say(type="sync", client="tab")
    (shown,) = tab.of("snapshot")[0]["messages"]
    assert (shown["text"], shown["length"]) == (text[:16_384], 600_000)
    fetched = b""
    for _ in range(2):
        frame = await tab.ask(type="fetch", client="tab", message_id="m", text=True, offset=len(fetched))
        assert frame["size"] == 1_200_000
        fetched += frame["buffers"][0]
    assert fetched.decode() == text


async def test_a_browser_sees_the_rules_and_pauses_one(chat: MultiChat, server: LocalServer) -> None:
    tab = Tab(chat)
    chat.on_message(kind="question", server="Work")(lambda _message: "yes")
    (rule,) = chat.rules
    assert await AgentClient(server.url, "s3cret-token").ask_question("?")
    shown = {"id": rule.id, "name": "<lambda>", "wanted": "kind='question', server='Work'", "matched": 1}
    await until(lambda: chat.get_state()["_rules"] == [{**shown, "paused": False}])
    assert (await tab.command("pause_rule", rule=rule.id, paused=True))["ok"]
    assert rule.paused
    await until(lambda: chat.get_state()["_rules"] == [{**shown, "paused": True}])
    assert (await tab.command("pause_rule", rule=rule.id, paused=False))["ok"]
    rule.remove()
    await until(lambda: chat.get_state()["_rules"] == [])
    assert (await tab.command("pause_rule", rule=rule.id, paused=True))["error"] == "this rule is there no more"
