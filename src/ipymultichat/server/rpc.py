"""The agents' side of the server: three unary calls over HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ipymultichat.server import connect
from ipymultichat.server.effects import Refused
from ipymultichat.server.limits import KIB
from ipymultichat.server.origin import origin_allowed
from ipymultichat.server.relay import Answer, Relay
from ipymultichat.server.stores.record import AnyRequest, AnyResponse, Key, Kind, Record
from ipymultichat.wire import agentassist_pb2 as pb

if TYPE_CHECKING:
    from ipymultichat.server.admission import Admission, Visit

AnyCall = AnyRequest | pb.McpClientInfoRequest

PATH = "/agentassistproto.SrvAgentAssist/{method}"
WITHDRAW = "/ipymultichat/withdraw"
ANSWER = "/ipymultichat/answer"

PREFERS_NAME, BY = "answered-by", "by"
"""A preference of callers (RFC 7240), and where they find it in the answer's `Meta`: the nickname of who gave it. Other
programs get the `Meta` of the person alone."""

MAX_ID_BODY = 16 * KIB
"""Bytes of a body at most that holds an id alone."""


class Endpoint:
    """An ASGI app for calls; what refuses one is answered in the form of the Connect protocol.

    Args:
        relay: where requests are.
        allowed_origins: see `origin_allowed`.
    """

    def __init__(self, relay: Relay, allowed_origins: Collection[str]) -> None:
        self._relay = relay
        self._allowed_origins = allowed_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call; a caller that hung up gets nothing."""
        try:
            response = await self._respond(Request(scope, receive))
        except Refused as refused:
            response = connect.refusal(refused)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        raise NotImplementedError

    async def _key(self, request: Request) -> Key:
        """Read a call whose token comes as `Authorization: Bearer TOKEN`, and whose body is `{"id": "…"}`."""
        check_origin(request, self._allowed_origins)
        team = await bearer_team(request, self._relay)
        try:
            body = await read_body(request, MAX_ID_BODY)
        finally:
            admission: Admission = request.scope["state"]["admission"]
            admission.hold(request.scope["state"]["visit"], 0)
        return team, connect.field(body, "id")

    async def _wait(
        self, request: Request, record: Record, answer: Answer, seconds: float | None
    ) -> AnyResponse | None:
        """Wait for a person, the end of the seconds, or the caller hanging up, whichever is first.

        Returns:
            The answer; None when the seconds are over.

        Raises:
            ClientDisconnect: the caller hung up.
            Refused: the server is stopping.
        """
        hung_up = asyncio.create_task(_hung_up(request))
        either: set[asyncio.Future[Any]] = {answer, hung_up}
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if hung_up.done():
                if answer.done() and answer.exception() is None:
                    self._relay.missed(record)
                raise ClientDisconnect
            return await self._with_name(request, record.key, answer.result()) if answer.done() else None
        finally:
            hung_up.cancel()
            await asyncio.wait({hung_up})

    async def _with_name(self, request: Request, key: Key, answer: AnyResponse) -> AnyResponse:
        """Add who gave the answer, for callers that prefer to know."""
        prefers = PREFERS_NAME in request.headers.get("prefer", "") and answer.contents
        if not prefers or not (by := await self._relay.answered_by(key)):
            return answer
        named = type(answer)()  # others may wait for the same one
        named.CopyFrom(answer)  # type: ignore[arg-type]
        named.Meta[BY] = by
        return named


class RpcEndpoint(Endpoint):
    """`POST /agentassistproto.SrvAgentAssist/METHOD`."""

    async def _respond(self, request: Request) -> Response:
        method = request.path_params["method"]
        if method not in ("AskQuestion", "WorkReport", "SendMcpClientInfo"):
            raise Refused("unimplemented", "there is no such method", status=404)
        if request.method != "POST":
            return Response("calls are made with POST\n", 405, headers={"allow": "POST"}, media_type="text/plain")
        check_origin(request, self._allowed_origins)
        content_type = connect.content_type_of(request.headers)
        deadline = connect.check_headers(request.headers)
        if method == "SendMcpClientInfo":
            await self._read(request, content_type, pb.McpClientInfoRequest())
            return connect.answer(pb.McpClientInfoResponse(Success=True), content_type)
        kind: Kind = "AskQuestion" if method == "AskQuestion" else "WorkReport"
        call: AnyRequest = pb.AskQuestionRequest() if kind == "AskQuestion" else pb.WorkReportRequest()
        team = await self._read(request, content_type, call)
        if "respond-async" in request.headers.get("prefer", "") and self._relay.store.durable:
            return await self._leave(kind, call, team, content_type)
        return connect.answer(await self._ask(request, kind, call, team, deadline), content_type)

    async def _leave(self, kind: Kind, call: AnyRequest, team: str, content_type: str) -> Response:
        """Take a request in that waits for its whole time although its caller does not (RFC 7240, `respond-async`)."""
        record, answer = await self._relay.ask(kind, call, team, hold=True)
        if answer.done():
            return connect.answer(answer.result(), content_type)
        self._relay.detach(record, answer)
        headers = {"preference-applied": "respond-async"}
        return JSONResponse({"id": record.request_id}, status_code=202, headers=headers)

    async def _read(self, request: Request, content_type: str, into: AnyCall) -> str:
        """Read a call and return its team, if its token is accepted; only then may its connection stay."""
        visit: Visit = request.scope["state"]["visit"]
        admission: Admission = request.scope["state"]["admission"]
        try:
            connect.parse(await self._body(request, content_type), content_type, into, self._relay.state.limits)
            await asyncio.sleep(self._relay.guesses.delay(visit.address))
            team = self._relay.authorize(into.UserToken, visit.address)
            if team is None:
                raise Refused("unauthenticated", "the server does not accept this token")
        finally:
            admission.hold(visit, 0)
        admission.prove(visit)
        return team

    async def _body(self, request: Request, content_type: str) -> bytes:
        limit = self._relay.state.limits.max_body
        remedy = ""
        if content_type == connect.JSON and self._relay.state.limits.max_json < limit:
            limit, remedy = self._relay.state.limits.max_json, f"; as {connect.PROTO} it may have {limit}"
        try:
            return await read_body(request, limit, remedy)
        except Refused:
            self._relay.counters.refused += 1
            raise

    async def _ask(
        self, request: Request, kind: Kind, call: AnyRequest, team: str, deadline: float | None
    ) -> AnyResponse:
        record, answer = await self._relay.ask(kind, call, team)
        try:
            # The server ends it when its own time is over.
            timeout = (
                None if deadline is None or record.deadline_ms - record.created_ms <= deadline * 1000 else deadline
            )
            given = await self._wait(request, record, answer, timeout)
        finally:
            self._relay.abandon(record, answer)
        if given is None:
            raise Refused("deadline_exceeded", "nobody answered within Connect-Timeout-Ms")
        return given


class Withdrawal(Endpoint):
    """`POST /ipymultichat/withdraw`: an agent wants no answer any more.

    Answers `{"withdrawn": true}`, or false where no such request waits. It is no part of the protocol of other servers,
    where hanging up has to do.
    """

    async def _respond(self, request: Request) -> Response:
        return JSONResponse({"withdrawn": await self._relay.withdraw(await self._key(request))})


class AnswerEndpoint(Endpoint):
    """`POST /ipymultichat/answer`: an agent wants the answer to what was asked before, by its id alone.

    It waits as many seconds as `Prefer: wait=SECONDS` (RFC 7240) says, at once without. Answers as the call that asked
    would; with 202 and since when it waits, and until when, while nobody has answered; with 404 and `not_found` where
    nothing with this id was asked with this token. Whoever asks so may go, and come back: the request waits for its
    whole time. It is no part of the protocol of other servers.
    """

    async def _respond(self, request: Request) -> Response:
        record, answer = await self._relay.rejoin(await self._key(request))
        wait = re.search(r"\bwait=(\d{1,9})\b", request.headers.get("prefer", ""))
        try:
            given = await self._wait(request, record, answer, int(wait[1]) if wait else 0)
        finally:
            self._relay.detach(record, answer)
        if given is not None:
            return connect.answer(given, connect.PROTO)
        times = {"asked_ms": record.created_ms, "ends_ms": record.deadline_ms}
        return JSONResponse({"id": record.request_id, **times}, status_code=202)


def check_origin(request: Request, allowed_origins: Collection[str]) -> None:
    """See that a call comes from no web page that may not make it.

    Raises:
        Refused: it does.
    """
    if not origin_allowed(request.headers.get("origin"), request.headers.get("host"), allowed_origins):
        raise Refused("permission_denied", "web pages of this origin may not call the server")


async def read_body(request: Request, limit: int, remedy: str = "") -> bytes:
    """Read the body of a call; whoever uses it gives its room back with `Admission.hold`.

    Args:
        request: the call.
        limit: bytes at most.
        remedy: what to do about a larger one, as the end of a sentence.

    Raises:
        Refused: it is larger, or too much comes in at once.
        ClientDisconnect: the caller hung up.
    """
    visit: Visit = request.scope["state"]["visit"]
    admission: Admission = request.scope["state"]["admission"]
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


async def bearer_team(request: Request, relay: Relay) -> str:
    """Return the team of the token in `Authorization: Bearer TOKEN`; only then may the connection stay.

    Raises:
        Refused: the token is not accepted, or there is none.
    """
    visit: Visit = request.scope["state"]["visit"]
    admission: Admission = request.scope["state"]["admission"]
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    await asyncio.sleep(relay.guesses.delay(visit.address))
    token = _as_sent(token.strip()) if scheme.lower() == "bearer" else ""
    team = relay.authorize(token, visit.address) if token else None
    if not token:
        relay.guesses.wrong(visit.address)
    if team is None:
        raise Refused("unauthenticated", "the server does not accept this token")
    admission.prove(visit)
    return team


def _as_sent(header: str) -> str:
    """Return a header as its sender wrote it: in UTF-8, as tokens are, though HTTP reads each byte as one letter."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeDecodeError:
        return header


async def _hung_up(request: Request) -> None:
    """Return when the caller has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
