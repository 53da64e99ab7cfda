"""What went wrong with a connection, in words for a person."""

from __future__ import annotations

import asyncio
import socket
import ssl
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets import exceptions as ws

_CLOSE_CODES = {
    1000: "the server closed the connection",
    1001: "the server is going away",
    1005: "the server closed the connection without saying why",
    1006: "the connection broke",
    1008: "the server closed the connection: not allowed",
    1009: "a message was larger than allowed",
    1011: "the server closed the connection after an error of its own",
    1012: "the server is restarting",
    1013: "the server is busy and asks to try again later",
}

_STATUS_HINTS = {
    401: "it asks for credentials",
    403: "it forbids access",
    404: "nothing is there; check the path",
    500: "an error of its own",
    502: "the proxy in front finds no server",
    503: "unavailable now",
}


def connect_reason(error: BaseException, url: str, timeout: float) -> str:
    """Say why no connection came about.

    Args:
        error: what `websockets.connect` raised.
        url: the server's address.
        timeout: how long a try may take, in seconds.
    """
    where = urlsplit(url).netloc
    if isinstance(error, ws.InvalidStatus):
        code = error.response.status_code
        hint = _STATUS_HINTS.get(code) or _phrase(code)
        return f"{where} is no chat server at this address: it answered HTTP {code} ({hint})"
    if isinstance(error, ws.ProxyError):
        return f"the proxy on the way to {where} refused: {error}"
    if isinstance(error, (ws.InvalidHandshake, ws.WebSocketException)):
        return f"{where} is not a websocket server"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: the certificate of {where} is not trusted: {error.verify_message}"
    # A server without TLS answers a TLS greeting with nonsense, or hangs up on it.
    if isinstance(error, ssl.SSLError) or (
        url.startswith("wss:") and isinstance(error, (ConnectionResetError, EOFError))
    ):
        return f"TLS failed: {where} does not speak TLS as asked (is it ws:// rather than wss://?)"
    if isinstance(error, socket.gaierror):
        return f"the host name in {where} cannot be found"
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):  # two classes before Python 3.11
        return f"no answer from {where} within {timeout:g} s"
    if isinstance(error, ConnectionRefusedError):
        return f"connection refused: no server listens at {where}"
    if isinstance(error, ConnectionResetError):
        return f"{where} is not a websocket server, or broke the connection"
    if isinstance(error, EOFError):
        return f"{where} is not a websocket server: it hung up at once"
    if isinstance(error, OSError):
        return f"{where} cannot be reached: {error.strerror or error}"
    return f"{where} cannot be reached: {type(error).__name__}"


def close_reason(error: ws.ConnectionClosed) -> str:
    """Say why a standing connection ended."""
    if error.rcvd is None and error.sent is not None and error.sent.reason == "keepalive ping timeout":
        return "the server no longer answers (no pong)"
    if error.rcvd is None and error.sent is not None:
        return _CLOSE_CODES.get(error.sent.code, f"closed with code {error.sent.code}")
    code = error.rcvd.code if error.rcvd else 1006
    text = _CLOSE_CODES.get(code, f"the server closed the connection with code {code}")
    detail = error.rcvd.reason if error.rcvd else ""
    return f"{text}: {detail}" if detail else text


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase.lower()
    except ValueError:
        return "unexpected"
