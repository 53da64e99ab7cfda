"""`docs/versions.md` has the table that `make matrix` writes, and the package promises what stands there, no more."""

from importlib.metadata import metadata

import matrix
from packaging.specifiers import SpecifierSet
from packaging.version import Version


def rows() -> list[dict[str, str]]:
    text = matrix.PAGE.read_text("utf-8")
    assert (text.count(matrix.BEGIN), text.count(matrix.END)) == (1, 1)
    lines = [line for line in text.split(matrix.BEGIN)[1].split(matrix.END)[0].splitlines() if line.startswith("| ")]
    assert lines[0] == f"| {' | '.join(matrix.COLUMNS)} |"
    return [
        dict(zip(matrix.COLUMNS, line.removeprefix("| ").removesuffix(" |").split(" | "), strict=True))
        for line in lines[2:]
    ]


def versions(row: dict[str, str]) -> dict[str, Version]:
    """Of each package that a row names."""
    named = [part.split(" ") for part in row["version"].split(", ")]
    return {part[0] if len(part) == 2 else row["dependency"]: Version(part[-1]) for part in named}


def test_every_python_that_is_promised_was_tried_and_no_other() -> None:
    tried = {row["Python"].rpartition(".")[0] for row in rows()}
    assert tried == set(matrix.pythons())
    lowest = min(tried, key=Version)
    assert SpecifierSet(metadata("ipymultichat")["Requires-Python"]) == SpecifierSet(f">={lowest}")


def test_each_session_is_a_row_in_which_nothing_failed() -> None:
    expected = [run.dependency for run in matrix.runs().values()]
    assert [row["dependency"] for row in rows() if row["dependency"] != "all newest"] == expected
    assert [row for row in rows() if row["failed"] != "0" or int(row["passed"]) < 1] == []


def test_the_lowest_versions_that_the_package_allows_are_those_that_were_tried() -> None:
    allowed = {name: Version(version) for name, version in matrix.bounds().items() if name in matrix.PACKAGES}
    assert sorted(allowed) == sorted(matrix.PACKAGES)
    tried = [versions(row) for row in rows()]
    together = next(versions(row) for row in rows() if row["dependency"] == "all lowest")
    assert together == allowed
    alone = [row for row in tried if len(row) < len(allowed)]
    assert [name for name, version in allowed.items() if not any(row.get(name) == version for row in alone)] == []
