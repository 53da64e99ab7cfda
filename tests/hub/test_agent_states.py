"""What a server says of the agents behind the questions, and of itself, as the person has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from frames import agent_state, answered, cancelled, notice, question
from inboxes import MakeChat
from teller import Teller, telling
from waiting import until

from ipymultichat.agent import AgentClient
from ipymultichat.errors import DeliveryError
from ipymultichat.hub import Chat
from ipymultichat.model import Message
from ipymultichat.server import LocalServer

DOWN = "The server's database cannot be reached; answers wait here until it is back."


@pytest.fixture
async def teller() -> AsyncIterator[Teller]:
    async with telling() as server:
        yield server


@pytest.fixture
async def inbox(teller: Teller, make_chat: MakeChat) -> Chat:
    """Connected to a server on which one question waits."""
    teller.waits.append("q1")
    chat = make_chat({"url": teller.url, "name": "Work"}, profile="agents")
    await chat.connect()
    return chat


def only(chat: Chat) -> Message:
    (message,) = chat.messages
    return message


def states(chat: Chat) -> Callable[[str, str], bool]:
    """Whether the one message has this status and this state of its agent."""
    return lambda status, state: (only(chat).status, only(chat).agent_state) == (status, state)


async def told(chat: Chat, teller: Teller) -> None:
    """Return once the inbox has taken in all that was said before."""
    teller.say(question("last", "And this?"), cancelled("last"))
    await until(lambda: any(m.request_id == "last" and m.status in ("cancelled", "expired") for m in chat.messages))


async def test_an_agent_goes_away_and_comes_back_while_its_question_waits(inbox: Chat, teller: Teller) -> None:
    assert states(inbox)("pending", "")
    teller.say(agent_state("away", "q1"))
    await until(lambda: states(inbox)("pending", "away"))
    assert [message.request_id for message in inbox.messages.pending] == ["q1"]
    assert inbox.pending_count == 1
    teller.say(agent_state("back", "q1"))
    await until(lambda: states(inbox)("pending", ""))


async def test_an_answer_is_kept_for_the_agent_until_it_fetches_it(inbox: Chat, teller: Teller) -> None:
    teller.say(agent_state("away", "q1"))
    await until(lambda: states(inbox)("pending", "away"))
    teller.on_reply = [agent_state("kept", "q1")]  # comes before the reply is proved
    delivery = inbox.reply(only(inbox), "yes")
    await until(lambda: states(inbox)("sending", "kept"))
    message = await delivery
    assert (message.status, message.agent_state) == ("replied", "kept")
    assert inbox.where(status="replied") == [message]
    teller.say(agent_state("back", "q1"), agent_state("fetched", "q1"))
    await until(lambda: states(inbox)("replied", "fetched"))


async def test_word_that_an_answer_is_kept_may_come_before_or_after_the_answer_of_somebody_else(
    inbox: Chat, teller: Teller
) -> None:
    teller.waits.append("q2")
    teller.say(question("q2"), agent_state("away", "q1", "q2"))
    teller.waits.clear()
    teller.say(agent_state("kept", "q1"), answered("q1", taken=True))
    teller.say(answered("q2", taken=True), agent_state("kept", "q2"))
    await until(lambda: [(m.status, m.agent_state) for m in inbox.messages] == [("replied", "kept")] * 2)


async def test_a_question_that_ends_otherwise_says_nothing_of_its_agent(inbox: Chat, teller: Teller) -> None:
    teller.say(agent_state("away", "q1"), cancelled("q1"), agent_state("away", "q1"), agent_state("kept", "q1"))
    await told(inbox, teller)
    assert (inbox.messages[0].status, inbox.messages[0].agent_state) == ("expired", "")


async def test_requests_of_others_are_never_shown(inbox: Chat, teller: Teller) -> None:
    before = only(inbox)
    teller.say(*(agent_state(word, "theirs", "", "q2") for word in ("away", "back", "kept", "fetched")))
    await told(inbox, teller)
    assert inbox.messages[0] == before
    assert [message.request_id for message in inbox.messages] == ["q1", "last"]


async def test_after_a_reconnect_what_the_server_says_then_is_what_holds(inbox: Chat, teller: Teller) -> None:
    teller.waits.append("q2")
    teller.say(question("q2"), agent_state("away", "q1", "q2"))
    await until(lambda: [m.agent_state for m in inbox.messages] == ["away", "away"])
    teller.after_list = [agent_state("away", "q2")]  # the agent of the first came back meanwhile
    teller.cut()
    await until(lambda: [m.agent_state for m in sorted(inbox.messages, key=lambda m: m.request_id)] == ["", "away"])


async def test_the_next_kernel_knows_it_and_learns_what_changed_meanwhile(
    inbox: Chat, teller: Teller, make_chat: MakeChat, tmp_path: Path
) -> None:
    teller.on_reply = [agent_state("kept", "q1")]
    kept = await inbox.reply(only(inbox), "yes")
    inbox.close()
    second = make_chat({"url": teller.url, "name": "Work"}, profile="agents")
    assert only(second) == replace(kept, live=False)
    assert second.to_dataframe()["agent_state"].tolist() == ["kept"]
    second.export(tmp_path / "log.jsonl")
    assert '"agent_state": "kept"' in (tmp_path / "log.jsonl").read_text("utf-8")
    teller.after_list = [agent_state("fetched", "q1")]
    await second.connect()
    await until(lambda: states(second)("replied", "fetched"))


async def test_what_a_server_says_of_itself_stands_beside_its_status_until_it_ends(inbox: Chat, teller: Teller) -> None:
    server_id = inbox.servers[0].id
    teller.say(notice("Something else."), notice(DOWN))
    await until(lambda: inbox.statuses[server_id].notice == DOWN)
    assert inbox.statuses[server_id].state == "connected"
    assert inbox.notices == (f"Work: {DOWN}",)
    teller.say(notice(""))
    await until(lambda: not inbox.statuses[server_id].notice)
    assert not inbox.notices


async def test_what_a_server_says_of_itself_ends_with_its_connection(inbox: Chat, teller: Teller) -> None:
    server_id = inbox.servers[0].id
    for end in (teller.cut, lambda: inbox.update_server(server_id, enabled=False)):
        teller.say(notice(DOWN))
        await until(lambda: inbox.notices == (f"Work: {DOWN}",))
        end()
        await until(lambda: not inbox.notices)
        assert not inbox.statuses[server_id].notice
        await until(lambda: inbox.statuses[server_id].state in ("connected", "disconnected"))


async def test_the_second_to_answer_sees_whose_answer_won_and_keeps_their_text(
    chat: Chat, make_chat: MakeChat, work: LocalServer
) -> None:
    other = make_chat(work.url, nickname="bob")
    await other.connect()
    agent = asyncio.ensure_future(AgentClient(work.url, "tok").ask_question("Deploy?"))
    (mine,) = await until(lambda: chat.messages.pending)
    (theirs,) = await until(lambda: other.messages.pending)
    both = {"me": (chat, chat.reply(mine, "from me")), "bob": (other, other.reply(theirs, "from bob"))}
    won = (await agent).text.removeprefix("from ")
    (loser,) = both.keys() - {won}
    inbox, delivery = both[loser]
    with pytest.raises(DeliveryError, match=f"^{won} answered before"):
        await delivery
    message = only(inbox)
    assert message.reply is not None
    assert (message.status, message.reply.by, message.reply.text) == ("replied", won, f"from {won}")
    assert not message.reply.mine
    assert [part.text for part in message.draft if hasattr(part, "text")] == [f"from {loser}"]
    assert (await both[won][1]).status == "replied"
