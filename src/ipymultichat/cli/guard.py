"""Ends what a demo has started when the demo itself was killed and could not: a script that `Children` runs beside it.

It reads the ids of process groups, one a line, until the other end of its input is gone. When `Children` ends the
groups itself, it kills this process first.
"""

from __future__ import annotations

import os
import signal
import sys
import time

STOP_SECONDS = 5.0
"""How long processes that were asked to end may take before they are killed."""


def main() -> None:
    """Wait for the end of the demo, then end the groups that are left."""
    groups = [int(line) for line in sys.stdin]
    groups = [group for group in groups if _reached(group, signal.SIGTERM)]
    deadline = time.monotonic() + STOP_SECONDS
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = [group for group in groups if _reached(group, 0)]
    for group in groups:
        _reached(group, signal.SIGKILL)


def _reached(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
