"""The embedded server as an ASGI app: `/ws`, the calls of agents, `/health`, `/ready`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from ipymultichat.server.origin import origin_allowed
from ipymultichat.server.relay import Relay
from ipymultichat.server.rpc import ANSWER, PATH, WITHDRAW, AnswerEndpoint, RpcEndpoint, Withdrawal

if TYPE_CHECKING:
    from ipymultichat.server.admission import Admission, Visit


TURN = 0.01
"""Seconds for which the messages of one socket are handled before others have their turn, however many came at once."""


def make_app(relay: Relay, allowed_origins: Collection[str], more: Iterable[BaseRoute] = ()) -> Starlette:
    """Put the endpoints together.

    Args:
        relay: what they talk to.
        allowed_origins: see `origin_allowed`.
        more: what else it answers.
    """

    async def socket(websocket: WebSocket) -> None:
        # The peer may be gone before or while something is sent to it; `_serve_socket` has cleaned up by then.
        with contextlib.suppress(WebSocketDisconnect):
            await _serve_socket(websocket, relay, allowed_origins)

    async def health(_: Request) -> Response:
        # `durable` is what tells an agent that it may ask again with the id of a question whose connection broke.
        return JSONResponse({"status": "ok", "durable": relay.store.durable, "withdraw": True})

    async def ready(_: Request) -> Response:
        trouble = relay.trouble
        return JSONResponse({"ready": not trouble, "reason": trouble}, 503 if trouble else 200)

    return Starlette(
        routes=[
            WebSocketRoute("/ws", socket),
            Route(PATH, RpcEndpoint(relay, allowed_origins)),
            Route(WITHDRAW, Withdrawal(relay, allowed_origins), methods=["POST"]),
            Route(ANSWER, AnswerEndpoint(relay, allowed_origins), methods=["POST"]),
            Route("/health", health, methods=["GET"]),
            Route("/ready", ready, methods=["GET"]),
            *more,
        ]
    )


async def _serve_socket(websocket: WebSocket, relay: Relay, allowed_origins: Collection[str]) -> None:
    headers = websocket.headers
    if not origin_allowed(headers.get("origin"), headers.get("host"), allowed_origins):
        await websocket.close()  # before `accept`, this is HTTP 403
        return
    # Put there by the listener: ASGI itself has no way to cut a connection whose peer does not read.
    visit: Visit = websocket.scope["state"]["visit"]
    admission: Admission = websocket.scope["state"]["admission"]
    client, outbox = relay.join(visit.abort, visit.address)
    sender: asyncio.Task[None] | None = None
    loop = asyncio.get_running_loop()
    turn = loop.time()
    try:
        await websocket.accept()
        sender = asyncio.create_task(outbox.drain(websocket))
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            frame = message.get("bytes")
            if frame is not None:  # text frames are no part of the protocol
                if client.token is None:
                    await asyncio.sleep(relay.guesses.delay(visit.address))
                await relay.receive(client, frame)
                if client.token is not None and not visit.proven:
                    admission.prove(visit)
            if loop.time() - turn > TURN:
                await asyncio.sleep(0)
                turn = loop.time()
    finally:
        relay.leave(client)
        if sender is not None:
            sender.cancel()
            await asyncio.wait({sender})
