"""What a person may pass as content, turned into parts.

Packages that make figures, images and frames are never imported here: their objects are known by what they can do.
"""

from __future__ import annotations

import base64
import io
import json
import mimetypes
from collections.abc import Callable
from numbers import Number
from pathlib import Path
from typing import Any

from ipymultichat.errors import ConfigError, EncodeError
from ipymultichat.frames import frame_contents, is_frame
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

MAX_INLINE = 300 * 2**10
"""Bytes of a picture that stands in the text of a question."""

INLINE = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""Types of pictures that inboxes show within a text."""

MAX_JSON = 20_000
"""Characters of a dict or list that stands in the text; a larger one is a file."""

_DRAWN = {
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_latex_": "text/latex",
    "_repr_html_": "text/html",
}
"""How objects show themselves in notebooks, and which of it is liked best."""

_SENDABLE = (
    "str, Path, bytes, a number, a dict or list, a data frame, a figure, an image, or anything that shows itself in a "
    "notebook (_repr_png_, _repr_markdown_, …)"
)


def contents_of(values: tuple[object, ...]) -> tuple[Content, ...]:
    """Turn what a person passed into parts.

    Args:
        values: each a str (Markdown), a `Path` (file), bytes, a number, a dict or list (JSON), a figure (matplotlib,
            plotly, altair), an image (PIL), a frame (pandas, polars, pyarrow: a Markdown table where small, else a CSV
            file), an object that shows itself in notebooks, or a part from `ipymultichat.model`.

    Raises:
        ConfigError: naming the value that cannot be sent, and what can.
        EncodeError: a text that is not valid Unicode.
    """
    parts = tuple(part for value in values for part in _parts(value))
    for part in parts:
        _check(part)
    return parts


def text_from(values: tuple[object, ...]) -> str:
    """Say the same objects in one text, which is all that a question of the protocol has; small pictures stand in it.

    Raises:
        ConfigError: one of them is no text, such as a large picture or a file.
        EncodeError: a text that is not valid Unicode.
    """
    texts = []
    for value in values:
        for part in contents_of((value,)):
            if isinstance(part, ImageContent) and part.mime_type in INLINE and len(part.data) <= MAX_INLINE:
                encoded = base64.b64encode(part.data).decode()
                texts.append(inline_picture(part.mime_type, encoded, part.name or "picture"))
                continue
            if not isinstance(part, TextContent):
                mime_type = getattr(part, "mime_type", "")
                raise ConfigError(
                    f"a question has text only, and this {type(value).__name__} becomes a file ({mime_type}); save it "
                    "where people find it and name its path as text, or send less of it",
                    value=type(value).__name__,
                )
            texts.append(part.text)
    return "\n\n".join(texts)


def inline_picture(mime_type: str, encoded: str, name: str) -> str:
    """Return a picture as it stands in a text (Markdown).

    Args:
        mime_type: one of `INLINE`.
        encoded: its bytes in base64.
        name: what is read where it cannot be seen.
    """
    return f"![{name}](data:{mime_type};base64,{encoded})"


def _parts(value: Any) -> list[Content]:
    if isinstance(value, str):
        return [TextContent(value)]
    if isinstance(value, Path):
        return [_file(value)]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return [file_content(bytes(value), "", None)]
    if isinstance(value, (TextContent, ImageContent, AudioContent, ResourceContent)):
        return [value]
    if isinstance(value, Number):
        return [TextContent(str(value))]
    if isinstance(value, (dict, list)):
        return [_json(value)]
    if is_frame(value):
        return frame_contents(value, MAX_PART)
    made = None if isinstance(value, type) else _picture(value) or _shown(value)
    if made is None:
        raise ConfigError(f"a {type(value).__name__} cannot be sent; send {_SENDABLE}", value=type(value).__name__)
    return [made]


def _json(value: dict[Any, Any] | list[Any]) -> Content:
    try:
        text = json.dumps(value, ensure_ascii=False, indent=2)
    except (TypeError, ValueError, RecursionError) as error:
        kind = type(value).__name__
        hint = "; several things are sent as several arguments" if kind == "list" else ""
        raise ConfigError(f"a {kind} is sent as JSON: {error}{hint}", value=kind) from error
    if len(text) <= MAX_JSON:
        return TextContent(f"```json\n{text}\n```")
    return ResourceContent("file:///data.json", "application/json", text.encode(errors="replace"))


def _picture(value: Any) -> Content | None:
    """A figure or an image as PNG; None for everything else."""
    package = type(value).__module__.partition(".")[0]
    if hasattr(value, "savefig"):
        return _drawn(value, lambda file: value.savefig(file, format="png", bbox_inches="tight"))
    if package == "matplotlib" and hasattr(value, "get_figure"):  # axes, as many plotting functions return them
        return _picture(value.get_figure())
    if hasattr(value, "save") and hasattr(value, "mode") and hasattr(value, "size"):
        return _drawn(value, lambda file: value.save(file, format="PNG"))
    if package == "plotly" and hasattr(value, "to_image"):
        return _drawn(value, lambda file: file.write(value.to_image(format="png")), "kaleido")
    if package == "altair" and hasattr(value, "save"):
        return _drawn(value, lambda file: value.save(file, format="png"), "vl-convert-python")
    return None


def _drawn(value: object, draw: Callable[[io.BytesIO], object], helper: str = "") -> Content:
    """The picture that an object draws into a file; `helper` is the package that its own package needs for that."""
    file = io.BytesIO()
    try:
        draw(file)
    except Exception as error:
        hint = f" (it needs the package {helper})" if helper else ""
        reason = str(error).strip().partition("\n")[0]
        raise ConfigError(
            f"a {type(value).__name__} could not be drawn{hint}: {type(error).__name__}: {reason}",
            value=type(value).__name__,
        ) from error
    return ImageContent(file.getvalue(), "image/png")


def _shown(value: Any) -> Content | None:
    """An object as it shows itself in a notebook; None for one that does not."""
    data, mime_type = getattr(value, "data", None), getattr(value, "mimetype", None)
    if isinstance(data, bytes) and isinstance(mime_type, str):  # `IPython.display.Audio`
        return file_content(data, "sound", mime_type)
    for name, mime_type in _DRAWN.items():
        method = getattr(value, name, None)
        if callable(method):
            try:
                made = method()
            except Exception as error:
                raise ConfigError(
                    f"a {type(value).__name__} could not be shown: {type(error).__name__}: {error}",
                    value=type(value).__name__,
                ) from error
            made = made[0] if isinstance(made, tuple) else made  # with metadata beside it
            if made:
                return _of_type(made, mime_type)
    return None


def _of_type(made: str | bytes, mime_type: str) -> Content:
    if mime_type in ("text/markdown", "text/latex"):
        return TextContent(made if isinstance(made, str) else made.decode(errors="replace"))
    if isinstance(made, str):
        picture = mime_type in ("image/png", "image/jpeg")  # these may come as base64
        made = base64.b64decode(made) if picture else made.encode(errors="replace")
    return file_content(made, "page.html" if mime_type == "text/html" else "", mime_type)


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
        name: its name, without a directory, or ""; it arrives as it is given.
        mime_type: its type; None or "" when not known: what its first bytes say.
    """
    mime_type = mime_type or next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)
    mime_type = mime_type or "application/octet-stream"
    if mime_type.startswith("image/"):
        return ImageContent(data, mime_type, name)
    if mime_type.startswith("audio/"):
        return AudioContent(data, mime_type, name)
    return ResourceContent(f"file:///{name or 'data'}", mime_type, data)


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
