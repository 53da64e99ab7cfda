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
        tag, at = _varint(data, at, end)
        kind = tag & 7
        if kind == 2:  # has a length: texts, bytes, messages
            size, value = _varint(data, at, end)
            at = value + size
        elif kind == 0:
            _, at = _varint(data, at, end)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise DecodeError(f"a frame of {len(data)} bytes is not a protocol message: wire type {kind}")
        if at > end:
            raise DecodeError(f"a frame of {len(data)} bytes is not a protocol message: it is cut off")
        yield tag >> 3, began, value, at


def check_fields(data: bytes, message: Any) -> None:
    """Look how many fields a message holds, those of the messages in it included.

    Args:
        data: the message.
        message: its descriptor.

    Raises:
        DecodeError: they are more than `MAX_FIELDS`, or the bytes are not a message.
    """
    _count(data, 0, len(data), message, MAX_FIELDS)


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


def _count(data: bytes, start: int, end: int, message: Any, left: int) -> int:
    for number, _began, value, stop in fields(data, start, end):
        left -= 1
        if left < 0:
            raise DecodeError(f"a frame of {len(data)} bytes holds more than {MAX_FIELDS:,} fields")
        field = message.fields_by_number.get(number)
        if value >= 0 and field is not None and field.message_type is not None:
            left = _count(data, value, stop, field.message_type, left)
    return left


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    result = shift = 0
    while at < end and shift < 64:  # ten bytes at most
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7
    raise DecodeError(f"a frame of {len(data)} bytes is not a protocol message: it is cut off")
