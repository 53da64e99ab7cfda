"""What went wrong with a call, as an error of this package."""

from __future__ import annotations

import json

import httpx

from ipymultichat.errors import AgentError, AgentTimeoutError, RequestCancelledError, RequestRefusedError
from ipymultichat.errors import ServerUnreachableError as Unreachable
from ipymultichat.model import Secret


def transport_failure(error: httpx.HTTPError, base: str) -> AgentError:
    """Name a failure below HTTP."""
    if isinstance(error, httpx.ReadTimeout):
        return AgentTimeoutError(f"{base} did not end the request in time; its answer is overdue")
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)):
        return Unreachable(f"no connection to {base}: {_words(error)}")
    return Unreachable(f"the connection to {base} broke before the answer: {_words(error)}")


def http_failure(response: httpx.Response, base: str, token: Secret) -> AgentError:
    """Name a response that is no answer, by the error code of the Connect protocol or else by its HTTP status."""
    code, message = _connect_error(response)
    # The words are the server's, who knows the token.
    message = message.replace(token.reveal(), "***")
    meta = {"http_status": str(response.status_code), "code": code, "message": message}
    if code == "canceled":
        return RequestCancelledError(f"the server gave the request up: {message}", meta=meta)
    if code == "deadline_exceeded":
        return AgentTimeoutError(f"the server gave the request up: {message}", meta=meta)
    if code == "unavailable" or response.status_code in (502, 503, 504):
        return Unreachable(f"{base} is not available: {message or f'HTTP {response.status_code}'}", meta=meta)
    if response.status_code == 404:
        return RequestRefusedError(f"{base} takes no such calls; is it an Agent Assistant server?", meta=meta)
    said = message or f"HTTP {response.status_code}"
    return RequestRefusedError(f"{base} refused the request: {said}", meta=meta)


def _connect_error(response: httpx.Response) -> tuple[str, str]:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    return str(body.get("code", "")), str(body.get("message", ""))


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
