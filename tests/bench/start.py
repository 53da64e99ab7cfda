"""Rows 11a and 12: how long the import takes, and how large the bundle is."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

from rows import ROUNDS, Row

import ipymultichat

STATIC = Path(ipymultichat.__file__).parent / "static"


def _import(line: str) -> float:
    code = f"import time; began = time.perf_counter(); {line}; print(time.perf_counter() - began)"
    return float(subprocess.check_output([sys.executable, "-c", code])) * 1000


def main(_folder: Path) -> list[Row]:
    """Measure; the first round, with a cold disk, does not count."""
    lines = "from ipymultichat import MultiChat", "import anywidget"
    rounds = [list(map(_import, lines)) for _ in range(3 * ROUNDS + 1)][1:]
    size = sum(len(gzip.compress((STATIC / name).read_bytes())) for name in ("widget.js", "widget.css"))
    ours, theirs = ([pair[side] for pair in rounds] for side in (0, 1))
    return [
        Row("11a", "import of `MultiChat`", "ms", ours, 1.25, theirs, "`anywidget`"),
        Row("12", "bundle at start, gzipped", "kB", [size / 1000], 100),
    ]
