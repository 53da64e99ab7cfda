"""Agents ask over MCP on the server itself: the SDK's client, real sockets, both eras."""

import asyncio
import base64
import json
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from chat_person import Person, text_part
from mcp import MCPError
from mcp_agent import ERAS, agent_of, data, question_for, words
from mcp_types import EmbeddedResource, ImageContent, TextContent, TextResourceContents
from proxy import Proxy
from waiting import until

from ipymultichat.mcp.port import Waits
from ipymultichat.server import LocalServer
from ipymultichat.server.admission import Admission, Visit
from ipymultichat.wire import agentassist_pb2 as pb

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask_question", "arguments": {}}}
CLIENT_SIDE = ("httpcore", "httpx", "websockets.client", "mcp.client")
HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


def ask(text: str) -> dict[str, Any]:
    return {"question": text, "timeout": 60}


@pytest.mark.parametrize("era", ERAS)
async def test_an_agent_asks_and_gets_the_answer_as_words_and_as_data(
    server: LocalServer, ada: Person, era: str
) -> None:
    async with agent_of(server, era) as agent:
        arguments = {**ask("Deploy?"), "project_directory": "/p", "agent_name": "bot", "reasoning_model_name": "m1"}
        call = asyncio.ensure_future(agent.call_tool("ask_question", arguments))
        asked = await question_for(ada)
        assert (asked.Request.Question, asked.Request.Timeout) == ("Deploy?", 60)
        assert (asked.Request.ProjectDirectory, asked.Request.AgentName, asked.Request.ReasoningModelName) == (
            "/p",
            "bot",
            "m1",
        )
        assert asked.Request.McpClientName == "mcp"  # what the SDK's client calls itself
        await ada.reply(asked, "not on a Friday")
        result = await call
    assert (words(result), result.is_error) == ("not on a Friday", False)
    assert data(result) == {"status": "answered", "answer": "not on a Friday", "by": "ada", "id": asked.ID}


async def test_a_report_is_confirmed(server: LocalServer, ada: Person) -> None:
    async with agent_of(server) as agent:
        call = asyncio.ensure_future(agent.call_tool("work_report", {"summary": "All done."}))
        handed_in = (await ada.expect("WorkReport")).WorkReportRequest
        assert (handed_in.Request.Summary, handed_in.Request.Timeout) == ("All done.", 3600)
        await ada.reply(handed_in, "thanks")
        assert data(await call)["answer"] == "thanks"


async def test_questions_with_choices_reach_people_as_such(server: LocalServer, ada: Person) -> None:
    choices = {"question": "Which?", "header": "DB", "options": [{"label": "a"}, {"label": "b", "description": "B"}]}
    async with agent_of(server) as agent:
        call = asyncio.ensure_future(agent.call_tool("ask_question", {"questions": [{**choices, "custom": False}]}))
        asked = await question_for(ada)
        await ada.reply(asked, "a")
        await call
    options = [pb.Option(label="a"), pb.Option(label="b", description="B")]
    assert asked.Request.Question == "Which?"
    assert list(asked.Request.Questions) == [pb.Question(question="Which?", header="DB", options=options)]


async def test_blocks_of_a_question_become_markdown(server: LocalServer, ada: Person) -> None:
    blocks = [
        {"type": "text", "text": "See"},
        {"type": "resource_link", "uri": "https://e.org/a b.md", "name": "notes [1]"},
        {"type": "resource_link", "uri": "file:///a b.md", "name": "draft"},
        {"type": "image", "data": "AAAA", "mimeType": "image/png"},
    ]
    async with agent_of(server) as agent:
        call = asyncio.ensure_future(agent.call_tool("ask_question", {"question": blocks}))
        asked = await question_for(ada)
        await ada.reply(asked, "seen")
        await call
    assert asked.Request.Question.split("\n\n") == [
        "See",
        "[notes \\[1\\]](<https://e.org/a b.md>)",
        "draft (`file:///a b.md`)",
        "![image](data:image/png;base64,AAAA)",
    ]


async def test_images_and_files_of_an_answer_arrive_as_such(server: LocalServer, ada: Person) -> None:
    image = pb.ImageContent(type="image", data=base64.b64encode(b"\x89PNG").decode(), mime_type="image/png")
    file = pb.EmbeddedResource(type="embedded_resource", uri="file:///a.csv", mime_type="text/csv", data=b"1,2")
    raw = pb.EmbeddedResource(type="embedded_resource", uri="file:///a.bin", mime_type="application/x", data=b"\xff")
    async with agent_of(server) as agent:
        call = asyncio.ensure_future(agent.call_tool("ask_question", ask("Show me")))
        asked = await question_for(ada)
        contents = [
            text_part("here"),
            pb.McpResultContent(type=2, image=image),
            pb.McpResultContent(type=4, embedded_resource=file),
            pb.McpResultContent(type=4, embedded_resource=raw),
        ]
        answer = pb.AskQuestionResponse(ID=asked.ID, contents=contents)
        await ada.send(Cmd="AskQuestionReply", AskQuestionRequest=asked, AskQuestionResponse=answer)
        text, shown, table, binary = (await call).content
    assert isinstance(text, TextContent)
    assert isinstance(shown, ImageContent)
    assert (base64.b64decode(shown.data), shown.mime_type) == (b"\x89PNG", "image/png")
    assert isinstance(table, EmbeddedResource)
    assert isinstance(table.resource, TextResourceContents)
    assert (table.resource.uri, table.resource.text) == ("file:///a.csv", "1,2")
    assert isinstance(binary, EmbeddedResource)
    assert binary.resource.model_dump()["blob"] == base64.b64encode(b"\xff").decode()


async def test_a_question_waits_for_somebody_to_come_online(server: LocalServer) -> None:
    async with agent_of(server) as agent:
        call = asyncio.ensure_future(agent.call_tool("ask_question", ask("Anybody?")))
        await until(lambda: server._relay is not None and len(server._relay.state.waiting) == 1)
        late = await Person.connect(server.url)
        await late.login("team", "late")
        listing = await late.list_pending()
        await late.reply(listing.pending_messages[0].ask_question_request, "me")
        assert data(await call)["by"] == "late"
        await late.leave()


async def test_several_calls_of_one_client_wait_at_once(server: LocalServer, ada: Person) -> None:
    async with agent_of(server) as agent:
        calls = [asyncio.ensure_future(agent.call_tool("ask_question", ask(text))) for text in ("one", "two")]
        asked = {(question := await question_for(ada)).Request.Question: question for _ in calls}
        await ada.reply(asked["two"], "2")
        assert data(await calls[1])["answer"] == "2"
        assert not calls[0].done()
        await ada.reply(asked["one"], "1")
        assert data(await calls[0])["answer"] == "1"


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({}, "pass a non-empty `question`, or `questions`"),
        ({"question": "ok?", "timeout": 0}, "timeout: Input should be greater than 0"),
        ({"question": "ok?", "urgent": True}, "urgent: there is no such parameter"),
        ({"question": [{"type": "image"}]}, "question: Value error, a text (Markdown), or a list of blocks"),
        (
            {"questions": [{"question": "ok?", "options": [{"label": ""}]}]},
            "questions.0.options.0.label: String should",
        ),
    ],
)
async def test_a_wrong_argument_is_named_and_nobody_is_asked(
    server: LocalServer, ada: Person, arguments: dict[str, Any], fault: str
) -> None:
    async with agent_of(server) as agent:
        result = await agent.call_tool("ask_question", arguments)
    assert result.is_error
    assert fault in words(result)
    assert "Its parameters are question, questions" in words(result) or "question" in words(result)
    assert await ada.before_answer() == []


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic secret"}])
async def test_a_wrong_token_gets_401_and_reaches_nobody(header: dict[str, str]) -> None:
    async with LocalServer(token="secret") as server, httpx.AsyncClient(verify=False) as http:
        ada = await Person.connect(server.url)
        await ada.login("secret", "ada")
        call = {**CALL, "params": {"name": "ask_question", "arguments": ask("Who am I?")}}
        response = await http.post(f"{server.http_url}/mcp", json=call, headers={**HEADERS, **header})
        assert (response.status_code, response.headers["www-authenticate"]) == (401, 'Bearer realm="ipymultichat"')
        assert server._relay is not None
        assert server._relay.guesses._tries["127.0.0.1"].count == 1
        assert await ada.before_answer() == []
        assert (await ada.list_pending()).total_count == 0
        await ada.leave()


async def test_a_token_may_have_any_letters(server: LocalServer) -> None:
    async with agent_of(server, token="tökén ✓") as agent:
        ada = await Person.connect(server.url)
        await ada.login("tökén ✓", "ada")
        call = asyncio.ensure_future(agent.call_tool("ask_question", ask("ok?")))
        await ada.reply(await question_for(ada), "yes")
        assert data(await call)["answer"] == "yes"
        await ada.leave()


async def post(server: LocalServer, content: bytes, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(verify=False) as http:
        every = {**HEADERS, "authorization": "Bearer team", **headers}
        return await http.post(f"{server.http_url}/mcp", content=content, headers=every)


async def test_a_web_page_of_elsewhere_is_turned_away(server: LocalServer) -> None:
    assert (await post(server, json.dumps(CALL).encode(), origin="https://evil.example")).status_code == 403


async def test_any_host_name_may_lead_to_the_server(server: LocalServer) -> None:
    assert (await post(server, json.dumps(CALL).encode(), host="chat.example")).status_code == 200


async def test_a_body_larger_than_the_server_reads_in_json_is_refused(server: LocalServer) -> None:
    assert (await post(server, b" " * (256 * 1024 + 1))).status_code == 413
    assert (await post(server, b"[" * 2001)).status_code == 400


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_there_is_nothing_but_calls(server: LocalServer, method: str) -> None:
    async with httpx.AsyncClient(verify=False) as http:
        headers = {"authorization": "Bearer team", "accept": "text/event-stream"}
        response = await http.request(method, f"{server.http_url}/mcp", headers=headers)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_a_call_that_waits_is_not_cut_as_one_of_a_stranger(
    server: LocalServer, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits: list[Visit | None] = []
    enter = Admission.enter

    def entered(admission: Admission, *given: Any, **named: Any) -> Visit | None:
        visits.append(enter(admission, *given, **named))
        return visits[-1]

    monkeypatch.setattr(Admission, "enter", entered)
    async with agent_of(server) as agent:
        call = asyncio.ensure_future(agent.call_tool("ask_question", ask("ok?")))
        asked = await question_for(ada)
        assert [visit.proven for visit in visits] == [True] * len(visits) != []
        await ada.reply(asked, "yes")
        await call


async def test_a_person_who_declines_is_no_fault_of_the_protocol(server: LocalServer, ada: Person) -> None:
    async with agent_of(server) as agent:
        call = asyncio.ensure_future(agent.call_tool("ask_question", ask("ok?")))
        await ada.reply(await question_for(ada), "", IsError=True, Meta={"error": "ask somebody else"})
        result = await call
    assert (result.is_error, data(result)["status"]) == (True, "refused")
    assert "ask somebody else" in words(result)


async def test_a_question_nobody_answers_in_time_says_that_this_is_no_consent(server: LocalServer, ada: Person) -> None:
    async with agent_of(server) as agent:
        call = asyncio.ensure_future(agent.call_tool("ask_question", {"question": "ok?", "timeout": 0.1}))
        await question_for(ada)
        assert server._relay is not None
        server._relay.state._clock = lambda: 2e10
        server._relay.changed.set()
        result = await call
    assert (result.is_error, data(result)["status"], data(result)["answer"]) == (True, "timed_out", None)
    assert "no consent" in words(result)


async def test_more_questions_than_may_wait_are_refused_with_the_reason(server: LocalServer, ada: Person) -> None:
    assert server._relay is not None
    server._relay.state.waiting.limits = type(server._limits)(max_pending=1)
    async with agent_of(server) as agent:
        first = asyncio.ensure_future(agent.call_tool("ask_question", ask("one")))
        asked = await question_for(ada)
        result = await agent.call_tool("ask_question", ask("two"))
        assert (result.is_error, data(result)["status"]) == (True, "refused")
        assert "1 requests wait for this token already" in words(result)
        await ada.reply(asked, "1")
        await first


# Waiting


async def test_an_agent_hears_that_nobody_is_online_yet_while_its_question_waits_for_somebody() -> None:
    async with LocalServer(waits=Waits(beat=0.01)) as server, agent_of(server) as agent:
        told: list[str | None] = []

        async def beat(progress: float, total: float | None, message: str | None) -> None:
            told.append(message)

        call = asyncio.ensure_future(agent.call_tool("ask_question", ask("ok?"), progress_callback=beat))
        await until(lambda: told)
        assert set(told) == {"nobody is online yet; waiting for somebody to come"}
        ada = await Person.connect(server.url)
        await ada.login("team", "ada")
        (waiting,) = (await ada.list_pending()).pending_messages
        await until(lambda: told[-1] == "waiting for a person to answer")
        await ada.reply(waiting.ask_question_request, "here I am")
        assert data(await call)["answer"] == "here I am"
        await ada.leave()


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_asked_for_it_gets_signs_of_life(era: str) -> None:
    async with LocalServer(waits=Waits(beat=0.01, silent=0.02)) as server, agent_of(server, era) as agent:
        ada = await Person.connect(server.url)
        await ada.login("team", "ada")
        beats: list[float] = []
        enough = asyncio.Event()

        async def beat(progress: float, total: float | None, message: str | None) -> None:
            assert (total, message) == (None, "waiting for a person to answer")
            beats.append(progress)
            if len(beats) == 5:
                enough.set()

        call = asyncio.ensure_future(agent.call_tool("ask_question", ask("ok?"), progress_callback=beat))
        asked = await question_for(ada)
        await enough.wait()
        await ada.reply(asked, "yes")
        assert data(await call)["answer"] == "yes"
        assert beats == sorted(set(beats))
        await ada.leave()


@pytest.mark.parametrize("era", ERAS)
async def test_the_call_of_any_other_client_ends_with_the_id_and_the_question_waits_on(era: str) -> None:
    async with LocalServer(waits=Waits(silent=0.05)) as server, agent_of(server, era) as agent:
        ada = await Person.connect(server.url)
        await ada.login("team", "ada")
        result = await agent.call_tool("ask_question", ask("ok?"))
        asked = await question_for(ada)
        told = words(result)
        assert f'Call the tool `await_answer` with id "{asked.ID}"' in told
        assert (result.is_error, data(result)) == (
            False,
            {"status": "waiting", "answer": None, "by": None, "id": asked.ID, "message": told},
        )
        again = await agent.call_tool("await_answer", {"id": asked.ID, "timeout": 0.01})
        assert data(again)["status"] == "waiting"
        assert await ada.before_answer() == []
        await ada.reply(asked, "yes")
        answered = await agent.call_tool("await_answer", {"id": asked.ID})
        assert data(answered) == {"status": "answered", "answer": "yes", "by": "ada", "id": asked.ID}
        await ada.leave()


async def test_only_the_token_that_asked_gets_the_answer() -> None:
    async with LocalServer(waits=Waits(silent=0.05)) as server, agent_of(server) as agent:
        asked = data(await agent.call_tool("ask_question", ask("ok?")))["id"]
        async with agent_of(server, token="other") as stranger:
            result = await stranger.call_tool("await_answer", {"id": asked})
        assert result.is_error
        assert f"no question has the id '{asked}'" in words(result)


def http_of(proxy: Proxy) -> str:
    return proxy.url.replace("ws:", "http:").removesuffix("/ws")


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_hangs_up_gets_the_answer_when_it_comes_back(tmp_path: Path, era: str) -> None:
    async with LocalServer(store=f"sqlite:///{tmp_path}/requests.db") as server:
        ada = await Person.connect(server.url)
        await ada.login("team", "ada")

        async def ask_through(address: str) -> None:
            async with agent_of(address, era) as agent:
                await agent.call_tool("ask_question", ask("ok?"))

        async with Proxy(server.http_url) as proxy:
            asking = asyncio.ensure_future(ask_through(http_of(proxy)))
            asked = await question_for(ada)
            proxy.cut()
            await asyncio.wait({asking})
            assert asking.exception() is not None
            state = await ada.expect("RequestState")
            assert (state.StrParam, list(state.CheckMessageValidityRequest.request_ids)) == ("away", [asked.ID])
        await ada.reply(asked, "yes")
        kept = await ada.expect("RequestState")
        assert (kept.StrParam, list(kept.CheckMessageValidityRequest.request_ids)) == ("kept", [asked.ID])
        async with agent_of(server, era) as agent:
            result = await agent.call_tool("await_answer", {"id": asked.ID})
            assert data(result) == {"status": "answered", "answer": "yes", "by": "ada", "id": asked.ID}
        await ada.leave()


@pytest.mark.parametrize("store", ["memory:", "sqlite"])
async def test_a_call_that_its_client_cancels_withdraws_its_question(store: str, tmp_path: Path) -> None:
    url = store if store == "memory:" else f"sqlite:///{tmp_path}/requests.db"
    async with LocalServer(store=url) as server, agent_of(server, "legacy") as agent:
        ada = await Person.connect(server.url)
        await ada.login("team", "ada")
        call = asyncio.ensure_future(agent.call_tool("ask_question", ask("ok?")))
        other = asyncio.ensure_future(agent.call_tool("ask_question", ask("ok as well?")))
        asked = {(question := await question_for(ada)).Request.Question: question for _ in range(2)}
        call.cancel()
        ended = (await ada.expect("RequestCancelled")).RequestCancelledNotification
        assert ended.request_id == asked["ok?"].ID
        await ada.reply(asked["ok as well?"], "yes")
        assert data(await other)["answer"] == "yes"
        await ada.leave()


async def test_a_client_that_gives_a_call_up_gets_the_answer_without_an_id(server: LocalServer, ada: Person) -> None:
    async with agent_of(server, "legacy") as agent, agent_of(server, "legacy") as other:
        with pytest.raises(MCPError, match="timed out"):
            await agent.call_tool("ask_question", ask("ok?"), read_timeout_seconds=0.1)
        asked = await question_for(ada)
        assert await ada.pending(asked.ID) == {asked.ID: True}
        await ada.reply(asked, "yes")
        assert data(await agent.call_tool("await_answer", {}))["answer"] == "yes"
        unknown = await other.call_tool("await_answer", {})
        assert unknown.is_error
        assert "pass the `id`" in words(unknown)


async def test_one_client_cannot_cancel_the_calls_of_another(server: LocalServer, ada: Person) -> None:
    async with agent_of(server, "legacy") as agent:
        call = asyncio.ensure_future(agent.call_tool("ask_question", ask("ok?")))
        asked = await question_for(ada)
        for number in range(10):
            gone = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}
            assert (await post(server, json.dumps(gone).encode())).status_code == 202
        assert await ada.pending(asked.ID) == {asked.ID: True}
        await ada.reply(asked, "yes")
        assert data(await call)["answer"] == "yes"


@pytest.mark.parametrize("era", ERAS)
async def test_a_question_outlives_its_server(tmp_path: Path, era: str) -> None:
    store = f"sqlite:///{tmp_path}/requests.db"
    async with LocalServer(store=store, waits=Waits(silent=0.05)) as server, agent_of(server, era) as agent:
        asked = data(await agent.call_tool("ask_question", ask("ok?")))["id"]
    async with LocalServer(store=store) as server, agent_of(server, era) as agent:
        call = asyncio.ensure_future(agent.call_tool("await_answer", {"id": asked}))
        ada = await Person.connect(server.url)
        await ada.login("team", "ada")
        waiting = (await ada.list_pending()).pending_messages[0].ask_question_request
        assert asked == waiting.ID
        await ada.reply(waiting, "yes")
        assert data(await call)["answer"] == "yes"
        await ada.leave()


async def test_a_server_that_stops_says_that_its_questions_wait_on(tmp_path: Path) -> None:
    server = await LocalServer(store=f"sqlite:///{tmp_path}/requests.db").start()
    async with agent_of(server, "legacy") as agent:
        await agent.list_tools()  # or the client would do so after the answer, to check it
        call = asyncio.ensure_future(agent.call_tool("ask_question", ask("ok?")))
        await until(lambda: server._relay is not None and len(server._relay.state.waiting) == 1)
        await server.stop()
        assert data(await call)["status"] == "waiting"


async def test_an_unknown_tool_is_named(server: LocalServer) -> None:
    async with agent_of(server) as agent:
        result = await agent.call_tool("ask", {})
    assert result.is_error
    assert "there is no tool 'ask'; there are ask_question" in words(result)


async def test_no_log_holds_the_token(server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with agent_of(server, "legacy", token="hunter2-secret") as agent:
            ada = await Person.connect(server.url)
            await ada.login("hunter2-secret", "ada")
            call = asyncio.ensure_future(agent.call_tool("ask_question", ask("ok?")))
            await ada.reply(await question_for(ada), "yes")
            assert data(await call)["answer"] == "yes"
            await ada.leave()
        lines = [record.getMessage() for record in caplog.records if not record.name.startswith(CLIENT_SIDE)]
    assert len(lines) > 5
    assert [line for line in lines if "hunter2" in line] == []


async def test_without_the_sdk_there_is_no_such_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipymultichat.server.local.installed", lambda: False)
    async with LocalServer() as server:
        assert (await post(server, json.dumps(CALL).encode())).status_code == 404


async def test_a_server_that_has_stopped_leaves_nothing_running() -> None:
    before = asyncio.all_tasks()
    async with LocalServer() as server:
        assert (await post(server, json.dumps(CALL).encode())).status_code == 200
    # What writes the streams of the SDK watches for the end of the process with one task for each thread.
    assert [task for task in asyncio.all_tasks() - before if "sse_starlette" not in repr(task)] == []


async def test_a_large_attachment_is_named_and_the_rest_arrives(server: LocalServer, ada: Person) -> None:
    image = pb.ImageContent(type="image", data=base64.b64encode(bytes(4 * 2**20)).decode(), mime_type="image/png")
    async with agent_of(server) as agent:
        call = asyncio.ensure_future(agent.call_tool("ask_question", ask("Show me")))
        asked = await question_for(ada)
        contents = [text_part("here"), pb.McpResultContent(type=2, image=image)]
        answer = pb.AskQuestionResponse(ID=asked.ID, contents=contents)
        await ada.send(Cmd="AskQuestionReply", AskQuestionRequest=asked, AskQuestionResponse=answer)
        result = await call
    assert words(result).startswith("here\n(image/png: 4,194,304 bytes, left out;")
