"""How messages and lists of things show themselves in a notebook cell (HTML) and in a terminal (text).

The HTML follows the theme of whatever page it stands in, runs nothing and requests nothing; every text in it is
escaped. Text from others is never taken for markup: Markdown stands there as it was written.
"""

from __future__ import annotations

import html
import re
import shutil
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ipymultichat.model.invisible import escape_invisible
from ipymultichat.model.life import MessageKind, MessageStatus

if TYPE_CHECKING:
    from ipymultichat.model.message import Content, Message

REPR = 120
"""Characters of the `repr` of a message at most."""

ROWS = 20
"""Rows of a table at most; the others are counted."""

_TEXT = 4_000
"""Characters of a text that a card shows."""

_CELL, _LAST_CELL = 40, 300
"""Columns of a terminal that a cell of a table takes at most, and the last one of its row."""

_PICTURE = re.compile(r"(?<=\])\(data:[^()\s]*\)")
"""A picture in Markdown, as `AgentClient` puts small ones into a question."""

_FG = "var(--jp-ui-font-color1,var(--vscode-foreground,inherit))"
_DIM = "var(--jp-ui-font-color2,var(--vscode-descriptionForeground,inherit))"
_LINE = "var(--jp-border-color2,var(--vscode-panel-border,rgba(128,128,128,.4)))"
_BAR = "var(--jp-brand-color1,var(--vscode-focusBorder,#1976d2))"
_ERROR = "var(--jp-error-color1,var(--vscode-errorForeground,#c62828))"
_FONT = "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:var(--jp-ui-font-size1,13px)"
_BASE = f"{_FONT};line-height:1.5;color:{_FG};max-width:64em"
_CELL_STYLE = f"padding:2px 10px 2px 0;text-align:left;vertical-align:top;border-bottom:1px solid {_LINE}"
_FLOW = "white-space:pre-wrap;overflow-wrap:anywhere"


def one_line(text: str, limit: int) -> str:
    """The first line of a text with nothing hidden in it, cut to so many columns of a terminal."""
    first = text.strip()[: 4 * limit].partition("\n")[0].rstrip().replace("\t", " ")
    return _cut(escape_invisible(first), limit)


def local_time(time: datetime | None) -> str:
    """A time as a person reads it: the hour today, else the day; "" for none."""
    if time is None:
        return ""
    local = time.astimezone()
    today = datetime.now(timezone.utc).astimezone().date()
    return f"{local:%H:%M}" if local.date() == today else f"{local:%Y-%m-%d}"


class Table:
    """A small table for a cell and for a terminal.

    Args:
        columns: their heads; the last one takes what room there is.
        rows: their texts.
        total: how many rows there would be; more than there are: the others are counted.
        newest: the rows are the last ones, so that the others stand above.
        empty: what is said where there is no row.
    """

    def __init__(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, total: int, newest: bool = False, empty: str
    ) -> None:
        self._columns = columns
        limits = [_CELL] * (len(columns) - 1) + [_LAST_CELL]
        self._rows = [list(map(one_line, row, limits)) for row in rows]
        self._empty = empty
        others = total - len(self._rows)
        self._above = f"… {others:,} earlier" if others and newest else ""
        self._below = f"… {others:,} more" if others and not newest else ""

    def html(self) -> str:
        """As HTML."""
        if not self._rows:
            return f'<div style="{_BASE};color:{_DIM}">{html.escape(self._empty)}</div>'
        heads = "".join(
            f'<th style="{_CELL_STYLE};color:{_DIM};font-weight:600">{html.escape(column)}</th>'
            for column in self._columns
        )
        rows = "".join(
            "<tr>" + "".join(map(_cell, row, ["white-space:nowrap"] * (len(row) - 1) + [_FLOW])) + "</tr>"
            for row in self._rows
        )
        above, below = (
            f'<div style="color:{_DIM}">{html.escape(line)}</div>' if line else ""
            for line in (self._above, self._below)
        )
        table = f'<table style="border-collapse:collapse;margin:0;{_BASE}"><tr>{heads}</tr>{rows}</table>'
        return f'<div style="{_BASE}">{above}{table}{below}</div>'

    def text(self, width: int | None = None) -> str:
        """As text whose lines fit a terminal of so many columns; None: this one."""
        if not self._rows:
            return self._empty
        width = width or shutil.get_terminal_size().columns - 1
        lines = [[column.upper() for column in self._columns], *self._rows]
        widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
        spare = width - 2 * (len(widths) - 1)
        while sum(widths) > spare and max(widths) > 1:
            widths[widths.index(max(widths))] -= 1
        shown = ["  ".join(map(_padded, line, widths)).rstrip() for line in lines]
        return "\n".join(line for line in (self._above, *shown, self._below) if line)


def _cell(text: str, style: str) -> str:
    return f'<td dir="auto" style="{_CELL_STYLE};{style}">{html.escape(text)}</td>'


def short_repr(message: Message, prefix: str = "") -> str:
    """One line that names a message, of at most `REPR` characters; a prefix says what of it is meant."""
    head = f"{prefix}{one_line(message.title, 60)}, {message.status}: "
    return f"<{head}{one_line(_body(message), REPR - len(head) - 2)}>"


def message_row(message: Message) -> tuple[str, ...]:
    """A message as a row under `MESSAGE_COLUMNS`."""
    who = _who(message)
    return local_time(message.created_at), message.server_name, message.kind.value, who, message.status, _body(message)


MESSAGE_COLUMNS = ("time", "server", "kind", "from", "status", "text")


def card(message: Message) -> str:
    """A message as HTML: everything of it that a person reads."""
    facts = " · ".join(filter(None, (_who(message), _names(message), message.project_directory)))
    head = (
        f'<div style="display:flex;flex-wrap:wrap;gap:0 10px"><b>{_safe(message.server_name)}</b>'
        f'<span>{_safe(message.kind)}</span><bdi style="color:{_DIM}">{_safe(facts)}</bdi>'
        f'<span style="margin-left:auto"><b>{_safe(message.status)}</b> '
        f'<span style="color:{_DIM}" title="{message.created_at.isoformat()}">{local_time(message.created_at)}</span>'
        "</span></div>"
    )
    parts = [f'<div dir="auto" style="{_FLOW};margin:4px 0">{_safe(_beginning(_body(message)))}</div>']
    parts += [f'<div dir="auto" style="{_FLOW}">{_safe(line)}</div>' for line in _choices(message)]
    if answer := _answer(message):
        parts.append(
            f'<div dir="auto" style="{_FLOW};border-top:1px solid {_LINE};padding-top:4px">{_safe(answer)}</div>'
        )
    if message.error:
        parts.append(f'<div style="{_FLOW};color:{_ERROR}">{_safe(message.error)}</div>')
    style = f"{_BASE};border:1px solid {_LINE};border-left:4px solid {_BAR};border-radius:4px;padding:6px 10px"
    return f'<div style="{style}">{head}{"".join(parts)}</div>'


def lines(message: Message, width: int) -> str:
    """The same as text whose lines fit a terminal of so many columns."""
    facts = (message.title, message.status, local_time(message.created_at), _names(message), message.project_directory)
    blocks = [" · ".join(filter(None, facts)), _beginning(_body(message)), *_choices(message)]
    blocks += [block for block in (_answer(message), message.error) if block]
    return "\n".join(part for block in blocks for line in _escaped(block).split("\n") for part in _wrapped(line, width))


def _body(message: Message) -> str:
    """The text of a message, with a word in place of the bytes of pictures in it."""
    return _PICTURE.sub("(picture)", message.text) if "](data:" in message.text else message.text


def _who(message: Message) -> str:
    if message.kind is MessageKind.CHAT:
        return f"→ {message.receiver}" if message.mine else message.sender
    return message.agent_name or "agent"


def _names(message: Message) -> str:
    return " · ".join(filter(None, (message.model_name, message.client_name)))


def _beginning(text: str) -> str:
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}…\n({len(text) - _TEXT:,} more characters, see .text)"


def _choices(message: Message) -> list[str]:
    """The choices of a structured question, one line for each; what was asked is said where the text does not."""
    found: list[str] = []
    for question in message.options:
        if question.question.strip() not in message.text:
            found.append(question.question)
        found += [
            f"{'☐' if question.multiple else '○'} {option.label}"
            + (f": {option.description}" if option.description else "")
            for option in question.options
        ]
    return found


def _answer(message: Message) -> str:
    """Who answered, and what."""
    reply = message.reply
    if reply is None:
        what = "on its way" if message.status is MessageStatus.SENDING else "not delivered"
        return f"{what}: {_summary(message.draft)}" if message.draft else ""
    who = (f"the rule {message.rule}" if message.rule else "you") if reply.mine else reply.by or "someone"
    return f"{who}, {local_time(reply.at)}: {_summary(reply.contents)}"


def _summary(contents: tuple[Content, ...]) -> str:
    """An answer in words: its texts, and of everything else what it is and how large."""
    return _beginning("\n".join(getattr(part, "text", "") or _file(part) for part in contents))


def _file(part: Content) -> str:
    data = getattr(part, "data", None)
    if data is None:
        return ""
    about = (getattr(part, "name", ""), getattr(part, "mime_type", ""), f"{len(data):,} bytes")
    return f"[{' · '.join(filter(None, about))}]"


def _escaped(text: str) -> str:
    """Line by line, with nothing hidden in it."""
    return "\n".join(map(escape_invisible, text.replace("\r\n", "\n").replace("\t", "    ").split("\n")))


def _safe(text: str) -> str:
    return html.escape(_escaped(text))


def _width(text: str) -> int:
    """Columns of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def _cut(text: str, limit: int) -> str:
    if _width(text) <= limit:
        return text
    return f"{text[: _fitting(text, limit - 1)]}…"


def _fitting(text: str, limit: int) -> int:
    """How many characters of a text fit so many columns."""
    room = limit
    for index, char in enumerate(text):
        room -= _width(char)
        if room < 0:
            return index
    return len(text)


def _wrapped(line: str, width: int) -> list[str]:
    """A line in pieces of so many columns: between words, or where letters are wide, anywhere."""
    if _width(line) == len(line):
        return textwrap.wrap(line, width) or [""]
    pieces = []
    while line:
        kept = max(1, _fitting(line, width))
        pieces.append(line[:kept])
        line = line[kept:]
    return pieces


def _padded(text: str, width: int) -> str:
    cut = _cut(text, width)
    return cut + " " * (width - _width(cut))
