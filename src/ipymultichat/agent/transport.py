"""Posts a call and reads the response, within bounds of time and size: whoever is at the address may send anything."""

from __future__ import annotations

import io
from collections.abc import Mapping

import anyio
import httpx

from ipymultichat.agent.failures import overdue, transport_failure
from ipymultichat.errors import RequestRefusedError

CONNECT_TIMEOUT = 10
"""Seconds to reach the server."""

MAX_RESPONSE = 64 * 2**20
"""Bytes of a response at most, as of a frame on the websocket."""


async def post(
    http: httpx.AsyncClient, base: str, path: str, body: bytes, *, headers: Mapping[str, str], seconds: float
) -> tuple[httpx.Response, bytes]:
    """Return the head and the body of what a server answers.

    Args:
        http: what sends it.
        base: the server's address.
        path: of the call, below the address.
        body: what is sent.
        headers: what goes along with it.
        seconds: after which all of it is over, whatever the server does.

    Raises:
        AgentTimeoutError: it took longer.
        ServerUnreachableError: no connection, or it broke before the answer.
        RequestRefusedError: the response is larger than `MAX_RESPONSE`, or compressed, though nothing but plain bytes
            was asked for: what it would unfold to is in no proportion to what has come.
    """
    try:
        # One deadline over all of it: those of httpx begin anew with every byte that comes.
        with anyio.fail_after(seconds):
            limits = httpx.Timeout(None, connect=CONNECT_TIMEOUT)
            async with http.stream("POST", base + path, content=body, headers=headers, timeout=limits) as response:
                return response, await _read_body(response, base)
    except TimeoutError:
        raise overdue(base, seconds) from None
    except httpx.HTTPError as error:
        raise transport_failure(error, base) from error


async def _read_body(response: httpx.Response, base: str) -> bytes:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise RequestRefusedError(f"{base} answered in the encoding {encoding[:40]!r}, which was not asked for")
    body = io.BytesIO()
    async for part in response.aiter_raw():
        if body.tell() + len(part) > MAX_RESPONSE:
            raise RequestRefusedError(f"{base} answered with more than {MAX_RESPONSE:,} bytes, the most that is read")
        body.write(part)
    return body.getvalue()
