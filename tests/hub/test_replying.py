from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any

import httpx
import pytest
from inboxes import MakeChat
from processes import ServerProcess
from quirks import Quirks, QuirkyServer
from waiting import until

from ipymultichat.agent import AgentClient
from ipymultichat.errors import ConfigError, DeliveryError, NotAnswerableError, UnknownMessageError
from ipymultichat.hub import Chat
from ipymultichat.model import ImageContent, Question, TextContent
from ipymultichat.model.forms import from_json, to_json
from ipymultichat.server import LocalServer


def ask(server: LocalServer, text: Any = "Deploy?", **options: Any) -> Any:
    return asyncio.ensure_future(AgentClient(server.url, "tok", agent_name="claude").ask_question(text, **options))


async def ask_with_id(server: LocalServer, request_id: Any, text: Any) -> Any:
    body = {"ID": request_id, "UserToken": "tok", "Request": {"Question": text, "Timeout": 30}}
    async with httpx.AsyncClient() as client:
        url = f"{server.http_url}/agentassistproto.SrvAgentAssist/AskQuestion"
        return (await client.post(url, json=body, timeout=40)).json()


async def pending(chat: Chat, count: Any = 1) -> Any:
    return await until(lambda: chat.messages.pending if len(chat.messages.pending) >= count else None)


async def test_a_question_is_tagged_with_its_server_and_the_answer_returns_to_its_agent(
    chat: Chat, work: LocalServer
) -> None:
    agent = ask(work)
    (message,) = await pending(chat)
    assert (message.server_name, message.kind, message.agent_name, message.text) == (
        "Work",
        "question",
        "claude",
        "Deploy?",
    )
    answered = await chat.reply(message, "yes")
    assert (answered.status, answered.reply.text, answered.reply.mine) == ("replied", "yes", True)
    assert (await agent).text == "yes"


async def test_a_report_is_confirmed(chat: Chat, home: LocalServer) -> None:
    agent = asyncio.ensure_future(AgentClient(home.url, "tok").work_report("Done."))
    (message,) = await pending(chat)
    assert message.kind == "report"
    assert (await chat.reply(message, "thanks")).status == "confirmed"
    assert (await agent).text == "thanks"


async def test_equal_ids_on_two_servers_stay_apart(chat: Chat, home: LocalServer, work: LocalServer) -> None:
    at_home = asyncio.ensure_future(ask_with_id(home, "same", "at home?"))
    at_work = asyncio.ensure_future(ask_with_id(work, "same", "at work?"))
    messages = {message.server_name: message for message in await pending(chat, 2)}
    await chat.reply(messages["Work"], "from work")
    assert (await at_work)["contents"][0]["text"]["text"] == "from work"
    assert [message.text for message in chat.messages.pending] == ["at home?"]
    assert not at_home.done()
    await chat.reply(messages["Home"], "from home")
    assert (await at_home)["contents"][0]["text"]["text"] == "from home"


async def test_structured_questions_and_attachments_arrive(chat: Chat, work: LocalServer) -> None:
    questions = [Question("Which?", "Fmt", custom=True)]
    agent = asyncio.ensure_future(AgentClient(work.url, "tok").ask_question(questions=questions))
    (message,) = await pending(chat)
    assert message.options[0].header == "Fmt"
    await chat.reply(message, "see this", b"\x89PNG\r\n\x1a\n123")
    answer = await agent
    assert answer.contents == (TextContent("see this"), ImageContent(b"\x89PNG\r\n\x1a\n123", "image/png"))


@pytest.mark.parametrize("name", ["Abb. 1 (ü, 图)%20#?.png", "résumé & notes.mp3", "données 100%.csv"])
async def test_the_name_of_a_file_arrives_as_it_was_given_and_stays_in_the_history(
    chat: Chat, work: LocalServer, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"123")
    agent = ask(work)
    (message,) = await pending(chat)
    done = await chat.reply(message, tmp_path / name)
    (got,) = (await agent).contents
    assert (got.name, got.data) == (name, b"123")
    assert from_json(to_json(done)).reply.contents[0].name == name


async def test_an_agent_asks_with_what_it_has(chat: Chat, work: LocalServer) -> None:
    agent = asyncio.ensure_future(AgentClient(work.url, "tok").ask_question("Which?", {"lr": [0.1, 0.01]}))
    (message,) = await pending(chat)
    assert message.text.startswith('Which?\n\n```json\n{\n  "lr"')
    await chat.reply(message, 0.01)
    assert (await agent).text == "0.01"


async def test_fifty_replies_in_one_burst_all_reach_their_agents(chat: Chat, work: LocalServer) -> None:
    agents = [ask(work, f"q{number}") for number in range(50)]
    messages = await pending(chat, 50)
    await asyncio.gather(*(chat.reply(message, f"answer to {message.text}") for message in messages))
    assert [answer.text for answer in await asyncio.gather(*agents)] == [f"answer to q{n}" for n in range(50)]


async def test_fifty_replies_reach_their_agents_on_a_server_that_loses_bursts(make_chat: MakeChat) -> None:
    async with QuirkyServer(Quirks.all()) as server:
        chat = make_chat(server.url)
        await chat.connect()
        agents = []
        for number in range(50):  # one by one: its queues hold 10
            agents.append(ask(server, f"q{number}"))
            messages = await pending(chat, number + 1)
        await asyncio.gather(*(chat.reply(message, f"answer to {message.text}") for message in messages))
        assert [answer.text for answer in await asyncio.gather(*agents)] == [f"answer to q{n}" for n in range(50)]


async def test_an_answer_given_elsewhere_is_shown_with_who_gave_it(
    chat: Chat, make_chat: MakeChat, work: LocalServer
) -> None:
    other = make_chat(work.url, nickname="bob")
    await other.connect()
    agent = ask(work)
    (theirs,) = await pending(other)
    await other.reply(theirs, "no")
    await agent
    message = await until(lambda: next((m for m in chat.messages if m.status == "replied"), None))
    assert (message.reply.by, message.reply.text, message.reply.mine) == ("bob", "no", False)
    with pytest.raises(NotAnswerableError, match="replied by bob"):
        chat.reply(message, "yes")


async def test_two_answers_at_the_same_instant_are_never_both_called_delivered(
    chat: Chat, make_chat: MakeChat, work: LocalServer
) -> None:
    other = make_chat(work.url, nickname="bob")
    await other.connect()
    for _ in range(10):
        agent = ask(work)
        (mine,), (theirs,) = await pending(chat), await pending(other)
        outcomes = await asyncio.gather(chat.reply(mine, "mine"), other.reply(theirs, "theirs"), return_exceptions=True)
        answer = (await agent).text
        claimed = [o.reply.text for o in outcomes if not isinstance(o, Exception)]
        assert claimed in ([], [answer])
        assert all(isinstance(o, DeliveryError) for o in outcomes if isinstance(o, Exception))
        await until(lambda: not chat.messages.pending and not other.messages.pending)


async def test_an_agent_that_hangs_up_is_shown_as_cancelled(chat: Chat, work: LocalServer) -> None:
    agent = ask(work)
    (message,) = await pending(chat)
    agent.cancel()
    await until(lambda: chat.messages.get(message.id).status == "cancelled")
    with pytest.raises(NotAnswerableError, match="cancelled"):
        chat.reply(message, "yes")


async def test_an_agent_whose_time_is_over_is_shown_as_expired(chat: Chat, work: LocalServer) -> None:
    agent = ask(work, timeout=1)
    (message,) = await pending(chat)
    await until(lambda: chat.messages.get(message.id).status == "expired")
    await asyncio.wait({agent})
    assert agent.exception() is not None


async def test_a_question_asked_while_nobody_was_connected_is_found_after_connecting(
    chat: Chat, make_chat: MakeChat, work: LocalServer
) -> None:
    agent = ask(work)
    await pending(chat)
    late = make_chat(work.url, nickname="late")
    await late.connect()
    (message,) = late.messages.pending
    await late.reply(message, "late but fine")
    assert (await agent).text == "late but fine"


async def test_an_interrupted_wait_does_not_stop_the_reply(chat: Chat, work: LocalServer) -> None:
    agent = ask(work)
    (message,) = await pending(chat)
    delivery = chat.reply(message, "yes")
    waiting = asyncio.ensure_future(delivery._wait())
    await asyncio.sleep(0)
    waiting.cancel()
    assert (await agent).text == "yes"
    assert (await delivery).status == "replied"


async def test_a_second_reply_while_one_is_on_its_way_is_refused(chat: Chat, work: LocalServer) -> None:
    agent = ask(work)
    (message,) = await pending(chat)
    delivery = chat.reply(message, "yes")
    with pytest.raises(NotAnswerableError, match="on its way"):
        chat.reply(message, "no")
    await delivery
    assert (await agent).text == "yes"


@pytest.mark.parametrize(
    ("contents", "named"), [(("",), "empty"), (({3},), "set"), ((" ", ""), "empty"), (("bad \ud800",), "Unicode")]
)
async def test_a_bad_reply_is_refused_and_the_question_stays(
    chat: Chat, work: LocalServer, contents: Any, named: Any
) -> None:
    agent = ask(work)
    (message,) = await pending(chat)
    with pytest.raises(ValueError, match=named):
        chat.reply(message, *contents)
    assert chat.messages.pending == [message]
    await chat.reply(message, "fine")
    await agent


async def test_a_missing_file_is_named(chat: Chat, work: LocalServer, tmp_path: Path) -> None:
    agent = ask(work)
    (message,) = await pending(chat)
    with pytest.raises(ConfigError, match=r"nothing\.png"):
        chat.reply(message, tmp_path / "nothing.png")
    await chat.reply(message, "fine")
    await agent


async def test_a_reply_on_a_switched_off_server_fails_with_its_text_kept(chat: Chat, work: LocalServer) -> None:
    agent = ask(work)
    (message,) = await pending(chat)
    chat.update_server("Work", enabled=False)
    with pytest.raises(DeliveryError) as caught:
        await chat.reply(message, "yes")
    assert caught.value.message.draft == (TextContent("yes"),)
    chat.update_server("Work", enabled=True)
    await until(lambda: chat.connected_count == 2)
    await chat.reply(message, "yes")
    assert (await agent).text == "yes"


async def test_a_message_of_another_inbox_is_refused(chat: Chat) -> None:
    with pytest.raises(UnknownMessageError):
        chat.reply("nothing", "yes")


async def test_a_wait_that_is_cancelled_ends_no_delivery_and_its_failure_is_not_printed(
    make_chat: MakeChat, work: LocalServer
) -> None:
    printed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: printed.append(context))
    chat = make_chat(work.url)
    await chat.connect()
    agents = [ask(work), ask(work)]
    first, second = await pending(chat, 2)
    for message, outcome in ((first, "replied"), (second, "failed")):
        delivery = chat.reply(message, "yes")
        wait = asyncio.ensure_future(delivery._wait())
        await asyncio.sleep(0)
        wait.cancel()
        await asyncio.wait({wait})
        if outcome == "failed":
            chat.close()
        await until(delivery.done)
        assert chat.messages.get(message.id).status == outcome
    del wait, delivery
    for _ in range(5):  # what was told to the loop is done
        await asyncio.sleep(0)
    gc.collect()
    assert printed == []
    assert (await agents[0]).text == "yes"
    agents[1].cancel()


async def test_an_answer_for_a_server_that_is_down_is_taken_back_and_its_question_waits_again(
    make_chat: MakeChat,
) -> None:
    process = ServerProcess().start()
    chat = make_chat(process.url)
    await chat.connect()
    agent = asyncio.ensure_future(AgentClient(process.url, "tok", retry=False).ask_question("Deploy?"))
    (message,) = await pending(chat)
    process.kill()
    await until(lambda: chat.connected_count == 0)
    delivery = chat.reply(message, "yes")
    chat.take_back(message)
    with pytest.raises(DeliveryError, match="taken back by you"):
        await delivery
    (again,) = chat.messages.pending
    assert (again.status, again.draft) == ("pending", (TextContent("yes"),))
    with pytest.raises(NotAnswerableError, match="no answer on its way"):
        chat.take_back(message)
    await asyncio.wait([agent])
    assert agent.exception() is not None
