"""Sends a request and reads the response, within bounds: whoever is at the address may send anything."""

from __future__ import annotations

import io
import ssl
from collections.abc import Mapping

import httpx

from ipymultichat.agent.address import is_loopback
from ipymultichat.agent.failures import transport_failure
from ipymultichat.errors import RequestRefusedError

CONNECT_TIMEOUT = 10
"""Seconds to reach the server."""

MAX_RESPONSE = 64 * 2**20
"""Bytes of a response at most, as of a frame on the websocket."""


def http_client(base: str) -> httpx.AsyncClient:
    """Make what holds the connections to a server.

    It follows no redirect: that would carry the token, which is in the body, to another address.
    """
    # Loading the machine's certificates takes a while, and plain HTTP has no use for them.
    verify: ssl.SSLContext | bool = True if base.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Each call that waits holds a connection; one more than a limit would wait without having been asked.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
    return httpx.AsyncClient(verify=verify, trust_env=not is_loopback(base), follow_redirects=False, limits=limits)


async def exchange(
    http: httpx.AsyncClient,
    method: str,
    base: str,
    path: str,
    *,
    headers: Mapping[str, str],
    body: bytes = b"",
    limit: int | None = None,
) -> tuple[httpx.Response, bytes]:
    """Return the head and the body of what a server answers.

    It has no deadline but the one to connect; the caller sets one over all of it, for those of httpx begin anew with
    every byte that comes.

    Args:
        http: what sends it.
        method: of HTTP.
        base: the server's address.
        path: below the address.
        headers: what goes along with it; plain bytes are asked for in any case.
        body: what is sent.
        limit: bytes of the response at most; None: `MAX_RESPONSE`.

    Raises:
        ServerUnreachableError: no connection, or it broke before the answer.
        RequestRefusedError: the response is larger than the limit, or compressed, though nothing but plain bytes was
            asked for: what it would unfold to is in no proportion to what has come.
    """
    limits = httpx.Timeout(None, connect=CONNECT_TIMEOUT)
    try:
        plain = httpx.Headers({**headers, "accept-encoding": "identity"}, encoding="utf-8")
        async with http.stream(method, base + path, content=body, headers=plain, timeout=limits) as response:
            return response, await _read_body(response, base, MAX_RESPONSE if limit is None else limit)
    except httpx.HTTPError as error:
        raise transport_failure(error, base) from error


async def _read_body(response: httpx.Response, base: str, limit: int) -> bytes:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise RequestRefusedError(f"{base} answered in the encoding {encoding[:40]!r}, which was not asked for")
    body = io.BytesIO()
    async for part in response.aiter_raw():
        if body.tell() + len(part) > limit:
            raise RequestRefusedError(f"{base} answered with more than {limit:,} bytes, the most that is read")
        body.write(part)
    return body.getvalue()
