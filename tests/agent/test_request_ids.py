"""The id of a question: who asks gives it, or finds it in the error, and asks again with it."""

from typing import Any

import pytest
from durable import DurableServer, Step, answer, hang_up, page, say, stopping

from ipymultichat.agent import AgentClient
from ipymultichat.errors import AgentError, ConfigError, RequestRefusedError
from ipymultichat.server import LocalServer
from ipymultichat.wire import agentassist_pb2 as pb

METHODS = pytest.mark.parametrize("method", ["ask_question", "work_report"])


@METHODS
@pytest.mark.parametrize("given", ["mine", " ", "ü" * 512])
async def test_a_given_id_is_the_one_that_is_sent(method: str, given: str) -> None:
    async with DurableServer(answer("yes")).running() as server:
        assert await getattr(AgentClient(server.url, "team"), method)("?", request_id=given) == "yes"
    assert server.ids == [given]


@METHODS
async def test_without_an_id_each_question_gets_a_new_one(method: str) -> None:
    async with DurableServer(answer("1"), answer("2")).running() as server:
        agent = AgentClient(server.url, "team")
        await getattr(agent, method)("?")
        await getattr(agent, method)("?", request_id=None)
    assert len(set(server.ids)) == 2
    assert all(len(made) == 32 for made in server.ids)


@METHODS
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "non-empty string"),
        (5, "non-empty string"),
        (b"x", "non-empty string"),
        ("x" * 1025, "has 1,025 bytes; at most 1,024"),
        ("ü" * 513, "has 1,026 bytes; at most 1,024"),
        ("\ud800", "not valid Unicode"),
    ],
    ids=["empty", "number", "bytes", "long", "long in UTF-8", "no Unicode"],
)
async def test_an_id_that_cannot_be_one_is_named_and_nothing_is_sent(method: str, given: Any, words: str) -> None:
    async with DurableServer().running() as server:
        with pytest.raises(ConfigError, match=words):
            await getattr(AgentClient(server.url, "team"), method)("?", request_id=given)
    assert (server.calls, server.asked) == ([], 0)


def reply(reason: str) -> Step:
    body = pb.AskQuestionResponse(IsError=True, Meta={"error": reason}).SerializeToString()
    return say(page("200 OK", body, "application/proto"))


@pytest.mark.parametrize("retry", [True, False])
@pytest.mark.parametrize(
    "step",
    [
        hang_up,
        stopping,
        reply("timeout"),
        reply("no_clients"),
        reply("declined"),
        say(page("504 Late", b'{"code": "deadline_exceeded"}')),
        say(page("200 OK", b"<html>", "text/html")),
        say(page("200 OK", b"\xff", "application/proto")),
    ],
    ids=["broken", "stopping", "timeout", "no_clients", "declined", "deadline_exceeded", "page", "unreadable"],
)
async def test_each_error_of_a_call_tells_its_id(step: Step, retry: bool) -> None:
    nothing_said = say(page("200 OK", b"OK"))
    async with DurableServer(step, step, health=nothing_said).running() as server:
        agent = AgentClient(server.url, "team", retry=retry)
        with pytest.raises(AgentError) as caught:
            await agent.ask_question("?", request_id="mine")
        assert caught.value.request_id == "mine"
        with pytest.raises(AgentError) as caught:
            await agent.work_report("?")
        assert caught.value.request_id == server.ids[1]


async def test_who_reaches_no_server_is_told_the_id_too() -> None:
    async with LocalServer() as server:
        pass
    with pytest.raises(AgentError) as caught:
        await AgentClient(server.url, "team").ask_question("?", request_id="mine")
    assert caught.value.request_id == "mine"


def test_an_error_that_knows_no_id_says_so() -> None:
    assert AgentError("odd").request_id == ""


async def test_an_id_used_for_other_content_is_refused_with_the_remedy() -> None:
    used = say(page("409 Conflict", b'{"code": "already_exists", "message": "used"}'))
    async with DurableServer(used, answer("twice")).running() as server:
        with pytest.raises(
            RequestRefusedError, match="knows this id with other content; ask with another id"
        ) as caught:
            await AgentClient(server.url, "team").ask_question("?", request_id="mine")
        assert len(server.calls) == 1
    assert (caught.value.request_id, caught.value.meta["code"]) == ("mine", "already_exists")
