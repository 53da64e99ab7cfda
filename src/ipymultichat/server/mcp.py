"""`/mcp`: agents ask over MCP, on the server itself."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ipymultichat.mcp.port import Waits
from ipymultichat.server import connect
from ipymultichat.server.desk import Desk
from ipymultichat.server.effects import Refused
from ipymultichat.server.relay import Relay
from ipymultichat.server.rpc import bearer_team, check_origin, read_body

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from ipymultichat.mcp.tools import Tools
    from ipymultichat.server.admission import Admission, Visit

TEAM = "ipymultichat.team"
"""Where the scope of a call names the team of its token."""

SESSION = "mcp-session-id"

MAX_NOTICE = 16_384
"""Bytes of a message in which the beginning of a session, or a cancellation, is looked for."""

NOTICES = (b'"initialize"', b'"notifications/cancelled"')

LAST_WORDS = 0.5
"""Seconds for which calls that have ended may still send their results while the server stops."""


def installed() -> bool:
    """Whether the SDK is there: it comes with the `[mcp]` extra."""
    return importlib.util.find_spec("mcp") is not None


class McpEndpoint:
    """An ASGI app for `POST /mcp`, in both eras of the protocol.

    Nothing is kept between two calls, so that a client survives a restart of the server. In the older era a client gets
    a session id all the same: it holds what the client is called, and by it cancellations find their calls.

    Args:
        relay: where requests go.
        allowed_origins: see `origin_allowed`.
        waits: how long calls take.
    """

    def __init__(self, relay: Relay, allowed_origins: Collection[str], waits: Waits) -> None:
        self._relay = relay
        self._allowed_origins = allowed_origins
        self._waits = waits
        self._turn = asyncio.Lock()
        self._running: tuple[Tools, StreamableHTTPSessionManager] | None = None
        self._runner: asyncio.Task[None] | None = None
        self._ending = False
        self._stopping = asyncio.Event()
        self._calls: set[asyncio.Task[Any]] = set()

    async def stop(self) -> None:
        """Take no more calls, and end what is left of them."""
        self._ending = True
        if self._calls:
            await asyncio.wait(self._calls, timeout=LAST_WORDS)
        self._stopping.set()
        if self._runner is not None:
            await asyncio.wait({self._runner})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call; a caller that hung up gets nothing."""
        request = Request(scope, receive)
        try:
            team = await self._admit(request)
            body = await self._body(request)
            tools, manager = await self._started()
        except Refused as refused:
            await _refusal(refused)(scope, receive, send)
            return
        except ClientDisconnect:
            return
        session = request.headers.get(SESSION, "")
        notice = _notice(body)
        if not session and notice.get("method") == "initialize":
            send = _with_session(tools.session_of(notice), send)
        if notice.get("method") == "notifications/cancelled":
            await tools.cancel(team, session, notice["params"])
        call = asyncio.ensure_future(manager.handle_request({**scope, TEAM: team}, _replay(body, receive), send))
        self._calls.add(call)
        try:
            await call
        finally:
            call.cancel()
            self._calls.discard(call)

    async def _admit(self, request: Request) -> str:
        check_origin(request, self._allowed_origins)
        team = await bearer_team(request, self._relay)
        if request.method != "POST":  # a stream for what the server says by itself, or the end of a session
            raise Refused("unimplemented", "calls are made with POST", status=405)
        return team

    async def _body(self, request: Request) -> bytes:
        visit: Visit = request.scope["state"]["visit"]
        admission: Admission = request.scope["state"]["admission"]
        limits = self._relay.state.limits
        try:
            body = await read_body(request, min(limits.max_json, limits.max_body))
        finally:
            admission.hold(visit, 0)
        if body.count(b"{") + body.count(b"[") > limits.max_fields // connect.JSON_COST:
            raise Refused("invalid_argument", "the body holds too many objects and lists")
        return body

    async def _started(self) -> tuple[Tools, StreamableHTTPSessionManager]:
        """Return what serves calls; the SDK is loaded with the first one, in a thread, for it takes a second."""
        async with self._turn:
            if self._ending:
                raise Refused("unavailable", "the server is stopping")
            if self._running is None:
                tools, manager = await asyncio.to_thread(_make, Desk(self._relay), self._waits)
                ready = asyncio.Event()
                self._runner = asyncio.create_task(self._run(manager, ready))
                await ready.wait()
                self._running = tools, manager
            return self._running

    async def _run(self, manager: StreamableHTTPSessionManager, ready: asyncio.Event) -> None:
        async with manager.run():
            ready.set()
            await self._stopping.wait()


def _make(desk: Desk, waits: Waits) -> tuple[Tools, StreamableHTTPSessionManager]:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from ipymultichat.mcp.tools import Tools

    tools = Tools(desk, lambda context: str(context.request.scope[TEAM]), waits)  # type: ignore[union-attr]
    # Origins and the size of bodies are this endpoint's to check, as on the rest of the server.
    return tools, StreamableHTTPSessionManager(tools.server(), stateless=True)


def _refusal(refused: Refused) -> Response:
    response = connect.refusal(refused)
    if refused.code == "unauthenticated":
        response.headers["www-authenticate"] = 'Bearer realm="ipymultichat"'
    elif response.status_code == 405:
        response.headers["allow"] = "POST"
    return response


def _notice(body: bytes) -> dict[str, Any]:
    """Return a message that may begin a session or cancel a call; of any other, nothing."""
    if len(body) > MAX_NOTICE or not any(name in body for name in NOTICES):
        return {}
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) and isinstance(message.get("params"), dict) else {}


def _with_session(session: str, send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (SESSION.encode(), session.encode())]
        await send(message)

    return sending


def _replay(body: bytes, receive: Receive) -> Receive:
    first = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> Message:
        return first.pop() if first else await receive()

    return receiving
