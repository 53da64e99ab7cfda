"""Data frames as text: a Markdown table where small, else its first rows and a CSV file with all of them."""

from __future__ import annotations

import csv
import io
from typing import Any

from ipymultichat.errors import ConfigError
from ipymultichat.model import Content, ResourceContent, TextContent

_PACKAGES = ("pandas", "polars", "pyarrow", "modin", "cudf")

ROWS, COLUMNS, CHARACTERS = 30, 12, 8_000
"""A table of more rows, columns or characters is a CSV file."""

_HEAD = 5
"""Rows of such a table that are shown."""


def is_frame(value: object) -> bool:
    """Whether a value is a data frame, a table or a series of a package that is known here."""
    kinds = [kind for kind in type(value).__mro__ if kind.__module__.partition(".")[0] in _PACKAGES]
    return any(kind.__name__ in ("DataFrame", "Series", "Table", "ChunkedArray") for kind in kinds)


def frame_contents(value: Any, limit: int) -> list[Content]:
    """A frame as parts of an answer.

    Args:
        value: what `is_frame` knows. An index that somebody set becomes a column; the usual one is left out.
        limit: bytes of the file at most.

    Raises:
        ConfigError: the package that reads frames is not installed, or the file would be too large.
    """
    try:
        import narwhals as nw
    except ImportError as error:
        raise ConfigError(
            f'a {type(value).__name__} is read with narwhals: pip install "ipymultichat[data]"', value="narwhals"
        ) from error
    if nw.dependencies.is_into_series(value):
        value = nw.from_native(value, series_only=True).to_frame().to_native()
    if nw.dependencies.is_pandas_like_dataframe(value):
        value = _plain_columns(value)
    frame = nw.from_native(value, eager_only=True)
    if len(frame) <= ROWS and len(frame.columns) <= COLUMNS:
        table = _markdown(frame.columns, frame.rows())
        if len(table) <= CHARACTERS:
            return [TextContent(table)]
    return [*_beginning(frame), ResourceContent("file:///table.csv", "text/csv", _csv(frame, limit))]


def _plain_columns(frame: Any) -> Any:
    """The frame with its index as a column, if somebody set one, and columns whose names are texts."""
    index = frame.index
    counted = type(index).__name__ == "RangeIndex" and (index.start, index.step, index.name) == (0, 1, None)
    frame = frame if counted else frame.reset_index()
    names = [" ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in frame.columns]
    return frame.set_axis(names, axis=1)


def _beginning(frame: Any) -> list[Content]:
    """What stands in the text of an answer whose table is a file."""
    about = f"{len(frame):,} rows and {len(frame.columns):,} columns, all of them in `table.csv`"
    if len(frame.columns) > COLUMNS:
        return [TextContent(f"{about}: {', '.join(frame.columns[:100])}")]
    table = _markdown(frame.columns, frame.head(_HEAD).rows())
    return [TextContent(f"{about}; the first {_HEAD}:\n\n{table}" if len(table) <= CHARACTERS else about)]


def _markdown(columns: list[str], rows: list[tuple[Any, ...]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: object) -> str:
    text = _text(value).replace("\\", "\\\\").replace("|", "\\|")
    return " ".join(text.splitlines()) if "\n" in text or "\r" in text else text


def _text(value: object) -> str:
    """A value as it stands in a cell; one that is missing, also as NaN or NaT, is empty."""
    if value is None or (isinstance(value, float) and value != value) or type(value).__name__ in ("NaTType", "NAType"):  # noqa: PLR0124
        return ""
    return str(value)


def _csv(frame: Any, limit: int) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(frame.columns)
    for row in frame.iter_rows():
        writer.writerow(map(_text, row))
        if file.tell() > limit:
            raise ConfigError(
                f"a frame of {len(frame):,} rows makes a CSV file of more than {limit:,} bytes; send a part of it, "
                "or write it to a Parquet file and send its Path"
            )
    return file.getvalue().encode()
