"""The pages of the documentation say what is true: their code runs, their names are there."""

from __future__ import annotations

import re
from pathlib import Path

import page_code
import pages
import pytest

DOCS = Path(__file__).parents[2] / "docs"
SHOWN = [DOCS / "tutorial.md", *sorted(path for path in (DOCS / "howto").glob("*.md") if path.name != "index.md")]


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs_in_order_without_a_warning_and_does_what_the_page_says(
    page: Path, tmp_path: Path
) -> None:
    assert "assert " in "".join(page_code.blocks_of(page))  # a page checks what came of its code
    done = page_code.run_fresh([page_code.__file__, str(page)], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_block_that_fails_names_its_page_and_its_number(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nnumber = 1\n```\n<!--\n```python\nassert number == 2\n```\n-->\n", "utf-8")
    done = page_code.run_fresh([page_code.__file__, str(page)], tmp_path)
    assert done.returncode == 1
    assert "page.md, block 2" in done.stderr


def test_every_variable_of_the_environment_that_the_code_reads_is_on_the_page_of_the_configuration() -> None:
    sources = (DOCS.parent / "src").rglob("*.py")
    read = {name for path in sources for name in re.findall(r"\bMULTICHAT_[A-Z_]+\b", path.read_text("utf-8"))}
    told = re.findall(
        r"^\| `(MULTICHAT_[A-Z_]+)`", (DOCS / "reference/configuration.md").read_text("utf-8"), re.MULTILINE
    )
    assert set(told) == read


def test_every_text_that_the_troubleshooting_quotes_is_in_the_code_or_the_table_of_faults() -> None:
    root = DOCS.parent
    files = [*(root / "src").rglob("*.py"), *(root / "js/src").rglob("*.ts"), root / "tests/faults/README.md"]
    joined = [re.sub(r'"\s*\n\s*f?"', "", path.read_text("utf-8")) for path in files]  # texts go on over lines
    ours = re.sub(r"\s+", " ", " ".join(joined))
    cells = re.findall(r"^\| (.*?) \|", (DOCS / "troubleshooting.md").read_text("utf-8"), re.MULTILINE)
    quoted = [part.strip(" .") for cell in cells for text in re.findall(r"`([^`]+)`", cell) for part in text.split("…")]
    assert len(quoted) > 30
    assert [part for part in quoted if part not in ours] == []


def test_a_page_that_would_load_from_another_host_is_found(tmp_path: Path) -> None:
    (tmp_path / "good.html").write_text(
        '<a href="https://example.org">x</a><script src="_static/a.js"></script>', "utf-8"
    )
    assert pages.problems(tmp_path) == []
    (tmp_path / "bad.html").write_text('<script async src="https://cdn.example.org/a.js"></script>', "utf-8")
    (tmp_path / "bad.css").write_text("@font-face { src: url(//fonts.example.org/a.woff) }", "utf-8")
    assert pages.problems(tmp_path) == [
        "bad.css loads //fonts.example.org/a.woff",
        "bad.html loads https://cdn.example.org/a.js",
    ]
