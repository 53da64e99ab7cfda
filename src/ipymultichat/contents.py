"""What a person may pass as content, turned into parts."""

from __future__ import annotations

import io
import mimetypes
from pathlib import Path
from typing import Any

from ipymultichat.errors import ConfigError, EncodeError
from ipymultichat.model import AudioContent, Content, ImageContent, ResourceContent, TextContent, UnknownContent

_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"%PDF-": "application/pdf",
}

MAX_PART = 20 * 2**20
"""Largest part in bytes; servers take frames of that size (measured: 20 MB)."""


def contents_of(values: tuple[object, ...]) -> tuple[Content, ...]:
    """Turn what a person passed into parts.

    Args:
        values: each a str (Markdown), a `Path` (file), bytes, a matplotlib figure, a PIL image, a data frame (anything
            with `to_csv`), or a part from `ipymultichat.model`.

    Raises:
        ConfigError: naming the value that cannot be sent, and what can.
        EncodeError: a text that is not valid Unicode.
    """
    parts = tuple(_part(value) for value in values)
    for part in parts:
        _check(part)
    return parts


def _part(value: Any) -> Content:
    if isinstance(value, str):
        return TextContent(value)
    if isinstance(value, Path):
        return _file(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return file_content(bytes(value), "data", None)
    if isinstance(value, (TextContent, ImageContent, AudioContent, ResourceContent)):
        return value
    if hasattr(value, "savefig"):
        return _picture(lambda target: value.savefig(target, format="png", bbox_inches="tight"))
    if hasattr(value, "save") and hasattr(value, "mode") and hasattr(value, "size"):
        return _picture(lambda target: value.save(target, format="PNG"))
    if hasattr(value, "to_csv"):
        return TextContent(f"```csv\n{value.to_csv()}```")
    raise ConfigError(
        f"a {type(value).__name__} cannot be sent; send str, Path, bytes, a figure, an image or a data frame",
        value=type(value).__name__,
    )


def _picture(save: Any) -> Content:
    buffer = io.BytesIO()
    save(buffer)
    return ImageContent(buffer.getvalue(), "image/png")


def _file(path: Path) -> Content:
    try:
        data = path.expanduser().read_bytes()
    except OSError as error:
        raise ConfigError(f"the file {str(path)!r} cannot be read: {error.strerror}", value=str(path)) from error
    return file_content(data, path.name, mimetypes.guess_type(path.name)[0])


def file_content(data: bytes, name: str, mime_type: str | None) -> Content:
    """Turn a file into a part.

    Args:
        data: its bytes.
        name: its name, without a directory.
        mime_type: its type; None or "" when not known: what its first bytes say.
    """
    mime_type = mime_type or next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)
    mime_type = mime_type or "application/octet-stream"
    if mime_type.startswith("image/"):
        return ImageContent(data, mime_type)
    if mime_type.startswith("audio/"):
        return AudioContent(data, mime_type)
    return ResourceContent(f"file:///{name}", mime_type, data)


def _check(part: Content) -> None:
    if isinstance(part, UnknownContent):
        raise ConfigError("a part of unknown type cannot be sent", value=part.type)
    if isinstance(part, TextContent):
        try:
            size = len(part.text.encode())
        except UnicodeEncodeError as error:
            raise EncodeError(f"the text cannot be sent, it is not valid Unicode: {error.reason}") from error
    else:
        size = len(part.data)
    if size > MAX_PART:
        raise ConfigError(f"a part has {size:,} bytes; at most {MAX_PART:,} can be sent", value=size)
