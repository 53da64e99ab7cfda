"""What went wrong with a call, as an error of this package."""

from __future__ import annotations

import json

import httpx

from ipymultichat.agent.answer import MAX_WORDS
from ipymultichat.errors import AgentError, AgentTimeoutError, RequestCancelledError, RequestRefusedError
from ipymultichat.errors import ServerUnreachableError as Unreachable
from ipymultichat.model import Secret
from ipymultichat.model.invisible import escape_invisible

MAX_ERROR = 2**20
"""Bytes of an error in which an explanation is looked for."""


def overdue(base: str, seconds: float) -> AgentError:
    """Name a call that took longer than it may."""
    return AgentTimeoutError(f"{base} did not end the request within {seconds:g} s; its answer is overdue")


def transport_failure(error: httpx.HTTPError, base: str) -> AgentError:
    """Name a failure below HTTP."""
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)):
        return Unreachable(f"no connection to {base}: {_words(error)}")
    return Unreachable(f"the connection to {base} broke before the answer: {_words(error)}")


def http_failure(status: int, content: bytes, base: str, token: Secret) -> AgentError:
    """Name a response that is no answer, by the error code of the Connect protocol or else by its HTTP status."""
    # The words are the server's, who knows the token; a terminal may obey what cannot be seen in them.
    words = (word.replace(token.reveal(), "***")[:MAX_WORDS] for word in _connect_error(content))
    code, message = map(escape_invisible, words)
    meta = {"http_status": str(status), "code": code, "message": message}
    if code == "canceled":
        return RequestCancelledError(f"the server gave the request up: {message}", meta=meta)
    if code == "deadline_exceeded":
        return AgentTimeoutError(f"the server gave the request up: {message}", meta=meta)
    if code == "unavailable" or status in (502, 503, 504):
        return Unreachable(f"{base} is not available: {message or f'HTTP {status}'}", meta=meta)
    if status == 404:
        return RequestRefusedError(f"{base} takes no such calls; is it an Agent Assistant server?", meta=meta)
    if code == "already_exists":
        return RequestRefusedError(
            f"{base} knows this id with other content; ask with another id, or with none for a new one", meta=meta
        )
    said = message or f"HTTP {status}"
    return RequestRefusedError(f"{base} refused the request: {said}", meta=meta)


def _connect_error(content: bytes) -> tuple[str, str]:
    if len(content) > MAX_ERROR:
        return "", ""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    return str(body.get("code", "")), str(body.get("message", ""))


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
