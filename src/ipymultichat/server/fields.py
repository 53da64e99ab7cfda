"""How many fields a message has, found without reading it: reading takes time and memory for each."""

from __future__ import annotations

from typing import Any


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
