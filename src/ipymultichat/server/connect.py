"""The Connect protocol's unary calls (connectrpc.com, "Protocol Reference"): bodies, headers, errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from starlette.responses import Response

from ipymultichat.server.effects import Refused

JSON = "application/json"
PROTO = "application/proto"

STATUS = {
    "canceled": 499,
    "invalid_argument": 400,
    "deadline_exceeded": 504,
    "already_exists": 409,
    "permission_denied": 403,
    "resource_exhausted": 429,
    "unimplemented": 501,
    "unavailable": 503,
    "unauthenticated": 401,
}
"""HTTP status of each error code in use here."""

MessageT = TypeVar("MessageT", bound=Message)


def content_type_of(headers: Mapping[str, str]) -> str:
    """Return the body's format, `application/json` or `application/proto`.

    Raises:
        Refused: it is neither (HTTP 415), or names a charset other than UTF-8.
    """
    media, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    known = media.strip().lower() in (JSON, PROTO)
    if not known or (charset.startswith("charset=") and charset not in ("charset=utf-8", "charset=utf8")):
        raise Refused("invalid_argument", f"the content type must be {JSON} or {PROTO}", status=415)
    return media.strip().lower()


def check_headers(headers: Mapping[str, str]) -> float | None:
    """Check what else the caller says of its call.

    Returns:
        How long it waits (`Connect-Timeout-Ms`), in seconds, or None.

    Raises:
        Refused: a compressed body, another protocol version, or an odd time limit.
    """
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Refused("unimplemented", "compressed bodies are not supported, send it as it is")
    if headers.get("connect-protocol-version", "1") != "1":
        raise Refused("invalid_argument", "Connect-Protocol-Version must be 1")
    timeout = headers.get("connect-timeout-ms")
    if timeout is None:
        return None
    if not (timeout.isascii() and timeout.isdigit() and len(timeout) <= 10):
        raise Refused("invalid_argument", "Connect-Timeout-Ms must be a whole number of at most 10 digits")
    return int(timeout) / 1000


def parse(body: bytes, content_type: str, message: MessageT) -> MessageT:
    """Read a body into a message; unknown fields are ignored.

    Raises:
        Refused: the body is not that message (HTTP 400).
    """
    try:
        if content_type == PROTO:
            message.ParseFromString(body)
        else:
            json_format.ParseDict(_json_object(body), message, ignore_unknown_fields=True)
    except (DecodeError, json_format.ParseError, ValueError, TypeError, RecursionError) as error:
        # The reason may quote the body, which holds the token; the name of the fault has to do.
        name = message.DESCRIPTOR.name
        raise Refused("invalid_argument", f"the body is not a {name} in {content_type}") from error
    return message


def _json_object(body: bytes) -> dict[str, object]:
    value = json.loads(body)
    if not isinstance(value, dict):  # the parser would take an empty list for an empty message
        raise TypeError("a message is an object")
    return value


def answer(message: Message, content_type: str) -> Response:
    """Return the HTTP response that carries a message; JSON keeps the field names of the schema."""
    if content_type == PROTO:
        return Response(message.SerializeToString(), media_type=PROTO)
    text = json_format.MessageToJson(message, preserving_proto_field_name=True, indent=None)
    return Response(text, headers={"content-type": JSON})


def refusal(refused: Refused) -> Response:
    """Return the HTTP response that carries an error: always JSON, whatever the call was."""
    text = json.dumps({"code": refused.code, "message": refused.message})
    status = refused.status or STATUS[refused.code]
    return Response(text, status, headers={"content-type": JSON})
