"""A question that waits is a task to clients that take tasks: polled, cancelled, picked up again after a restart."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from chat_person import Person
from mcp import Client, MCPError
from mcp_agent import Handle, agent_of, data, poll, question_for, task_call, words
from mcp_types import HEADER_MISMATCH, INVALID_PARAMS, METHOD_NOT_FOUND, MISSING_REQUIRED_CLIENT_CAPABILITY

from ipymultichat.mcp.port import Waits
from ipymultichat.server import LocalServer

ASK: dict[str, Any] = {"question": "ok?", "timeout": 60}


async def begun(agent: Client, name: str = "ask_question", arguments: dict[str, Any] | None = None) -> Handle:
    """Call a tool, and return the handle that comes in place of its result."""
    handle = await agent.session.call_tool(name, arguments or ASK, allow_claimed=True)
    assert isinstance(handle, Handle)
    return handle


async def test_a_call_returns_a_handle_at_once_and_its_result_by_polling(server: LocalServer, ada: Person) -> None:
    async with agent_of(server, tasks=True) as agent:
        handle = await begun(agent)
        asked = await question_for(ada)
        assert (handle.task_id, handle.status, handle.poll_interval_ms) == (asked.ID, "working", 5000)
        assert handle.ttl_ms == 60_000 + 600_000
        assert datetime.fromisoformat(handle.created_at) == datetime.fromtimestamp(
            asked.Timestamp / 1000, datetime.fromisoformat(handle.created_at).tzinfo
        )
        working = await poll(agent.session, handle.task_id)
        assert (working.status, working.result) == ("working", None)
        await ada.reply(asked, "yes")
        assert (await ada.expect("RequestState")).StrParam == "kept"
        done = await poll(agent.session, handle.task_id)
        assert (done.status, done.created_at) == ("completed", handle.created_at)
        assert datetime.fromisoformat(done.last_updated_at) >= datetime.fromisoformat(done.created_at)
        assert done.result is not None
        assert data(done.result) == {"status": "answered", "answer": "yes", "by": "ada", "id": asked.ID}
        assert (await ada.expect("RequestState")).StrParam == "fetched"
        assert await poll(agent.session, handle.task_id) == done


async def test_a_client_that_polls_by_itself_just_gets_the_answer() -> None:
    async with LocalServer(waits=Waits(poll=0.01)) as server, agent_of(server, tasks=True) as agent:
        ada = await Person.connect(server.url)
        await ada.login("team", "ada")
        call = asyncio.ensure_future(agent.call_tool("work_report", {"summary": "done"}))
        await ada.reply((await ada.expect("WorkReport")).WorkReportRequest, "thanks")
        assert words(await call) == "thanks"
        await ada.leave()


async def test_a_cancelled_task_takes_its_card_away(server: LocalServer, ada: Person) -> None:
    async with agent_of(server, tasks=True) as agent:
        handle = await begun(agent)
        await question_for(ada)
        await task_call(agent.session, "tasks/cancel", handle.task_id)
        ended = (await ada.expect("RequestCancelled")).RequestCancelledNotification
        assert ended.request_id == handle.task_id
        assert (await poll(agent.session, handle.task_id)).status == "cancelled"
        await task_call(agent.session, "tasks/cancel", handle.task_id)
        assert await ada.before_answer() == []


async def test_nothing_asked_of_a_client_means_that_an_update_is_ignored(server: LocalServer, ada: Person) -> None:
    async with agent_of(server, tasks=True) as agent:
        handle = await begun(agent)
        await task_call(agent.session, "tasks/update", handle.task_id)
        assert (await poll(agent.session, handle.task_id)).status == "working"


async def test_a_question_that_runs_out_of_time_is_a_result_not_a_failure(server: LocalServer, ada: Person) -> None:
    async with agent_of(server, tasks=True) as agent:
        handle = await begun(agent)
        assert server._relay is not None
        now = server._relay.state._clock()
        server._relay.state._clock = lambda: now + timedelta(seconds=61).total_seconds()
        server._relay.changed.set()
        await question_for(ada)
        await ada.expect("RequestCancelled")
        state = await poll(agent.session, handle.task_id)
        assert state.status == "completed"
        assert state.result is not None
        assert (state.result.is_error, data(state.result)["status"]) == (True, "timed_out")


@pytest.mark.parametrize("method", ["tasks/get", "tasks/update", "tasks/cancel"])
async def test_the_task_of_another_token_is_not_found(server: LocalServer, ada: Person, method: str) -> None:
    async with agent_of(server, tasks=True) as agent, agent_of(server, token="other", tasks=True) as stranger:
        handle = await begun(agent)
        with pytest.raises(MCPError, match="Task not found") as caught:
            await task_call(stranger.session, method, handle.task_id)
        assert caught.value.error.code == INVALID_PARAMS
        assert (await poll(agent.session, handle.task_id)).status == "working"


async def test_a_client_that_takes_no_tasks_gets_none(server: LocalServer, ada: Person) -> None:
    async with agent_of(server) as agent:
        call = asyncio.ensure_future(agent.call_tool("ask_question", ASK))
        asked = await question_for(ada)
        with pytest.raises(MCPError, match="Missing required client capability") as caught:
            await poll(agent.session, asked.ID)
        assert caught.value.error.code == MISSING_REQUIRED_CLIENT_CAPABILITY
        await ada.reply(asked, "yes")
        assert data(await call)["answer"] == "yes"


async def test_a_header_that_names_another_task_than_the_call_is_refused(server: LocalServer, ada: Person) -> None:
    version, prefix = "2026-07-28", "io.modelcontextprotocol"
    declared: dict[str, Any] = {"extensions": {f"{prefix}/tasks": {}}}
    async with agent_of(server, tasks=True) as agent, httpx.AsyncClient() as http:
        task = (await begun(agent)).task_id
        meta = {f"{prefix}/protocolVersion": version, f"{prefix}/clientCapabilities": declared}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": {"taskId": task, "_meta": meta}}
        codes = []
        for name in (task, "another"):
            headers = {
                "authorization": "Bearer team",
                "accept": "application/json, text/event-stream",
                "mcp-protocol-version": version,
                "mcp-method": "tasks/get",
                "mcp-name": name,
            }
            answer = (await http.post(f"{server.http_url}/mcp", json=call, headers=headers)).json()
            codes.append(answer.get("error", {}).get("code"))
    assert codes == [None, HEADER_MISMATCH]


async def test_the_older_era_knows_no_tasks(server: LocalServer) -> None:
    async with agent_of(server, "legacy", tasks=True) as agent:
        with pytest.raises(MCPError) as caught:
            await poll(agent.session, "any")
    assert caught.value.error.code == METHOD_NOT_FOUND


async def test_a_task_outlives_its_server_and_its_client(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/requests.db"
    async with LocalServer(store=store) as server, agent_of(server, tasks=True) as agent:
        handle = await begun(agent)
    async with LocalServer(store=store) as server, agent_of(server, tasks=True) as agent:
        ada = await Person.connect(server.url)
        await ada.login("team", "ada")
        waiting = (await ada.list_pending()).pending_messages[0].ask_question_request
        assert (await poll(agent.session, handle.task_id)).status == "working"
        assert await ada.before_answer() == []  # nobody is called away: its client has the id, and polls
        await ada.reply(waiting, "yes")
        assert (await ada.expect("RequestState")).StrParam == "kept"
        await ada.leave()
    async with LocalServer(store=store) as server, agent_of(server, tasks=True) as agent:
        state = await poll(agent.session, handle.task_id)
        assert state.result is not None
        assert data(state.result)["answer"] == "yes"
