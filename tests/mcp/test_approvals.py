"""An approval is a question with two choices; nothing but the choice itself is a consent."""

import asyncio
import json
from typing import Any

import pytest
from chat_person import Person
from mcp_agent import ERAS, agent_of, data, question_for, words

from ipymultichat.mcp.port import Waits
from ipymultichat.server import LocalServer

DROP: dict[str, Any] = {"action": "Drop the table.", "tool_name": "sql", "arguments": {"q": "```"}, "timeout": 60}


@pytest.mark.parametrize("era", ERAS)
async def test_a_person_sees_all_of_it_and_allows_it(server: LocalServer, ada: Person, era: str) -> None:
    async with agent_of(server, era) as agent:
        call = asyncio.ensure_future(agent.call_tool("approve", {**DROP, "diff": "-a\n+b"}))
        asked = await question_for(ada)
        await ada.reply(asked, "Q: Approval\nA: Allow")
        result = await call
    assert asked.Request.Question == (
        'Drop the table.\n\nTool: `sql`\n\n````json\n{\n  "q": "```"\n}\n````\n\n```diff\n-a\n+b\n```'
    )
    parts = asked.Request.Approval
    assert (parts.action, parts.tool_name, parts.diff) == ("Drop the table.", "sql", "-a\n+b")
    assert json.loads(parts.arguments) == {"q": "```"}
    (question,) = asked.Request.Questions
    assert (question.header, [option.label for option in question.options]) == ("Approval", ["Allow", "Deny"])
    assert not result.is_error
    assert json.loads(words(result)) == {"behavior": "allow", "message": "", "arguments": {"q": "```"}}
    told = data(result)
    assert (told["behavior"], told["status"], told["by"], told["id"]) == ("allow", "answered", "ada", asked.ID)


@pytest.mark.parametrize(
    ("answer", "behavior", "message"),
    [
        ("Q: Approval\nA: Allow, but only once", "allow", "but only once"),
        ("Q: Approval\nA: Deny", "deny", "denied"),
        ("Q: Approval\nA: Deny, use the copy", "deny", "use the copy"),
        ("Q: Approval\nA: Allowing that would be mad", "deny", "Allowing that would be mad"),
        ("Q: Approval\nA: no\nA: Allow", "deny", "no\nA: Allow"),
        ("allow", "allow", ""),
        ("Allow? No!", "deny", "Allow? No!"),
        ("yes", "deny", "yes"),
        ("", "deny", "denied"),
    ],
)
async def test_what_an_answer_means(server: LocalServer, ada: Person, answer: str, behavior: str, message: str) -> None:
    async with agent_of(server) as agent:
        call = asyncio.ensure_future(agent.call_tool("approve", DROP))
        await ada.reply(await question_for(ada), answer)
        told = data(await call)
    assert (told["behavior"], told["message"]) == (behavior, message)


@pytest.mark.parametrize(
    ("said", "message", "arguments"),
    [
        ('```json\n{"q": "select 1"}\n```', "", {"q": "select 1"}),
        ('````json\n{"q": "```"}\n````\n\nonce', "once", {"q": "```"}),
        ("```json\n[1]\n```", "```json\n[1]\n```", {"q": "```"}),
        ('```json\n{"q": \n```', '```json\n{"q": \n```', {"q": "```"}),
    ],
)
async def test_it_may_be_done_with_the_arguments_that_the_person_changed(
    server: LocalServer, ada: Person, said: str, message: str, arguments: dict[str, Any]
) -> None:
    async with agent_of(server) as agent:
        call = asyncio.ensure_future(agent.call_tool("approve", DROP))
        await ada.reply(await question_for(ada), f"Q: Approval\nA: Allow, {said}")
        told = json.loads(words(await call))
    assert told == {"behavior": "allow", "message": message, "arguments": arguments}


async def test_what_is_too_long_for_parts_is_in_the_text_alone(server: LocalServer, ada: Person) -> None:
    async with agent_of(server) as agent:
        call = asyncio.ensure_future(agent.call_tool("approve", {**DROP, "diff": "+" * 65_537}))
        asked = await question_for(ada)
        await ada.reply(asked, "Q: Approval\nA: Deny")
        await call
    assert "+" * 65_537 in asked.Request.Question
    assert not asked.Request.HasField("Approval")


async def test_no_answer_is_a_denial(server: LocalServer, ada: Person) -> None:
    async with agent_of(server) as agent:
        call = asyncio.ensure_future(agent.call_tool("approve", DROP))
        await ada.reply(await question_for(ada), "", IsError=True, Meta={"error": "not my business"})
        result = await call
    assert (result.is_error, data(result)["behavior"], data(result)["status"]) == (False, "deny", "refused")
    assert "not my business" in data(result)["message"]


async def test_a_permission_prompt_waits_and_gets_its_input_back() -> None:
    prompt = {"tool_name": "Bash", "input": {"command": "rm -r build"}, "tool_use_id": "toolu_1", "something_new": 1}
    async with LocalServer(waits=Waits(silent=0)) as server, agent_of(server, tasks=True) as agent:
        ada = await Person.connect(server.url)
        await ada.login("team", "ada")
        call = asyncio.ensure_future(agent.call_tool("approve", prompt))
        asked = await question_for(ada)
        assert '"command": "rm -r build"' in asked.Request.Question
        await ada.reply(asked, "Q: Approval\nA: Allow")
        result = await call
        # Claude Code refuses a permission prompt with a structured half, and any tool with a schema and none.
        assert result.structured_content is None
        assert [tool.output_schema for tool in (await agent.list_tools()).tools if tool.name == "approve"] == [None]
        told = json.loads(words(result))
        assert told == {"behavior": "allow", "message": "", "updatedInput": {"command": "rm -r build"}}
        await ada.leave()


async def test_an_approval_that_is_waited_for_later_is_still_one() -> None:
    async with LocalServer(waits=Waits(silent=0.05)) as server, agent_of(server) as agent:
        ada = await Person.connect(server.url)
        await ada.login("team", "ada")
        early = data(await agent.call_tool("approve", DROP))
        assert (early["behavior"], early["status"]) == ("deny", "waiting")
        assert f'await_answer` with id "{early["id"]}"' in early["message"]
        await ada.reply(await question_for(ada), "Q: Approval\nA: Allow")
        late = await agent.call_tool("await_answer", {"id": early["id"]})
        assert (data(late)["behavior"], data(late)["status"]) == ("allow", "answered")
        await ada.leave()


async def test_an_approval_of_nothing_is_not_asked_for(server: LocalServer, ada: Person) -> None:
    async with agent_of(server) as agent:
        result = await agent.call_tool("approve", {"arguments": {}})
    assert result.is_error
    assert "pass a non-empty `action`, or `tool_name`" in words(result)
    assert await ada.before_answer() == []
