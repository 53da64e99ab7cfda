"""The whole log as people and browsers read it: from memory first, further back from the disk."""

from __future__ import annotations

import asyncio
import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from ipymultichat.errors import ConfigError
from ipymultichat.hub.tables import MessageList, message_table
from ipymultichat.inbox import Inbox
from ipymultichat.model import Entry, Message, MessageFilter, Order, ServerConfig
from ipymultichat.model.display import ROWS, Table
from ipymultichat.model.filter import Conditions, message_filter, takes_conditions
from ipymultichat.model.forms import FIELDS, to_json
from ipymultichat.store import History

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    from typing_extensions import Unpack


class MessageLog(Sequence[Message]):
    """Live, read-only view of the messages in memory, oldest first.

    Indexing and `len` show the log as it is at that moment; iteration walks a snapshot.

    Args:
        inbox: what is in memory; where the disk has a message too, this one is right.
        history: what is on disk.
        server_id: returns the id of a server that is named by id, label or entry.
    """

    def __init__(self, inbox: Inbox, history: History, server_id: Callable[[str | ServerConfig], str]) -> None:
        self._inbox = inbox
        self._history = history
        self._server_id = server_id

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> list[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        return self._inbox.at(index)

    def __len__(self) -> int:
        return len(self._inbox)

    def __iter__(self) -> Iterator[Message]:
        return iter(self._inbox)

    def __repr__(self) -> str:
        return f"<{len(self)} messages, {self._inbox.pending_count} pending>"

    def _repr_html_(self) -> str:
        return self._table().html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002  as IPython calls it
        printer.text(f"{self!r}\n{self._table().text()}")

    def _table(self) -> Table:
        with self._inbox.lock:
            return message_table(self[-ROWS:], len(self))

    @property
    def pending(self) -> list[Message]:
        """Questions and reports that wait for an answer, oldest first."""
        return MessageList(self._inbox.pending())

    def get(self, message_id: str) -> Message:
        """The message of an id, as it stands now.

        Raises:
            UnknownMessageError: it is not in memory.
        """
        return self._inbox.get(message_id)

    @takes_conditions
    def where(self, **conditions: Unpack[Conditions]) -> list[Message]:
        """The messages that fit every condition given, oldest first.

        Args:
            **conditions: see `Conditions`: kind, server, sender, agent, project, text, status.

        Raises:
            UnknownServerError, AmbiguousServerError: `server` fits none, or several.
            ConfigError: an unknown kind or status, or a value of another type.
        """
        wanted = self.filter(conditions)
        return MessageList(message for message in self._inbox if wanted.fits(message))

    def filter(self, conditions: Conditions) -> MessageFilter:
        """The filter that conditions make; see `where`."""
        return message_filter(conditions, self._server_id)

    async def page(self, before: Order | None, limit: int, wanted: MessageFilter) -> tuple[list[Entry], bool]:
        """Return the newest entries before a place, oldest first, and whether there are older ones that fit.

        Args:
            before: the place; None: the end.
            limit: how many at most.
            wanted: which.
        """
        found, more = self._inbox.page(before, limit, wanted)
        floor = self._inbox.complete_from
        if floor is None:
            return found, more
        # At and below the floor memory has gaps, so what it found there is only part of it.
        whole = [entry for entry in found if entry.order > floor]
        if len(whole) == limit:
            return whole, True
        below = before if before is not None and before <= floor else (floor[0], floor[1] + 1)
        older, more = await self._page_below(below, limit - len(whole), wanted)
        return older + whole, more

    async def _page_below(self, before: Order, limit: int, wanted: MessageFilter) -> tuple[list[Entry], bool]:
        while True:
            kept, more = await asyncio.wrap_future(self._history.page(before, limit, wanted))
            # What waits is in memory however old it is, and what the disk has of it may be out of date.
            living, _ = self._inbox.page(before, limit, wanted)
            bottom = kept[0].order if kept and more else None
            fitting = {entry.message.id: entry for entry in living if bottom is None or entry.order >= bottom}
            for entry in kept:
                now = self._inbox.peek(entry.message.id) or entry
                if wanted.fits(now.message):
                    fitting[now.message.id] = now
            if fitting or not more:
                entries = sorted(fitting.values())
                return entries[-limit:], more or len(entries) > limit
            before = kept[0].order

    async def find(self, message_id: str) -> Message | None:
        """Return a message wherever it is, or None."""
        entry = self._inbox.peek(message_id) or await asyncio.wrap_future(self._history.find(message_id))
        return entry.message if entry else None

    def everything(self) -> Iterator[Message]:
        """Every message there is at the first step, oldest first; reads the disk, so not for an event loop."""
        with self._inbox.lock:  # what leaves memory later is not on disk below this floor
            floor = self._inbox.complete_from
            # Memory holds some of what is below the floor: what is open, and all of it where no disk does.
            living = [entry for entry in self._inbox.above(None) if floor is not None and entry.order <= floor]
            newest = [entry.message for entry in self._inbox.above(floor)]
        if floor is not None:
            known = {entry.message.id for entry in living}
            kept = (entry for entry in self._history.entries((floor[0], floor[1] + 1)) if entry.message.id not in known)
            yield from (entry.message for entry in heapq.merge(living, kept))
        yield from newest

    # other forms

    def export(self, path: Path) -> Path:
        """Write one JSON object per line for every message there is; returns the path, or raises `OSError`."""
        path = path.expanduser()
        with path.open("w", encoding="utf-8") as file:
            file.writelines(self.json_lines())
        return path

    def json_lines(self) -> Iterator[str]:
        """Every message there is as a line of JSON, attachments in base64; the same from memory and from the disk."""
        for message in self.everything():
            yield json.dumps({**to_json(message), "live": False}, ensure_ascii=False) + "\n"

    def to_dataframe(self, package: str) -> pd.DataFrame | pl.DataFrame:
        """Return a data frame, one row per message, times as aware timestamps; see `Chat.to_dataframe`."""
        if package not in ("pandas", "polars"):
            raise ConfigError(f"to_dataframe() makes frames of pandas or polars, not of {package!r}", value=package)
        rows = map(_row, self.everything())
        try:
            return _pandas(rows) if package == "pandas" else _polars(rows)
        except ImportError as error:
            remedy = '"ipymultichat[data]"' if package == "pandas" else package
            raise ImportError(f"to_dataframe() needs {package}: pip install {remedy}") from error


def _pandas(rows: Iterable[dict[str, object]]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(list(rows), columns=list(_COLUMNS))
    for column in _TIMES:
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def _polars(rows: Iterable[dict[str, object]]) -> pl.DataFrame:
    import polars as pl

    kinds = {"bool": pl.Boolean, "time": pl.Datetime("us", "UTC"), "str": pl.String}
    return pl.DataFrame(list(rows), schema={name: kinds[kind] for name, kind in _COLUMNS.items()})


_LEFT_OUT = ("contents", "draft", "options", "approval", "live", "reply")
_COLUMNS = {
    **{
        name: "bool" if kind == "bool" else "time" if kind.startswith("datetime") else "str"
        for name, kind in FIELDS.items()
        if name not in _LEFT_OUT
    },
    "reply": "str",
    "reply_by": "str",
    "reply_at": "time",
    "reply_mine": "bool",
}
"""The columns of a data frame, and what is in each: an answer has columns of its own, attachments are left out."""

_TIMES = [name for name, kind in _COLUMNS.items() if kind == "time"]


def _row(message: Message) -> dict[str, object]:
    """A message as one row."""
    reply = message.reply
    row = {name: getattr(message, name) for name in FIELDS if name in _COLUMNS}
    return {
        **row,
        "kind": message.kind.value,
        "status": message.status.value,
        "agent_state": message.agent_state.value,
        "reply": reply.text if reply else None,
        "reply_by": reply.by if reply else None,
        "reply_at": reply.at if reply else None,
        "reply_mine": reply.mine if reply else None,
    }
