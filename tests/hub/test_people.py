import asyncio

import pytest
from waiting import until

from ipymultichat.errors import AmbiguousUserError, ConfigError, DeliveryError, UnknownServerError, UnknownUserError


@pytest.fixture
async def ada(work, make_hub):
    made = make_hub(work.url, nickname="ada")
    await made.connect()
    return made


async def test_people_online_carry_their_server(hub, ada):
    (user,) = await until(lambda: hub.users)
    assert (user.title, user.nickname, user.server_name) == ("ada@Work", "ada", "Work")


async def test_the_same_name_on_two_servers_is_two_people(hub, ada, home, make_hub):
    twin = make_hub(home.url, nickname="ada")
    await twin.connect()
    await until(lambda: len(hub.users) == 2)
    assert {user.title for user in hub.users} == {"ada@Home", "ada@Work"}
    await hub.send("ada@Home", "to home")
    assert [message.text for message in twin.messages] == ["to home"]
    assert list(ada.messages) == []


async def test_chat_goes_there_and_back(hub, ada):
    await until(lambda: hub.users)
    sent = await hub.send("ada@Work", "lunch?")
    assert (sent.status, sent.mine, sent.title) == ("sent", True, "Chat with ada@Work")
    (received,) = await until(lambda: list(ada.messages))
    assert (received.text, received.sender, received.status, received.mine) == ("lunch?", "me", "received", False)
    await ada.send(next(user for user in ada.users), "yes")
    assert [message.text for message in await until(lambda: hub.messages.where(status="received"))] == ["yes"]


async def test_a_burst_of_chat_arrives_whole_and_in_order(hub, ada):
    await until(lambda: hub.users)
    await asyncio.gather(*(hub.send("ada@Work", f"{number}") for number in range(40)))
    await until(lambda: len(ada.messages) == 40)
    assert [message.text for message in ada.messages] == [f"{number}" for number in range(40)]


async def test_somebody_who_left_gets_a_failed_message_with_its_text_kept(hub, ada):
    (user,) = await until(lambda: hub.users)
    await hub.send(user, "hi")
    ada.close()
    await until(lambda: not hub.users)
    for receiver in (user, "ada@Work"):
        with pytest.raises(DeliveryError, match="ada is not online") as caught:
            await hub.send(receiver, "still there?")
        assert (caught.value.message.text, caught.value.message.status) == ("still there?", "failed")


async def test_somebody_who_came_back_is_found_by_name(hub, ada, work, make_hub):
    (before,) = await until(lambda: hub.users)
    ada.close()
    again = make_hub(work.url, nickname="ada")
    await again.connect()
    await until(lambda: hub.users and hub.users[0].client_id != before.client_id)
    await hub.send(before, "welcome back")
    assert [message.text for message in again.messages] == ["welcome back"]


async def test_two_people_of_one_name_on_one_server_must_be_told_apart(hub, ada, work, make_hub):
    twin = make_hub(work.url, nickname="ada")
    await twin.connect()
    await until(lambda: len(hub.users) == 2)
    with pytest.raises(AmbiguousUserError, match="2 people"):
        hub.send("ada@Work", "hi")
    for user in hub.users:
        await hub.send(user, "hi")
    assert len(ada.messages) == len(twin.messages) == 1


async def test_a_new_nickname_is_seen_by_others_without_a_reconnect(hub, ada):
    await until(lambda: ada.users)
    before = ada.users[0].client_id
    hub.set_nickname("zoe")
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
async def test_an_unknown_receiver_is_refused_with_who_is_there(hub, ada, to, error, named):
    await until(lambda: hub.users)
    with pytest.raises(error, match=named):
        hub.send(to, "hi")
    assert len(hub.messages) == 0


@pytest.mark.parametrize("text", ["", "  ", None, "bad \ud800"])
async def test_a_message_without_usable_text_is_refused(hub, ada, text):
    await until(lambda: hub.users)
    with pytest.raises(ValueError, match=r"empty|Unicode"):
        hub.send("ada@Work", text)


async def test_names_and_labels_may_hold_an_at_sign(work, make_hub):
    odd = make_hub(work.url, nickname="a@b")
    await odd.connect()
    hub = make_hub({"url": work.url, "name": "x@y"})
    await hub.connect()
    await hub.send("a@b@x@y", "hi")
    assert len(odd.messages) == 1


async def test_an_empty_nickname_is_refused(hub):
    with pytest.raises(ConfigError):
        hub.set_nickname(" ")
