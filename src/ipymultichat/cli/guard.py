"""Ends what a demo has started when the demo itself was killed and could not: a script that `Children` runs beside it.

Without arguments it is the guard: it reads the ids of process groups, one a line, until nobody holds the other end of
its input any more; a minus sign before one means that it has ended. When `Children` has ended all of them, it kills the
guard.

It works with groups of processes, which Windows has not: there it is not started.

With arguments, a file descriptor and a command, it becomes that command, after it has told the guard: a child that
told its own id cannot be forgotten by a parent that is killed in between.
"""

from __future__ import annotations

import os
import signal
import sys
import time

STOP_SECONDS = 5.0
"""How long processes that were asked to end may take before they are killed."""


def guard() -> None:
    """Wait for the end of the demo, then end the groups that are left."""
    told = [int(line) for line in sys.stdin]
    groups = [group for group in told if group > 0 and -group not in told and _reached(group, signal.SIGTERM)]
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


def become(descriptor: int, command: list[str]) -> None:
    """Tell the guard of this process, the first of its group, and go on as the command."""
    os.write(descriptor, b"%d\n" % os.getpid())
    os.close(descriptor)
    os.execvp(command[0], command)  # noqa: S606  (our own commands)


if __name__ == "__main__":
    if sys.argv[1:]:
        become(int(sys.argv[1]), sys.argv[2:])
    else:
        guard()
