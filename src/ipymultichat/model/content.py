"""The parts a reply is made of (`McpResultContent` on the wire)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextContent:
    """Text, Markdown where the reader renders it."""

    text: str


@dataclass(frozen=True)
class ImageContent:
    """An image: raw bytes (base64 on the wire) and their MIME type."""

    data: bytes
    mime_type: str


@dataclass(frozen=True)
class AudioContent:
    """Sound: raw bytes (base64 on the wire) and their MIME type."""

    data: bytes
    mime_type: str


@dataclass(frozen=True)
class ResourceContent:
    """Any file: a URI that names it, a MIME type, raw bytes."""

    uri: str
    mime_type: str
    data: bytes


@dataclass(frozen=True)
class UnknownContent:
    """A part of a type this version does not know, kept only as its number on the wire."""

    type: int


Content = TextContent | ImageContent | AudioContent | ResourceContent | UnknownContent


def text_of(contents: tuple[Content, ...]) -> str:
    """Join the text parts with newlines, leaving everything else out."""
    return "\n".join(part.text for part in contents if isinstance(part, TextContent))
