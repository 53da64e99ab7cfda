"""Tables in pages of the documentation, between two marks, written by the command that found what they say."""

from collections.abc import Sequence
from pathlib import Path


def markdown(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """The lines of a table."""
    return ["| " + " | ".join(map(str, cells)) + " |" for cells in (columns, ["---"] * len(columns), *rows)]


def fill(page: Path, begin: str, end: str, lines: Sequence[str]) -> None:
    """Put lines between the marks of a page, in place of what stands there."""
    before, rest = page.read_text("utf-8").split(begin)
    page.write_text("\n".join([before + begin, "", *lines, "", end + rest.split(end)[1]]), "utf-8")
