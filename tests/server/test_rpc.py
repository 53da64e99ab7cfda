"""The agents' side over real sockets."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from chat_person import Enter, question, report
from google.protobuf.message import Message
from waiting import until

from ipymultichat.server import Limits, LocalServer
from ipymultichat.wire import agentassist_pb2 as pb

SERVICE = "/agentassistproto.SrvAgentAssist/"
PROTO = {"content-type": "application/proto"}


async def ask(
    http: httpx.AsyncClient,
    server: LocalServer,
    request: Message,
    method: str = "AskQuestion",
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    return await http.post(
        server.http_url + SERVICE + method,
        content=request.SerializeToString(),
        headers={**PROTO, **(headers or {})},
    )


async def test_a_question_is_answered_in_proto(server: LocalServer, enter: Enter, http: httpx.AsyncClient) -> None:
    ada = await enter(server)
    call = asyncio.create_task(ask(http, server, question("q1")))
    pushed = (await ada.expect("AskQuestion")).AskQuestionRequest
    assert (pushed.ID, pushed.Request.Question, pushed.UserToken) == ("q1", "ok?", "team")
    assert pushed.Timestamp > 1_000_000_000_000
    await ada.reply(pushed, "yes")
    response = await call
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/proto"
    assert pb.AskQuestionResponse.FromString(response.content).contents[0].text.text == "yes"
    assert await ada.pending("q1") == {"q1": False}


async def test_a_report_is_answered_in_json(server: LocalServer, enter: Enter, http: httpx.AsyncClient) -> None:
    ada = await enter(server)
    body = {"ID": "r1", "UserToken": "team", "Request": {"Summary": "done", "Timeout": 30}, "Timestamp": "1", "New": 1}
    headers = {"content-type": "application/json; charset=utf-8", "connect-protocol-version": "1"}
    url = server.http_url + SERVICE + "WorkReport"
    call = asyncio.create_task(http.post(url, content=json.dumps(body), headers=headers))
    pushed = (await ada.expect("WorkReport")).WorkReportRequest
    assert pushed.Request.Summary == "done"
    await ada.reply(pushed, "fine", Meta={"k": "v"})
    response = await call
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "ID": "r1",
        "Meta": {"k": "v"},
        "contents": [{"type": 1, "text": {"type": "text", "text": "fine"}}],
    }


async def test_nobody_there_is_said_at_once(server: LocalServer, http: httpx.AsyncClient) -> None:
    response = pb.AskQuestionResponse.FromString((await ask(http, server, question("q1"))).content)
    assert response.IsError
    assert dict(response.Meta) == {"error": "no_clients"}


async def test_a_held_question_waits_for_somebody_to_come_online(http: httpx.AsyncClient, enter: Enter) -> None:
    async with LocalServer(hold=True) as server:
        asking = asyncio.ensure_future(ask(http, server, question("q1", text="Anybody there?")))
        await until(lambda: server._relay is not None and len(server._relay.state.waiting))
        ada = await enter(server)
        wanted = pb.GetPendingMessagesRequest(user_token="team")
        await ada.send(Cmd="GetPendingMessages", GetPendingMessagesRequest=wanted)
        (waiting,) = (await ada.expect("GetPendingMessages")).GetPendingMessagesResponse.pending_messages
        await ada.reply(waiting.ask_question_request, "I am now")
        response = pb.AskQuestionResponse.FromString((await asking).content)
    assert [part.text.text for part in response.contents] == ["I am now"]


async def test_a_held_question_that_nobody_comes_for_ends_with_its_time(http: httpx.AsyncClient) -> None:
    async with LocalServer(hold=True) as server:
        response = pb.AskQuestionResponse.FromString((await ask(http, server, question("q1", timeout=1))).content)
    assert dict(response.Meta) == {"error": "timeout"}


async def test_time_out_is_said_to_both_sides(server: LocalServer, enter: Enter, http: httpx.AsyncClient) -> None:
    ada = await enter(server)
    response = await ask(http, server, report("r1", timeout=1), "WorkReport")
    assert dict(pb.WorkReportResponse.FromString(response.content).Meta) == {"error": "timeout"}
    await ada.expect("WorkReport")
    notice = (await ada.expect("RequestCancelled")).RequestCancelledNotification
    assert (notice.request_id, notice.message_type) == ("r1", "WorkReport")


async def test_the_callers_own_deadline_is_honoured(server: LocalServer, enter: Enter, http: httpx.AsyncClient) -> None:
    ada = await enter(server)
    response = await ask(http, server, question("q1"), headers={"connect-timeout-ms": "50"})
    assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")
    await ada.expect("AskQuestion")
    await ada.expect("RequestCancelled")
    assert await ada.pending("q1") == {"q1": False}


async def test_a_caller_hanging_up_withdraws_the_question(
    server: LocalServer, enter: Enter, http: httpx.AsyncClient
) -> None:
    ada = await enter(server)
    call = asyncio.create_task(ask(http, server, question("q1")))
    await ada.expect("AskQuestion")
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call
    notice = (await ada.expect("RequestCancelled")).RequestCancelledNotification
    assert (notice.request_id, notice.reason) == ("q1", "Request was cancelled")


async def test_the_last_person_leaving_does_not_end_the_question(
    server: LocalServer, enter: Enter, http: httpx.AsyncClient
) -> None:
    ada = await enter(server)
    call = asyncio.create_task(ask(http, server, question("q1")))
    await ada.expect("AskQuestion")
    await ada.leave()
    bob = await enter(server, nickname="bob")
    (waiting,) = (await bob.list_pending()).pending_messages
    assert (waiting.message_type, waiting.timeout) == ("AskQuestion", 60)
    assert waiting.created_at == waiting.ask_question_request.Timestamp
    await bob.reply(waiting.ask_question_request, "late but in time")
    assert b"late but in time" in (await call).content


async def test_an_id_in_use_for_something_else_is_refused(
    server: LocalServer, enter: Enter, http: httpx.AsyncClient
) -> None:
    ada = await enter(server)
    first = asyncio.create_task(ask(http, server, question("q1")))
    pushed = (await ada.expect("AskQuestion")).AskQuestionRequest
    for other, method in ((question("q1", text="sure?"), "AskQuestion"), (report("q1"), "WorkReport")):
        second = await ask(http, server, other, method)
        assert (second.status_code, second.json()["code"]) == (409, "already_exists")
    await ada.reply(pushed, "yes")
    assert (await first).status_code == 200


async def test_forty_replies_in_one_burst_all_arrive(
    server: LocalServer, enter: Enter, http: httpx.AsyncClient
) -> None:
    ada = await enter(server)
    calls = [asyncio.create_task(ask(http, server, question(f"q{n}"))) for n in range(40)]
    pushed = [(await ada.expect("AskQuestion")).AskQuestionRequest for _ in calls]
    for request in pushed:
        await ada.reply(request, f"to {request.ID}")
    for n, call in enumerate(calls):
        assert pb.AskQuestionResponse.FromString((await call).content).contents[0].text.text == f"to q{n}"


async def test_a_large_question_reaches_everybody(server: LocalServer, enter: Enter, http: httpx.AsyncClient) -> None:
    people = [await enter(server, nickname=name) for name in ("ada", "bob")]
    await people[0].expect("UserConnectionStatusNotification")
    text = "x" * (20 * 1024 * 1024)
    call = asyncio.create_task(ask(http, server, question("q1", text=text)))
    for person in people:
        assert (await person.expect("AskQuestion")).AskQuestionRequest.Request.Question == text
    await people[1].reply(question("q1", text=""), text)
    assert len((await call).content) > len(text)


async def test_client_info_is_taken(server: LocalServer, http: httpx.AsyncClient) -> None:
    response = await ask(http, server, pb.McpClientInfoRequest(UserToken="team"), "SendMcpClientInfo")
    assert pb.McpClientInfoResponse.FromString(response.content).Success


async def test_health(server: LocalServer, http: httpx.AsyncClient) -> None:
    response = await http.get(server.http_url + "/health")
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "durable": False, "withdraw": True}
    assert (await http.get(server.http_url + "/ready")).json() == {"ready": True, "reason": ""}


@pytest.mark.parametrize(
    ("method", "path", "headers", "content", "status", "code"),
    [
        ("POST", SERVICE + "AskQuestion", {"content-type": "application/json"}, b"{", 400, "invalid_argument"),
        ("POST", SERVICE + "AskQuestion", PROTO, b"\xff", 400, "invalid_argument"),
        ("POST", SERVICE + "AskQuestion", {"content-type": "text/plain"}, b"{}", 415, "invalid_argument"),
        ("POST", SERVICE + "AskQuestion", {**PROTO, "content-encoding": "gzip"}, b"", 501, "unimplemented"),
        ("POST", SERVICE + "AskQuestion", {**PROTO, "connect-timeout-ms": "x"}, b"", 400, "invalid_argument"),
        ("POST", SERVICE + "AskQuestion", {**PROTO, "origin": "http://evil.example"}, b"", 403, "permission_denied"),
        ("POST", SERVICE + "Nothing", PROTO, b"", 404, "unimplemented"),
        ("GET", SERVICE + "AskQuestion", {}, b"", 405, None),
        ("POST", "/elsewhere", PROTO, b"", 404, None),
    ],
)
async def test_what_is_no_call_is_refused(
    server: LocalServer,
    http: httpx.AsyncClient,
    method: str,
    path: str,
    headers: dict[str, str],
    content: bytes,
    status: int,
    code: str,
) -> None:
    response = await http.request(method, server.http_url + path, headers=headers, content=content)
    assert response.status_code == status
    if code:
        assert response.json()["code"] == code


async def test_a_body_too_large_is_refused_with_and_without_its_length_given(http: httpx.AsyncClient) -> None:
    async with LocalServer(limits=Limits(max_body=1000)) as server:
        request = question("q1", text="x" * 1000)
        response = await ask(http, server, request)
        assert (response.status_code, response.json()["code"]) == (413, "resource_exhausted")

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x" * 100

        url = server.http_url + SERVICE + "AskQuestion"
        response = await http.post(url, content=chunks(), headers=PROTO)
        assert response.status_code == 413


async def test_too_many_waiting_is_refused(enter: Enter, http: httpx.AsyncClient) -> None:
    async with LocalServer(limits=Limits(max_pending=1)) as server:
        ada = await enter(server)
        first = asyncio.create_task(ask(http, server, question("q1")))
        pushed = (await ada.expect("AskQuestion")).AskQuestionRequest
        response = await ask(http, server, question("q2"))
        assert (response.status_code, response.json()["code"]) == (429, "resource_exhausted")
        await ada.reply(pushed, "yes")
        await first


@pytest.mark.parametrize("method", ["AskQuestion", "WorkReport", "SendMcpClientInfo"])
async def test_a_wrong_token_is_refused(http: httpx.AsyncClient, method: str) -> None:
    async with LocalServer(token="right") as server:
        request: Any = {"AskQuestion": question, "WorkReport": report}.get(method, pb.McpClientInfoRequest)()
        request.UserToken = "wrong"
        response = await ask(http, server, request, method)
        assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
        assert "wrong" not in response.text


async def test_stopping_ends_waiting_calls_with_unavailable(enter: Enter, http: httpx.AsyncClient) -> None:
    async with LocalServer() as server:
        ada = await enter(server)
        call = asyncio.create_task(ask(http, server, question("q1")))
        await ada.expect("AskQuestion")
        await server.stop()
        response = await call
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
