"""Large frames, looked through without building anything from them: where the fields are, and how many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ipymultichat.errors import DecodeError

SLICED = 32 * 2**10
"""Bytes; larger frames are looked through first, and lists in them are read in slices."""

MAX_FIELDS = 20_000
"""Fields that may be built at a time. Protobuf takes minutes for a map of a million entries."""

_SLICE_FIELDS, _SLICE_BYTES = 200, 256 * 2**10


def fields(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Go through the fields of one message.

    Returns:
        Of each field its number, where it begins, where its value begins (-1 for a number), and where it ends.

    Raises:
        DecodeError: the bytes are not a message.
    """
    at = start
    while at < end:
        began, value = at, -1
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 2:  # has a length: texts, bytes, messages
            size, value = _varint(data, at)
            at = value + size
        elif kind == 0:
            _, at = _varint(data, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise DecodeError(f"a frame of {len(data)} bytes is not a protocol message: wire type {kind}")
        if at > end:
            raise DecodeError(f"a frame of {len(data)} bytes is not a protocol message: it is cut off")
        yield tag >> 3, began, value, at


def has_few_fields(data: bytes, message: Any, most: int) -> bool:
    """Whether a message in the wire format has at most so many fields, those of its parts included.

    Takes a step per field and at most `most` of them, whatever the size. Where the data is malformed, what can be read
    counts; the parser will say what is wrong.

    Args:
        data: the message.
        message: its type, a `Descriptor` (of either of protobuf's two kinds).
        most: fields allowed.
    """
    parts: list[tuple[int, int, Any]] = [(0, len(data), message)]
    while parts:
        at, end, kind = parts.pop()
        while at < end:
            most -= 1
            if most < 0:
                return False
            tag, at = _varint(data, at)
            wire_type = tag & 7
            if wire_type == 0:
                _, at = _varint(data, at)
            elif wire_type == 1:
                at += 8
            elif wire_type == 5:
                at += 4
            elif wire_type == 2:
                size, at = _varint(data, at)
                field = kind.fields_by_number.get(tag >> 3)
                if field is not None and field.message_type is not None:
                    parts.append((at, min(at + size, end), field.message_type))
                at += size
            elif wire_type > 5:
                break
    return True


def check_fields(data: bytes, message: Any) -> None:
    """Look how many fields a message holds, those of the messages in it included.

    Args:
        data: the message.
        message: its descriptor.

    Raises:
        DecodeError: they are more than `MAX_FIELDS`.
    """
    if not has_few_fields(data, message, MAX_FIELDS):
        raise DecodeError(f"a frame of {len(data)} bytes holds more than {MAX_FIELDS:,} fields")


def slices(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """Cut a message at its fields into messages that are soon read; together they hold what it holds.

    Raises:
        DecodeError: the bytes are not a message; slices may have been returned before.
    """
    began, count, stop = start, 0, start
    for _number, at, _value, stop in fields(data, start, end):
        if count == _SLICE_FIELDS or (count and stop - began > _SLICE_BYTES):
            yield data[began:at]
            began, count = at, 0
        count += 1
    yield data[began:stop]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a number; return it and the place after it, which is beyond the end where it is malformed."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    return 0, len(data) + 1
