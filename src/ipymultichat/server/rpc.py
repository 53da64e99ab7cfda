"""The agents' side of the server: three unary calls over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ipymultichat.server import connect
from ipymultichat.server.effects import AnyRequest, AnyResponse, Kind, Pending, Refused
from ipymultichat.server.origin import origin_allowed
from ipymultichat.server.relay import Relay
from ipymultichat.wire import agentassist_pb2 as pb

if TYPE_CHECKING:
    from ipymultichat.server.admission import Admission, Visit

AnyCall = AnyRequest | pb.McpClientInfoRequest

PATH = "/agentassistproto.SrvAgentAssist/{method}"


class RpcEndpoint:
    """An ASGI app for `POST /agentassistproto.SrvAgentAssist/METHOD`.

    Args:
        relay: where requests go.
        allowed_origins: see `origin_allowed`.
    """

    def __init__(self, relay: Relay, allowed_origins: Collection[str]) -> None:
        self._relay = relay
        self._allowed_origins = allowed_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call; a caller that hung up gets nothing."""
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except Refused as refused:
            response = connect.refusal(refused)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        method = request.path_params["method"]
        if method not in ("AskQuestion", "WorkReport", "SendMcpClientInfo"):
            raise Refused("unimplemented", "there is no such method", status=404)
        if request.method != "POST":
            return Response("calls are made with POST\n", 405, headers={"allow": "POST"}, media_type="text/plain")
        if not origin_allowed(request.headers.get("origin"), request.headers.get("host"), self._allowed_origins):
            raise Refused("permission_denied", "web pages of this origin may not call the server")
        content_type = connect.content_type_of(request.headers)
        deadline = connect.check_headers(request.headers)
        if method == "SendMcpClientInfo":
            await self._read(request, content_type, pb.McpClientInfoRequest())
            return connect.answer(pb.McpClientInfoResponse(Success=True), content_type)
        kind: Kind = "AskQuestion" if method == "AskQuestion" else "WorkReport"
        call: AnyRequest = pb.AskQuestionRequest() if kind == "AskQuestion" else pb.WorkReportRequest()
        await self._read(request, content_type, call)
        return connect.answer(await self._ask(request, kind, call, deadline), content_type)

    async def _read(self, request: Request, content_type: str, into: AnyCall) -> None:
        """Read a call, and see that its token is accepted; only then may its connection stay."""
        visit: Visit = request.scope["state"]["visit"]
        admission: Admission = request.scope["state"]["admission"]
        try:
            connect.parse(await self._body(request, content_type), content_type, into, self._relay.state.limits)
            await asyncio.sleep(self._relay.guesses.delay(visit.address))
            if not self._relay.authorize(into.UserToken, visit.address):
                raise Refused("unauthenticated", "the server does not accept this token")
        finally:
            admission.hold(visit, 0)
        admission.prove(visit)

    async def _body(self, request: Request, content_type: str) -> bytes:
        visit: Visit = request.scope["state"]["visit"]
        admission: Admission = request.scope["state"]["admission"]
        limit = self._relay.state.limits.max_body
        remedy = ""
        if content_type == connect.JSON and self._relay.state.limits.max_json < limit:
            limit, remedy = self._relay.state.limits.max_json, f"; as {connect.PROTO} it may have {limit}"
        too_large = Refused("resource_exhausted", f"the body is larger than {limit} bytes{remedy}", status=413)
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > limit:
            raise too_large
        chunks, size = [], 0
        async for chunk in request.stream():
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                raise too_large
            if not admission.hold(visit, size):
                raise Refused("resource_exhausted", "the server receives too much at once, try again later")
        return b"".join(chunks)

    async def _ask(self, request: Request, kind: Kind, call: AnyRequest, deadline: float | None) -> AnyResponse:
        """Wait for a person, the end of the time, or the caller hanging up, whichever is first."""
        pending, answer = self._relay.ask(kind, call)
        hung_up = asyncio.create_task(_hung_up(request))
        either: set[asyncio.Future[Any]] = {answer, hung_up}
        in_time = deadline is None or pending.timeout <= deadline
        try:
            await asyncio.wait(
                either,
                timeout=pending.timeout if in_time else deadline,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if answer.done():
                return answer.result()
            if hung_up.done():
                raise ClientDisconnect
            return self._out_of_time(pending, answer, in_time=in_time)
        finally:
            self._relay.abandon(pending, answer)
            hung_up.cancel()
            await asyncio.wait({hung_up})

    def _out_of_time(self, pending: Pending, answer: asyncio.Future[AnyResponse], *, in_time: bool) -> AnyResponse:
        if not in_time:
            raise Refused("deadline_exceeded", "nobody answered within Connect-Timeout-Ms")
        self._relay.expire(pending)
        return answer.result()


async def _hung_up(request: Request) -> None:
    """Return when the caller has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
