"""The agent against the embedded server, over real sockets."""

import asyncio
import base64
import contextlib
import gzip
import itertools
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from chat_person import Person, text_part
from waiting import until

from ipymultichat.agent import AgentClient, Answer, transport
from ipymultichat.agent import client as client_module
from ipymultichat.agent.answer import read_answer
from ipymultichat.errors import (
    AgentError,
    AgentTimeoutError,
    ClosedError,
    ConfigError,
    EncodeError,
    NoHumanOnlineError,
    NotFoundError,
    RequestCancelledError,
    RequestRefusedError,
    ServerUnreachableError,
)
from ipymultichat.model import ImageContent, Option, Question, ResourceContent, Secret, TextContent
from ipymultichat.server import Limits, LocalServer
from ipymultichat.wire import agentassist_pb2 as pb


async def test_a_question_brings_its_answer(
    agent: AgentClient, ada: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call = asyncio.create_task(agent.ask_question("Deploy?", timeout=30.2))
    request = (await ada.expect("AskQuestion")).AskQuestionRequest
    body = request.Request
    assert (body.Question, body.Timeout, body.ProjectDirectory) == ("Deploy?", 31, str(tmp_path))
    assert (body.AgentName, body.ReasoningModelName, body.McpClientName) == ("bot", "m1", "ipymultichat")
    assert len(request.ID) == 32
    await ada.reply(request, "yes", Meta={"k": "v"})
    answer = await call
    assert answer.text == str(answer) == "yes"
    assert answer.contents == (TextContent("yes"),)
    assert answer.meta == {"k": "v"}


async def test_a_report_brings_its_answer(server: LocalServer, ada: Person) -> None:
    agent = AgentClient(server.http_url, "team", project_directory="/proj")
    call = asyncio.create_task(agent.work_report("all done"))
    request = (await ada.expect("WorkReport")).WorkReportRequest
    assert (request.Request.Summary, request.Request.ProjectDirectory) == ("all done", "/proj")
    await ada.reply(request, "thanks")
    assert (await call).text == "thanks"


async def test_structured_questions_go_along_with_a_plain_one(agent: AgentClient, ada: Person) -> None:
    choices: list[Question | dict[str, object]] = [Question("Which?", options=(Option("A"),)), {"question": "When?"}]
    call = asyncio.create_task(agent.ask_question(questions=choices, project_directory="/there"))
    request = (await ada.expect("AskQuestion")).AskQuestionRequest
    assert request.Request.Question == "Which?"
    assert request.Request.ProjectDirectory == "/there"
    assert [item.question for item in request.Request.Questions] == ["Which?", "When?"]
    await ada.reply(request, "Q: Which?\nA: A")
    await call


async def test_attachments_come_as_bytes(agent: AgentClient, ada: Person) -> None:
    call = asyncio.create_task(agent.ask_question("Screenshot?"))
    request = (await ada.expect("AskQuestion")).AskQuestionRequest
    image = pb.ImageContent(type="image", data=base64.b64encode(b"png").decode(), mime_type="image/png")
    file = pb.EmbeddedResource(type="embedded_resource", uri="file:///a", mime_type="text/csv", data=b"1,2")
    parts = [
        text_part("see"),
        pb.McpResultContent(type=2, image=image),
        pb.McpResultContent(type=4, embedded_resource=file),
    ]
    response = pb.AskQuestionResponse(ID=request.ID, contents=parts)
    await ada.send(Cmd="AskQuestionReply", AskQuestionRequest=request, AskQuestionResponse=response)
    answer = await call
    assert answer.text == "see"
    assert answer.contents[1:] == (
        ImageContent(b"png", "image/png"),
        ResourceContent("file:///a", "text/csv", b"1,2"),
    )


async def test_questions_of_one_client_wait_side_by_side(agent: AgentClient, ada: Person) -> None:
    calls = [asyncio.create_task(agent.ask_question(f"{n}?")) for n in range(5)]
    requests = [(await ada.expect("AskQuestion")).AskQuestionRequest for _ in calls]
    for request in reversed(requests):
        await ada.reply(request, request.Request.Question)
    assert [(await call).text for call in calls] == [f"{n}?" for n in range(5)]


async def test_no_question_of_a_client_waits_for_the_answers_to_others_to_be_asked(
    agent: AgentClient, ada: Person
) -> None:
    calls = [asyncio.create_task(agent.ask_question(f"{n}?")) for n in range(101)]
    for _ in calls:
        await ada.expect("AskQuestion")
    for call in calls:
        call.cancel()
    for _ in calls:
        await ada.expect("RequestCancelled")
    await asyncio.gather(*calls, return_exceptions=True)


async def test_nobody_online(agent: AgentClient) -> None:
    with pytest.raises(NoHumanOnlineError) as caught:
        await agent.ask_question("Anybody?")
    assert caught.value.meta == {"error": "no_clients"}


async def test_nobody_answers_in_time(agent: AgentClient, ada: Person) -> None:
    with pytest.raises(AgentTimeoutError, match="within 1 s") as caught:
        await agent.work_report("done", timeout=1)
    assert isinstance(caught.value, TimeoutError)


async def test_cancelling_the_wait_withdraws_the_question(server: LocalServer, ada: Person) -> None:
    call = asyncio.create_task(AgentClient(server.url, "team").ask_question("Still there?"))
    await ada.expect("AskQuestion")
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call
    notice = (await ada.expect("RequestCancelled")).RequestCancelledNotification
    assert notice.reason == "Request was cancelled"


async def test_an_answer_is_had_by_its_id_alone(server: LocalServer, ada: Person) -> None:
    agent, stranger = AgentClient(server.url, "team"), AgentClient(server.url, "other")
    call = asyncio.create_task(agent.ask_question("Deploy?", request_id="deploy-1"))
    request = (await ada.expect("AskQuestion")).AskQuestionRequest
    with pytest.raises(AgentTimeoutError, match="the question waits on") as early:
        await agent.await_answer("deploy-1", timeout=0)
    assert int(early.value.meta["ends_ms"]) - int(early.value.meta["asked_ms"]) == 600_000
    later = asyncio.create_task(agent.await_answer("deploy-1"))
    for client, name in ((agent, "deploy-2"), (stranger, "deploy-1")):
        with pytest.raises(NotFoundError, match=f"nothing was asked with the id '{name}'"):
            await client.await_answer(name)
    await ada.reply(request, "yes")
    assert [await call, await later] == ["yes", "yes"]
    answer = await agent.await_answer("deploy-1", timeout=0)
    assert (answer, answer.by) == ("yes", "ada")


async def test_an_error_reply_is_an_error_with_its_reason(agent: AgentClient, ada: Person) -> None:
    for reason, kind in (("declined", AgentError), ("cancelled", RequestCancelledError)):
        call = asyncio.create_task(agent.ask_question("Ok?"))
        request = (await ada.expect("AskQuestion")).AskQuestionRequest
        await ada.reply(request, "no", IsError=True, Meta={"error": reason})
        with pytest.raises(AgentError) as caught:
            await call
        assert type(caught.value) is kind
        assert caught.value.meta == {"error": reason}


async def test_a_wrong_token_is_refused_without_showing_it() -> None:
    async with LocalServer(token="right") as server:
        agent = AgentClient(server.url, "hunter2")
        with pytest.raises(RequestRefusedError) as caught:
            await agent.ask_question("Hello?")
        assert "hunter2" not in f"{caught.value}{caught.value.meta}{agent!r}"
        assert caught.value.meta["http_status"] == "401"


async def test_a_question_too_large_is_refused() -> None:
    async with LocalServer(limits=Limits(max_body=1000)) as server:
        with pytest.raises(RequestRefusedError, match="larger than"):
            await AgentClient(server.url, "team").ask_question("x" * 2000)


async def test_a_stopping_server_counts_as_unreachable() -> None:
    async with LocalServer() as server:
        ada = await Person.connect(server.url)
        await ada.login("team", "ada")
        call = asyncio.create_task(AgentClient(server.url, "team").ask_question("Hello?"))
        await ada.expect("AskQuestion")
        await server.stop()
        with pytest.raises(ServerUnreachableError, match="stopping"):
            await call
        with pytest.raises(ServerUnreachableError, match="no connection"):
            await AgentClient(server.url, "team").ask_question("Hello?")


@contextlib.asynccontextmanager
async def serving(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """A server that talks to whoever comes, until they go; gives its host and port."""
    talks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(cast("asyncio.Task[None]", asyncio.current_task()))
        with contextlib.suppress(ConnectionError):
            await talk(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*talks)


def answer_with(
    head: bytes, more: Callable[[], Iterator[bytes]] = lambda: iter(())
) -> contextlib.AbstractAsyncContextManager[str]:
    """A server that says the same thing to everybody and hangs up; gives its host and port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in itertools.chain([head], more()):
            writer.write(piece)
            await writer.drain()

    return serving(talk)


def http_page(status: str, content_type: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    ("raw", "error", "words"),
    [
        (b"", ServerUnreachableError, "broke before the answer"),
        (http_page("502 Bad Gateway", "text/html", b"<html>"), ServerUnreachableError, "HTTP 502"),
        (http_page("404 Not Found", "text/html", b"[]"), RequestRefusedError, "is it an Agent Assistant server"),
        (http_page("200 OK", "text/html", b"<html>"), RequestRefusedError, "answered with a page"),
        (http_page("200 OK", "application/proto", b"\xff"), RequestRefusedError, "unreadable"),
        (http_page("302 Found", "text/html", b""), RequestRefusedError, "HTTP 302"),
        (
            http_page("499 Gone", "application/json", b'{"code": "canceled", "message": "token team is gone"}'),
            RequestCancelledError,
            r"token \*\*\* is gone",
        ),
        (
            http_page("504 Late", "application/json", b'{"code": "deadline_exceeded"}'),
            AgentTimeoutError,
            "gave the request up",
        ),
        (
            http_page("400 Bad", "application/json", b'{"code": "invalid_argument", "message": "odd"}'),
            RequestRefusedError,
            "odd",
        ),
    ],
)
async def test_what_a_strange_server_says_is_named(raw: bytes, error: type[Exception], words: str) -> None:
    async with answer_with(raw) as strange:
        with pytest.raises(error, match=words):
            await AgentClient(f"ws://{strange}", "team").ask_question("Hello?")


async def test_a_server_that_knows_no_answers_by_id_is_said_to() -> None:
    async with answer_with(http_page("404 Not Found", "text/plain", b"404 page not found")) as address:
        with pytest.raises(NotFoundError, match="gives no answers by their ids"):
            await AgentClient(f"http://{address}", "team", retry=False).await_answer("any")


ENDLESS = b"HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\n"


@pytest.mark.parametrize("status", ["200 OK", "500 Broken"])
async def test_a_response_without_end_is_read_up_to_its_limit_and_refused(
    monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    monkeypatch.setattr(transport, "MAX_RESPONSE", 2**20)
    sent: list[int] = []

    def flood() -> Iterator[bytes]:
        for _ in range(640):
            sent.append(2**17)
            yield bytes(2**17)

    head = f"HTTP/1.1 {status}\r\ncontent-type: application/proto\r\n\r\n".encode()
    async with answer_with(head, flood) as strange:
        with pytest.raises(RequestRefusedError, match="more than 1,048,576 bytes"):
            await AgentClient(f"ws://{strange}", "team").ask_question("Hello?")
    # What is in the buffers of both sockets was sent, and not read.
    assert sum(sent) < 640 * 2**17


async def test_a_response_as_large_as_its_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    body = pb.AskQuestionResponse(contents=[text_part("x" * 100_000)]).SerializeToString()
    monkeypatch.setattr(transport, "MAX_RESPONSE", len(body))
    async with answer_with(http_page("200 OK", "application/proto", body)) as strange:
        answer = await AgentClient(f"ws://{strange}", "team").ask_question("Hello?")
    assert answer.text == "x" * 100_000


async def test_the_loop_goes_on_while_an_answer_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, threads = threading.Event(), []

    def read(*args: Any) -> Answer:
        threads.append(threading.current_thread())
        gate.wait(5)
        return read_answer(*args)

    monkeypatch.setattr(client_module, "read_answer", read)
    body = pb.AskQuestionResponse(contents=[text_part("yes")]).SerializeToString()
    async with answer_with(http_page("200 OK", "application/proto", body)) as strange:
        call = asyncio.ensure_future(AgentClient(f"ws://{strange}", "team").ask_question("Hello?"))
        await until(lambda: threads)
        assert threads[0] is not threading.main_thread()
        gate.set()
        assert (await call).text == "yes"


async def test_what_a_terminal_would_obey_is_written_out_in_an_explanation() -> None:
    body = b'{"code": "internal", "message": "\\u001b]0;mine\\u0007\\u202egnorw"}'
    async with answer_with(http_page("500 Broken", "application/json", body)) as strange:
        with pytest.raises(RequestRefusedError, match=r"⟦U\+001B⟧]0;mine⟦U\+0007⟧⟦U\+202E⟧gnorw"):
            await AgentClient(f"ws://{strange}", "team").ask_question("Hello?")


async def test_what_a_terminal_would_obey_is_written_out_in_a_reason() -> None:
    body = pb.AskQuestionResponse(IsError=True, Meta={"error": "\x1b[2Jgone"}).SerializeToString()
    async with answer_with(http_page("200 OK", "application/proto", body)) as strange:
        with pytest.raises(AgentError, match=r"an error: ⟦U\+001B⟧\[2Jgone"):
            await AgentClient(f"ws://{strange}", "team").ask_question("Hello?")


@pytest.mark.parametrize("size", [5_000, 2 * 2**20])
async def test_of_a_long_explanation_a_part_is_shown(size: int) -> None:
    body = b'{"code": "internal", "message": "%s"}' % (b"x" * size)
    async with answer_with(http_page("500 Broken", "application/json", body)) as strange:
        with pytest.raises(RequestRefusedError) as caught:
            await AgentClient(f"ws://{strange}", "team").ask_question("Hello?")
    assert len(str(caught.value)) < 2_100
    assert "refused the request" in str(caught.value)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "identity, GZIP"])
async def test_an_encoding_that_was_not_asked_for_is_refused_unread(encoding: str) -> None:
    bomb = gzip.compress(bytes(2**20))
    head = ENDLESS + f"content-encoding: {encoding}\r\ncontent-length: {len(bomb)}\r\n\r\n".encode()
    async with answer_with(head + bomb) as strange:
        with pytest.raises(RequestRefusedError, match=f"encoding '{encoding.lower()}', which was not asked for"):
            await AgentClient(f"ws://{strange}", "team").ask_question("Hello?")


async def test_a_server_that_drips_does_not_hold_the_agent_beyond_its_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "DEADLINE_MARGIN", 0)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ENDLESS + b"\r\n")
        while True:
            writer.write(b"\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with serving(drip) as strange:
        with pytest.raises(AgentTimeoutError, match="within 1 s; its answer is overdue"):
            await AgentClient(f"ws://{strange}", "team").ask_question("Hello?", timeout=1)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
async def test_a_redirect_carries_the_token_nowhere(status: str) -> None:
    reached: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.read(2**16))

    async with serving(listen) as other:
        head = f"HTTP/1.1 {status}\r\nlocation: http://{other}/ws\r\ncontent-length: 0\r\n\r\n"
        async with answer_with(head.encode()) as strange:
            with pytest.raises(RequestRefusedError, match=f"HTTP {status[:3]}"):
                await AgentClient(f"ws://{strange}", "hunter2").ask_question("Hello?")
    assert reached == []


async def test_a_proxy_in_the_environment_does_not_come_between(
    monkeypatch: pytest.MonkeyPatch, server: LocalServer, ada: Person
) -> None:
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{dead.getsockname()[1]}")
        call = asyncio.create_task(AgentClient(server.url, "team").ask_question("Hello?"))
        await ada.reply((await ada.expect("AskQuestion")).AskQuestionRequest, "yes")
        assert (await call).text == "yes"


async def test_a_closed_client_says_so(server: LocalServer) -> None:
    agent = AgentClient(server.url, "team")
    async with agent:
        pass
    await agent.aclose()
    with pytest.raises(ClosedError):
        await agent.ask_question("Hello?")
    with pytest.raises(ClosedError):
        await agent.__aenter__()


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 2**31, "5", True, None])
async def test_a_timeout_that_cannot_be_one(agent: AgentClient, timeout: Any) -> None:
    with pytest.raises(ConfigError, match="timeout"):
        await agent.ask_question("Hello?", timeout=timeout)


@pytest.mark.parametrize("text", ["", "  ", None, {5}])
async def test_nothing_to_ask_or_report(agent: AgentClient, text: Any) -> None:
    with pytest.raises(ConfigError):
        await agent.ask_question(text)
    with pytest.raises(ConfigError):
        await agent.work_report(text)


async def test_text_that_is_not_unicode(agent: AgentClient) -> None:
    with pytest.raises(EncodeError):
        await agent.ask_question("\ud800")
    with pytest.raises(EncodeError):
        await agent.work_report("\ud800")
    with pytest.raises(EncodeError):
        await agent.ask_question(questions=[{"question": "\ud800"}])


@pytest.mark.parametrize("token", ["", None, "a\nb", Secret("a\nb")])
def test_a_token_that_cannot_be_one(token: Any) -> None:
    with pytest.raises(ConfigError):
        AgentClient("ws://localhost:2000", token)


def test_an_answer_is_its_text_and_keeps_its_parts() -> None:
    answer = Answer((TextContent("a"), TextContent("b")), {"k": "v"})
    assert answer == "a\nb"
    assert (answer.text, type(answer.text), f"{answer}") == ("a\nb", str, "a\nb")
    assert (len(answer.contents), answer.meta) == (2, {"k": "v"})
    assert Answer(()) == ""


async def test_an_approval_shows_all_of_it_and_is_true_only_where_somebody_allowed_it(
    server: LocalServer, ada: Person
) -> None:
    agent = AgentClient(server.url, "team")
    for answer, allowed, message in (
        ("Q: Approval\nA: Allow", True, ""),
        ("Q: Approval\nA: Deny, use the copy", False, "use the copy"),
        ("sure", False, "sure"),
    ):
        asking = asyncio.ensure_future(
            agent.approve("Drop the table", tool_name="sql", arguments={"q": "drop"}, diff="-a\n+b")
        )
        request = (await ada.expect("AskQuestion")).AskQuestionRequest
        for part in ("Drop the table", "`sql`", '"q": "drop"', "-a\n+b"):
            assert part in request.Request.Question
        assert (request.Request.Approval.tool_name, request.Request.Approval.diff) == ("sql", "-a\n+b")
        await ada.reply(request, answer)
        decision = await asking
        assert (bool(decision), decision.allowed, decision.message, decision.by) == (allowed, allowed, message, "ada")


async def test_an_approval_that_cannot_be_asked_for_is_named() -> None:
    agent = AgentClient("ws://127.0.0.1:9", "team")
    with pytest.raises(ConfigError, match="non-empty"):
        await agent.approve(" ")
    with pytest.raises(ConfigError, match="do not go into JSON"):
        await agent.approve("Drop it", arguments={"x": object()})


async def test_arguments_that_a_person_changed_come_with_the_decision(server: LocalServer, ada: Person) -> None:
    asking = asyncio.ensure_future(AgentClient(server.url, "team").approve("Drop it", arguments={"table": "orders"}))
    request = (await ada.expect("AskQuestion")).AskQuestionRequest
    await ada.reply(request, 'Q: Approval\nA: Allow, ```json\n{"table": "old"}\n```\n\nonly the old one')
    decision = await asking
    assert (decision.allowed, decision.arguments, decision.message) == (True, {"table": "old"}, "only the old one")
