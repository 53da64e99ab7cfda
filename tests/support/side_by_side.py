"""Runs all tests in two lanes side by side, as many as there are cores to use.

Two browsers at once would need more than two cores, so they are in one lane, and what else is not pytest's own follows
them; the other tests take about as long.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import IO

PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
NO_TESTS = 5
"""What pytest returns when its arguments choose no test."""


def main(arguments: list[str]) -> int:
    """Run both lanes; the browsers' output comes after that of the others. Returns 0 when all passed.

    Args:
        arguments: for pytest; with any, only the tests in Python are run.
    """
    browsers = [[*PYTEST, *arguments, "-m", "browser and not peers and not frontends and not package"]]
    if not arguments:
        notebooks = [*PYTEST, "-p", "nbval", "--nbval-lax", "notebooks"]
        browsers += [notebooks, [sys.executable, "hatch_build.py", "test"]]
    others = [[*PYTEST, *arguments, "-m", "not browser"]]
    stop = Event()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        log = Path(folder) / "browser.log"
        with log.open("w") as output:
            lane = pool.submit(_run, browsers, stop, output)
            try:
                outcomes = _run(others, stop) | lane.result()
            finally:
                stop.set()  # what runs has been interrupted as well, and nothing follows it
                lane.exception()
                print(log.read_text(errors="replace"), end="", flush=True)
    return 1 if outcomes - {0, NO_TESTS} or outcomes == {NO_TESTS} else 0


def _run(commands: Sequence[list[str]], stop: Event, output: IO[str] | None = None) -> set[int]:
    """Run commands one after the other until told to stop; returns what they returned."""
    outcomes = set()
    for command in commands:
        if not stop.is_set():
            outcomes.add(subprocess.run(command, check=False, stdout=output, stderr=output).returncode)
    return outcomes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
