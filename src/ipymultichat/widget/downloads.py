"""What a browser fetches in pieces: parts of replies, and the whole log."""

from __future__ import annotations

import asyncio

from ipymultichat.errors import ConfigError
from ipymultichat.hub import Hub
from ipymultichat.model import AudioContent, ImageContent, ResourceContent, TextContent
from ipymultichat.widget import exports
from ipymultichat.widget.encode import Json
from ipymultichat.widget.uploads import PIECE


class Downloads:
    """Hands out pieces.

    Args:
        hub: where the messages are.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._exports: dict[str, bytes] = {}

    async def piece(self, frame: Json) -> tuple[int, bytes]:
        """Return the size of the whole in bytes, and at most `PIECE` bytes from an offset on.

        Args:
            frame: `client`, `offset` in bytes, and either `key` and `part` (a message, and the place of a part among
                those of its reply that are not text) or `export: true`.

        Raises:
            ConfigError, UnknownMessageError: there is no such thing.
        """
        offset = frame.get("offset")
        if not isinstance(offset, int) or offset < 0:
            raise ConfigError("'offset' must be a number of bytes")
        if frame.get("export") is True:
            data = await self._export(str(frame.get("client")), offset)
        else:
            data = await self._part(frame)
        return len(data), data[offset : offset + PIECE]

    async def _part(self, frame: Json) -> bytes:
        entry = await self._hub.pages.find(str(frame.get("key")))
        reply = entry.message.reply if entry else None
        parts = [part for part in reply.contents if not isinstance(part, TextContent)] if reply else []
        index = frame.get("part")
        part = parts[index] if isinstance(index, int) and 0 <= index < len(parts) else None
        if not isinstance(part, (ImageContent, AudioContent, ResourceContent)):
            raise ConfigError("this part of the answer is not there")
        return part.data

    async def _export(self, client: str, offset: int) -> bytes:
        """The log as it was when the browser asked for its beginning: later pieces must fit on."""
        if offset == 0:
            self._exports[client] = await asyncio.to_thread(self._everything)
        data = self._exports.get(client)
        if data is None:
            raise ConfigError("ask for the beginning of the export first")
        if offset + PIECE >= len(data):
            del self._exports[client]
        return data

    def _everything(self) -> bytes:
        return "".join(map(exports.json_line, self._hub.pages.everything())).encode()
