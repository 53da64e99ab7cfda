"""`docs/frontends.md` has the table that the checks of the frontends write, with a row for each of them."""

from frontends import BEGIN, COLUMNS, END, FRONTENDS, PAGE


def test_the_page_names_every_frontend_that_has_a_check_and_no_other() -> None:
    text = PAGE.read_text("utf-8")
    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    head, _, *rows = text.split(BEGIN)[1].split(END)[0].strip().splitlines()
    assert head == f"| {' | '.join(COLUMNS)} |"
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == list(FRONTENDS)
    assert all(row.count(" | ") == len(COLUMNS) - 1 for row in rows)
