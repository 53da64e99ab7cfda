"""Runs the tests that drive a browser and all others side by side, as many processes as there are cores to use.

Two browsers at once would need more than two cores, so they have one process; all the rest follow one another in the
other, which takes about as long.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
NO_TESTS = 5
"""What pytest returns when its arguments choose no test."""


def main(arguments: list[str]) -> int:
    """Run both parts; the browsers' output comes after that of the others. Returns 0 when both passed.

    Args:
        arguments: for pytest; with any, only the tests in Python are run.
    """
    others = [[*PYTEST, *arguments, "-m", "not browser"]]
    if not arguments:
        others = [
            [sys.executable, "hatch_build.py", "test"],
            *others,
            [*PYTEST, "-p", "nbval", "--nbval-lax", "notebooks"],
        ]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "browser.log"
        with log.open("w") as output:
            browsers = subprocess.Popen(
                [*PYTEST, *arguments, "-m", "browser and not peers and not frontends and not package"],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            outcomes = {subprocess.run(command, check=False).returncode for command in others}
            outcomes.add(browsers.wait())
        finally:
            browsers.terminate()
            browsers.wait()
            print(log.read_text(errors="replace"), end="", flush=True)
    return 1 if outcomes - {0, NO_TESTS} or outcomes == {NO_TESTS} else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
