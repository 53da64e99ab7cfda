"""Files in pieces, as Jupyter takes no large message: those a browser hands over, and those it fetches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from ipymultichat.contents import MAX_PART, file_content
from ipymultichat.errors import ConfigError
from ipymultichat.hub.log import MessageLog
from ipymultichat.model import AudioContent, Content, ImageContent, ResourceContent
from ipymultichat.model.forms import attachments

Json = dict[str, Any]

PIECE = 2**20
"""Bytes of one piece at most, either way; a websocket of Jupyter breaks beyond 10 MiB."""

KEPT = 600.0
"""Seconds a file is kept after its last piece, or its last use."""

SILENT = 60.0
"""Seconds after which a browser that fetches the log and asks for no further piece is gone."""

MAX_TOTAL = 5 * MAX_PART
"""Bytes of all files that are kept at a time."""

_STATIC = Path(__file__).parent.parent / "static"
MODULES = {"math": _STATIC / "math.js", "zh": _STATIC / "zh.json"}
"""What is not for every page, so that a browser fetches it when it is wanted: what shows formulas, and Chinese."""

MAX_FILES = 200
"""Files that are kept at a time, however small."""

MAX_NAME, MAX_MIME_TYPE, MAX_ID = 200, 255, 100
"""Characters: of a file's name, where what is beyond is cut off; of its type, and of the ids of a file and a tab."""


@dataclass
class _Upload:
    client: str
    name: str
    mime_type: str
    size: int
    at: float
    data: bytearray = field(default_factory=bytearray)


class Uploads:
    """What the browsers of one widget have handed over and not sent yet.

    Args:
        clock: returns seconds that never run backwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._files: dict[str, _Upload] = {}

    def __len__(self) -> int:
        return len(self._files)

    def add(self, frame: Json, piece: bytes) -> int:
        """Take one piece.

        Args:
            frame: `client`, `upload` (the file's id), `name`, `mime_type`, `size` and `offset`, both in bytes; at
                offset 0 the file begins anew.
            piece: its bytes, at most `PIECE`.

        Returns:
            How many bytes of the file are there now.

        Raises:
            ConfigError: the file or one of its names is too large, there are too many, or the piece does not join on.
        """
        self.sweep()
        key, offset = _short(frame, "upload", MAX_ID), frame.get("offset")
        if offset == 0:
            self._files[key] = self._begin(key, frame)
        upload = self._files.get(key)
        if upload is None or offset != len(upload.data):
            raise ConfigError("a piece of the file is missing; attach it again")
        if len(piece) > PIECE or len(upload.data) + len(piece) > upload.size:
            del self._files[key]
            raise ConfigError("the file is not as large as it was said to be; attach it again")
        upload.data += piece
        upload.at = self._clock()
        return len(upload.data)

    def contents(self, keys: Iterable[str]) -> list[Content]:
        """The files as parts of a reply; they stay until they are forgotten, so that a failed reply can go again.

        Args:
            keys: their ids; one that comes again is the same file, and goes along once.

        Raises:
            ConfigError: one is not here any more, or not complete.
        """
        found: list[Content] = []
        for key in dict.fromkeys(keys):
            upload = self._files.get(key)
            if upload is None:
                raise ConfigError("an attachment is no longer there; attach it again")
            if len(upload.data) < upload.size:
                raise ConfigError(f"{upload.name!r} has not arrived completely yet; wait a moment")
            upload.at = self._clock()
            found.append(file_content(bytes(upload.data), upload.name, upload.mime_type))
        return found

    def forget(self, client: str, keys: Iterable[str] | None = None) -> None:
        """Drop files of a browser tab: some, or all of them (None)."""
        wanted = None if keys is None else set(keys)
        for key in [key for key, upload in self._files.items() if upload.client == client]:
            if wanted is None or key in wanted:
                del self._files[key]

    def clear(self) -> None:
        """Drop everything: the widget is closed."""
        self._files.clear()

    def sweep(self) -> None:
        """Drop what nobody has used for `KEPT` seconds."""
        old = self._clock() - KEPT
        for key in [key for key, upload in self._files.items() if upload.at <= old]:
            del self._files[key]

    def _begin(self, key: str, frame: Json) -> _Upload:
        name, size = frame.get("name"), frame.get("size")
        if not isinstance(name, str) or not isinstance(size, int) or size < 0:
            raise ConfigError("a file needs a name, a type and a size")
        mime_type, client = _short(frame, "mime_type", MAX_MIME_TYPE), _short(frame, "client", MAX_ID)
        # Only the last part: a name is a name here, never a place.
        name = name.replace("\\", "/").rpartition("/")[2][:MAX_NAME] or "file"
        if size > MAX_PART:
            raise ConfigError(f"{name!r} has {size:,} bytes; at most {MAX_PART:,} can be sent")
        # One that begins anew takes its own place.
        others = [upload for other, upload in self._files.items() if other != key]
        if len(others) >= MAX_FILES:
            raise ConfigError(f"there are {MAX_FILES} attachments already; send some first")
        if sum(upload.size for upload in others) + size > MAX_TOTAL:
            raise ConfigError(f"the attachments together are larger than {MAX_TOTAL:,} bytes; send some first")
        return _Upload(client, name, mime_type, size, self._clock())


def _short(frame: Json, key: str, most: int) -> str:
    """A text of a frame that is kept as it is."""
    value = frame.get(key)
    if not isinstance(value, str) or len(value) > most:
        raise ConfigError(f"{key!r} of a file must be text of at most {most} characters")
    return value


class _Export:
    """The log on its way to a browser tab: a piece of it, and what is made into the next one when it is asked for.

    Args:
        lines: the whole.
    """

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._lock = Lock()  # a browser that gave up waiting may ask again meanwhile
        self._offset = 0  # of the data
        self._data = bytearray()
        self.at = 0.0

    def piece(self, offset: int) -> tuple[int, bytes]:
        """The piece that follows the last one, or that one again; see `Downloads.piece`. It reads the disk."""
        with self._lock:
            done = offset - self._offset
            if done not in (0, PIECE) or done > len(self._data):
                raise ConfigError("ask for the beginning of the export first")
            del self._data[:done]
            self._offset = offset
            while len(self._data) <= PIECE and (line := next(self._lines, None)) is not None:
                self._data += line.encode()
            return offset + min(len(self._data), PIECE + 1), bytes(self._data[:PIECE])


class Downloads:
    """Hands out pieces.

    Args:
        log: where the messages are.
        clock: returns seconds that never run backwards.
    """

    def __init__(self, log: MessageLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._exports: dict[str, _Export] = {}

    def __len__(self) -> int:
        return len(self._exports)

    def forget(self, client: str) -> None:
        """A browser tab wants nothing more."""
        self._exports.pop(client, None)

    def clear(self) -> None:
        """Let go of everything: the widget is closed."""
        self._exports.clear()

    def sweep(self) -> None:
        """Let go of what nobody has asked for in `SILENT` seconds."""
        old = self._clock() - SILENT
        for client in [client for client, export in self._exports.items() if export.at <= old]:
            del self._exports[client]

    async def piece(self, frame: Json) -> tuple[int, bytes]:
        """Return the size of the whole in bytes, and at most `PIECE` bytes from an offset on.

        The log is read while it is handed out: as long as more of it follows, its size is one byte more than the end of
        the piece.

        Args:
            frame: `client`, `offset` in bytes, and either `message_id` and `attachment` (its place among those of the
                message's reply) or `text: true`, or `export: true`, or `module` with one of the names of `MODULES`.

        Raises:
            ConfigError, UnknownMessageError: there is no such thing.
        """
        offset = frame.get("offset")
        if not isinstance(offset, int) or offset < 0:
            raise ConfigError("'offset' must be a number of bytes")
        export = frame.get("export") is True
        if export:
            return await self._export(str(frame.get("client")), offset)
        module = MODULES.get(str(frame.get("module")))
        if module is not None:
            data = await asyncio.to_thread(module.read_bytes)
        else:
            data = await self._attachment(frame)
        return len(data), data[offset : offset + PIECE]

    async def _attachment(self, frame: Json) -> bytes:
        message = await self._log.find(str(frame.get("message_id")))
        if message is not None and frame.get("text") is True:
            return message.text.encode(errors="replace")
        parts = attachments(message.reply) if message and message.reply else []
        index = frame.get("attachment")
        part = parts[index] if isinstance(index, int) and 0 <= index < len(parts) else None
        if not isinstance(part, (ImageContent, AudioContent, ResourceContent)):
            raise ConfigError("this part of the answer is not there")
        return part.data

    async def _export(self, client: str, offset: int) -> tuple[int, bytes]:
        """A piece of the log as it was when the browser asked for its beginning: later pieces must fit on."""
        if offset == 0:
            self._exports[client] = _Export(self._log.json_lines())
        export = self._exports.get(client)
        if export is None:
            raise ConfigError("ask for the beginning of the export first")
        export.at = self._clock()
        more = False
        try:
            size, data = await asyncio.to_thread(export.piece, offset)
            more = offset + len(data) < size
        finally:
            export.at = self._clock()
            if not more and self._exports.get(client) is export:
                del self._exports[client]
        return size, data
