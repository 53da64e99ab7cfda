"""No log of any level, of whatever package, holds a token or a part of one."""

import asyncio
import base64
import json
import logging
from collections.abc import Iterator

import httpx
import pytest
from chat_person import Enter, question

from ipymultichat.agent import AgentClient
from ipymultichat.errors import AgentError
from ipymultichat.hub import Chat
from ipymultichat.server import LocalServer
from ipymultichat.wire import agentassist_pb2 as pb

TOKEN, WRONG = "Zq8wLk3vXy7bQn5h", "Jd5rTg1nMcWx9kPz"
URL = "/agentassistproto.SrvAgentAssist/"


def shapes(token: str) -> Iterator[str]:
    """Parts of a token, as they are and as logs show bytes."""
    raw = token.encode()
    for at in range(len(raw) - 3):
        part = raw[at : at + 4]
        yield part.decode()
        yield part.hex()
        yield part.hex(" ")
        yield "".join(f"\\x{byte:02x}" for byte in part)
    for at in range(3):
        yield base64.b64encode(raw[at:])[:12].decode()


def everything(record: logging.LogRecord) -> str:
    text = logging.Formatter("%(message)s").format(record)  # with the traceback, if there is one
    return f"{text} {record.args!r}"


async def anything_goes(server: LocalServer, token: str, http: httpx.AsyncClient) -> None:
    """Log in, call in every format, well and badly."""
    chat = Chat([server.url], token=token, profile=":memory:")
    await chat.connect()
    for method in ("AskQuestion", "WorkReport", "SendMcpClientInfo"):
        body = {"UserToken": token, "Request": {"Timeout": 1}, "ID": method} if method != "SendMcpClientInfo" else {}
        for data, kind in (
            (json.dumps({**body, "UserToken": token}).encode(), "json"),
            (json.dumps({"UserToken": token, "ID": 5}).encode(), "json"),
            (b'{"UserToken": "' + token.encode(), "json"),
            (question(method, token, timeout=1).SerializeToString(), "proto"),
            (question(method, token).SerializeToString() + b"\xff", "proto"),
        ):
            headers = {"content-type": f"application/{kind}", "connect-timeout-ms": "1"}
            await http.post(f"{server.http_url}{URL}{method}", content=data, headers=headers)
    agent = asyncio.ensure_future(AgentClient(server.url, token).ask_question("ok?"))
    if chat.connected_count:
        message = await chat.wait_for(kind="question", timeout=10)
        await chat.reply(message, "yes")
    try:
        await agent
    except AgentError:
        logging.getLogger("agent").exception("what it says is part of the test")
    chat.close()


async def test_no_log_of_any_level_holds_a_token_or_a_part_of_one(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    caplog.set_level(1)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(1, name)
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0  # so that asyncio names each callback, with what it is called with
    try:
        async with LocalServer(token=TOKEN) as server, httpx.AsyncClient(trust_env=False) as http:
            await anything_goes(server, TOKEN, http)
            await anything_goes(server, WRONG, http)
    finally:
        loop.set_debug(False)
    told = [(record.name, everything(record)) for record in caplog.records]
    names = {name.partition(".")[0] for name, _ in told}
    assert {"ipymultichat", "httpx", "httpcore", "asyncio", "agent"} <= names
    assert "ipymultichat.server" in {name for name, _ in told}
    secrets = [*shapes(TOKEN), *shapes(WRONG)]
    assert [(name, line) for name, line in told if any(secret in line for secret in secrets)] == []


async def test_no_frame_with_a_token_is_logged_by_the_servers_websocket_library(
    caplog: pytest.LogCaptureFixture, enter: Enter
) -> None:
    caplog.set_level(1)
    quiet = logging.getLogger("quiet client")
    quiet.setLevel(logging.CRITICAL)
    async with LocalServer() as server:
        ada = await enter(server, token=TOKEN, logger=quiet)
        request = pb.GetPendingMessagesRequest(user_token=TOKEN)
        await ada.send(Cmd="GetPendingMessages", GetPendingMessagesRequest=request)
        await ada.expect("GetPendingMessages")
        await ada.socket.send(b"\xff" + TOKEN.encode())
        await ada.closed()
    told = [everything(record) for record in caplog.records]
    assert any("connection open" in line for line in told)
    assert [line for line in told if any(secret in line for secret in shapes(TOKEN))] == []
