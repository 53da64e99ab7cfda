from __future__ import annotations

import asyncio
import html
from typing import Any

import pytest
from inboxes import MakeChat
from IPython.lib.pretty import pretty
from waiting import until

from ipymultichat.errors import AmbiguousUserError, ConfigError, DeliveryError, UnknownServerError, UnknownUserError
from ipymultichat.hub import Chat
from ipymultichat.server import LocalServer


@pytest.fixture
async def ada(work: LocalServer, make_chat: MakeChat) -> Any:
    made = make_chat(work.url, nickname="ada")
    await made.connect()
    return made


async def test_people_online_carry_their_server(chat: Chat, ada: Any) -> None:
    (user,) = await until(lambda: chat.users)
    assert (user.title, user.nickname, user.server_name) == ("ada@Work", "ada", "Work")


async def test_the_same_name_on_two_servers_is_two_people(
    chat: Chat, ada: Any, home: LocalServer, make_chat: MakeChat
) -> None:
    twin = make_chat(home.url, nickname="ada")
    await twin.connect()
    await until(lambda: len(chat.users) == 2)
    assert {user.title for user in chat.users} == {"ada@Home", "ada@Work"}
    await chat.send("ada@Home", "to home")
    assert [message.text for message in twin.messages] == ["to home"]
    assert list(ada.messages) == []


async def test_chat_goes_there_and_back(chat: Chat, ada: Any) -> None:
    await until(lambda: chat.users)
    sent = await chat.send("ada@Work", "lunch?")
    assert (sent.status, sent.mine, sent.title) == ("sent", True, "Chat with ada@Work")
    (received,) = await until(lambda: list(ada.messages))
    assert (received.text, received.sender, received.status, received.mine) == ("lunch?", "me", "received", False)
    await ada.send(next(user for user in ada.users), "yes")
    assert [message.text for message in await until(lambda: chat.messages.where(status="received"))] == ["yes"]


async def test_a_burst_of_chat_arrives_whole_and_in_order(chat: Chat, ada: Any) -> None:
    await until(lambda: chat.users)
    await asyncio.gather(*(chat.send("ada@Work", f"{number}") for number in range(40)))
    await until(lambda: len(ada.messages) == 40)
    assert [message.text for message in ada.messages] == [f"{number}" for number in range(40)]


async def test_somebody_who_left_gets_a_failed_message_with_its_text_kept(chat: Chat, ada: Any) -> None:
    (user,) = await until(lambda: chat.users)
    await chat.send(user, "hi")
    ada.close()
    await until(lambda: not chat.users)
    for receiver in (user, "ada@Work"):
        with pytest.raises(DeliveryError, match="ada is not online") as caught:
            await chat.send(receiver, "still there?")
        assert (caught.value.message.text, caught.value.message.status) == ("still there?", "failed")


async def test_somebody_who_came_back_is_found_by_name(
    chat: Chat, ada: Any, work: LocalServer, make_chat: MakeChat
) -> None:
    (before,) = await until(lambda: chat.users)
    ada.close()
    again = make_chat(work.url, nickname="ada")
    await again.connect()
    await until(lambda: chat.users and chat.users[0].client_id != before.client_id)
    await chat.send(before, "welcome back")
    assert [message.text for message in again.messages] == ["welcome back"]


async def test_two_people_of_one_name_on_one_server_must_be_told_apart(
    chat: Chat, ada: Any, work: LocalServer, make_chat: MakeChat
) -> None:
    twin = make_chat(work.url, nickname="ada")
    await twin.connect()
    await until(lambda: len(chat.users) == 2)
    with pytest.raises(AmbiguousUserError, match="2 people"):
        chat.send("ada@Work", "hi")
    for user in chat.users:
        await chat.send(user, "hi")
    assert len(ada.messages) == len(twin.messages) == 1


async def test_a_new_nickname_is_seen_by_others_without_a_reconnect(chat: Chat, ada: Any) -> None:
    await until(lambda: ada.users)
    before = ada.users[0].client_id
    chat.set_nickname("zoe")
    await until(lambda: [user.nickname for user in ada.users] == ["zoe"])
    assert ada.users[0].client_id == before


@pytest.mark.parametrize(
    ("to", "error", "named"),
    [
        ("nobody@Work", UnknownUserError, "ada@Work"),
        ("ada@Mars", UnknownServerError, "Home, Work"),
        ("ada", UnknownUserError, "nickname@server"),
    ],
)
async def test_an_unknown_receiver_is_refused_with_who_is_there(
    chat: Chat, ada: Any, to: Any, error: Any, named: Any
) -> None:
    await until(lambda: chat.users)
    with pytest.raises(error, match=named):
        chat.send(to, "hi")
    assert len(chat.messages) == 0


@pytest.mark.parametrize("text", ["", "  ", None, "bad \ud800"])
async def test_a_message_without_usable_text_is_refused(chat: Chat, ada: Any, text: Any) -> None:
    await until(lambda: chat.users)
    with pytest.raises(ValueError, match=r"empty|Unicode"):
        chat.send("ada@Work", text)


async def test_names_and_labels_may_hold_an_at_sign(work: LocalServer, make_chat: MakeChat) -> None:
    odd = make_chat(work.url, nickname="a@b")
    await odd.connect()
    chat = make_chat({"url": work.url, "name": "x@y"})
    await chat.connect()
    await chat.send("a@b@x@y", "hi")
    assert len(odd.messages) == 1


async def test_an_empty_nickname_is_refused(chat: Chat) -> None:
    with pytest.raises(ConfigError):
        chat.set_nickname(" ")


async def test_what_an_inbox_hands_out_is_plain_data_that_shows_itself_as_a_table(
    chat: Chat, work: LocalServer, make_chat: MakeChat
) -> None:
    ada = make_chat(work.url, nickname="ada")
    await ada.connect()
    await until(lambda: chat.users)
    chat.on_message(kind="report", server="Work")(print)
    delivery = chat.send("ada@Work", "lunch?")
    assert repr(delivery) == "<Delivery on its way: Chat with ada@Work, sending: lunch?>"
    await delivery
    assert repr(delivery) == "<Delivery settled: Chat with ada@Work, sent: lunch?>"
    assert chat.users == tuple(chat.users)
    assert chat.servers == tuple(chat.servers)
    assert chat.statuses == {config.id: chat.statuses[config.id] for config in chat.servers}
    assert [type(item).__mro__[2] for item in (chat.users, chat.servers, chat.statuses)] == [tuple, tuple, dict]
    assert chat.messages.where(kind="chat") == list(chat.messages)
    words: dict[str, Any] = {
        "ada@Work": chat.users,
        "connected": chat.statuses,
        work.url: chat.servers,
        "lunch?": chat.messages.where(kind="chat"),
        "no messages": chat.messages.pending,
        "kind='report', server='Work'": chat.rules,
    }
    for word, shown in words.items():
        assert word in repr(shown)
        assert html.escape(word) in shown._repr_html_()
    for log in (pretty(chat.messages), chat.messages._repr_html_()):
        assert "lunch?" in log
