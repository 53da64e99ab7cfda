"""Reads the body of a response, in pieces and within bounds: whoever is at the address may send anything."""

from __future__ import annotations

import io

import httpx

from ipymultichat.errors import RequestRefusedError

MAX_RESPONSE = 64 * 2**20
"""Bytes of a response at most, as of a frame on the websocket."""


async def read_body(response: httpx.Response, base: str) -> bytes:
    """Return the body of a response that is being streamed.

    Args:
        response: its head has arrived.
        base: the server's address, for the message.

    Raises:
        RequestRefusedError: it is larger than `MAX_RESPONSE`, or compressed, though nothing but plain bytes was asked
            for: what it would unfold to is in no proportion to what has come.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise RequestRefusedError(f"{base} answered in the encoding {encoding[:40]!r}, which was not asked for")
    body = io.BytesIO()
    async for part in response.aiter_raw():
        if body.tell() + len(part) > MAX_RESPONSE:
            raise RequestRefusedError(f"{base} answered with more than {MAX_RESPONSE:,} bytes, the most that is read")
        body.write(part)
    return body.getvalue()
