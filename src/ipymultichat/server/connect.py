"""The Connect protocol's unary calls (connectrpc.com, "Protocol Reference"): bodies, headers, errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from starlette.responses import Response

from ipymultichat.server.effects import Refused
from ipymultichat.server.limits import Limits
from ipymultichat.wire.slices import has_few_fields

JSON = "application/json"
PROTO = "application/proto"

JSON_COST = 5
"""How many times longer an object takes to be read in JSON than a field in the binary format, roughly."""

STATUS = {
    "canceled": 499,
    "invalid_argument": 400,
    "deadline_exceeded": 504,
    "not_found": 404,
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


def parse(body: bytes, content_type: str, message: MessageT, limits: Limits) -> MessageT:
    """Read a body into a message; unknown fields are ignored.

    Raises:
        Refused: the body is not that message, or has more fields than the limits allow (HTTP 400).
    """
    too_many = Refused("invalid_argument", f"a request may have at most {limits.max_fields} fields")
    try:
        if content_type == PROTO:
            if not has_few_fields(body, message.DESCRIPTOR, limits.max_fields):
                raise too_many
            message.ParseFromString(body)
        else:
            # Before anything is made of it: every object and list takes time. Those in texts count here, too.
            if body.count(b"{") + body.count(b"[") > limits.max_fields:
                raise too_many
            value = _json_object(body)
            if _parts(value) > limits.max_fields // JSON_COST:
                raise too_many
            json_format.ParseDict(value, message, ignore_unknown_fields=True)
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


def field(body: bytes, name: str) -> str:
    """Return a text in a JSON object.

    Raises:
        Refused: the body is no such object.
    """
    try:
        value = _json_object(body)[name]
    except (ValueError, TypeError, KeyError, RecursionError):
        value = None
    if not isinstance(value, str):
        raise Refused("invalid_argument", f"the body must be a JSON object with a text {name!r}")
    return value


def _parts(value: dict[str, object]) -> int:
    """Count the objects and lists in a JSON value."""
    count = 0
    todo: list[Any] = [value]
    while todo:
        count += 1
        part = todo.pop()
        todo += [item for item in (part.values() if isinstance(part, dict) else part) if isinstance(item, (dict, list))]
    return count


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
    headers = {"content-type": JSON}
    if refused.retry_after is not None:
        headers["retry-after"] = str(refused.retry_after)
    return Response(text, status, headers=headers)
