"""Runs the benchmarks, and writes what they found as Markdown and JSON: `table.py [GROUP …]`, all groups by default.

Each group leaves its rows in `build/bench`; the table is made of all that are there, so that a group can be run again.
It is printed, kept there as `table.md`, and written into `docs/benchmarks.md`.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from rows import HEAD, Row
from tables import fill, markdown

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "build" / "bench"
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
GROUPS = ("inbound", "connections", "start", "browser")
"""Modules with a `main`, in the order in which they are run."""


def run(group: str) -> None:
    """Run one group, and keep what it found."""
    with tempfile.TemporaryDirectory() as folder:
        found: list[Row] = importlib.import_module(group).main(Path(folder))
    (RESULTS / f"{group}.json").write_text(json.dumps([asdict(row) for row in found], indent=1) + "\n", "utf-8")
    for row in found:
        print(*row.cells(), sep=" | ", flush=True)


def table() -> str:
    """The table of all that was run, the rows in order, with the machine it was run on."""
    found = [Row(**row) for path in RESULTS.glob("*.json") for row in json.loads(path.read_text("utf-8"))]
    found.sort(key=lambda row: (int(row.number.rstrip("abc")), row.number))
    packages = ", ".join(f"{name} {version(name)}" for name in ("websockets", "protobuf", "anywidget", "jupyterlab"))
    day = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    where = f"{day}: Python {platform.python_version()}, {os.cpu_count()} cores, {packages}."
    return "\n".join([*markdown(HEAD, [row.cells() for row in found]), "", where])


def write() -> None:
    """Print the table, keep it, and write it into the page."""
    made = table()
    print(f"\n{made}")
    (RESULTS / "table.md").write_text(made + "\n", "utf-8")
    fill(PAGE, BEGIN, END, [made])


if __name__ == "__main__":
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or GROUPS:
        run(name)
    write()
