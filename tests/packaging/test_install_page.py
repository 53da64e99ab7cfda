"""`docs/reference/install.md` has the tables that `make package` writes, with a row for each extra."""

from importlib.metadata import metadata

from extras import EXTRAS
from package import BEGIN, COLUMNS, END, PAGE

OF_DEVELOPERS = {"dev", "docs", "test"}


def test_every_extra_is_tried_and_none_that_is_not_there() -> None:
    offered = set(metadata("ipymultichat").get_all("Provides-Extra") or ())
    assert offered >= OF_DEVELOPERS
    assert set(EXTRAS) == {"none"} | offered - OF_DEVELOPERS


def test_the_page_has_a_row_for_every_extra_in_their_order() -> None:
    text = PAGE.read_text("utf-8")
    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    head, _, *rows = text.split(BEGIN)[1].split(END)[0].split("\n\n")[1].splitlines()
    assert head == f"| {' | '.join(COLUMNS)} |"
    told = [row.removeprefix("| ").split(" | ")[:3] for row in rows]
    assert told == [[name, extra.purpose, extra.tried] for name, extra in EXTRAS.items()]
