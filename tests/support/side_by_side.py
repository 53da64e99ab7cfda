"""Runs the tests that drive a browser and all others side by side: one process each, as many as there are cores to use.

Two browsers at once would need more than two cores, so each part has one process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

NO_TESTS = 5
"""What pytest returns when its arguments choose no test."""


def main(arguments: list[str]) -> int:
    """Run both parts; the browsers' output comes after that of the others. Returns 0 when both passed."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "browser.log"
        with log.open("w") as output:
            browsers = subprocess.Popen(
                [*command, "-m", "browser and not peers and not frontends"], stdout=output, stderr=subprocess.STDOUT
            )
        try:
            others = subprocess.run([*command, "-m", "not browser"], check=False).returncode
            outcomes = {others, browsers.wait()}
        finally:
            browsers.terminate()
            browsers.wait()
            print(log.read_text(errors="replace"), end="", flush=True)
    return 1 if outcomes - {0, NO_TESTS} or outcomes == {NO_TESTS} else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
