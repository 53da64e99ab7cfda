"""Child processes: each in a group of its own, which ends with it; a chat server that can be killed and frozen."""

import contextlib
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ipymultichat.cli.children import guarded, start_guard

IGNORING = (
    sys.executable,
    "-c",
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])",
)
"""Before a command: runs it as a shell runs a background job, with SIGINT ignored."""

PROCESSES = Path("/proc")


def take_signals() -> None:
    """Tidy up when told to end; and let children be interrupted where whoever started the tests ignores SIGINT."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def start(
    command: Sequence[str], environment: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[str]:
    """Start a process in a group of its own; its output can be read, as text. It does not outlive this process."""
    _, tell = _guard()
    return subprocess.Popen(
        guarded(command, tell),
        env=environment,
        pass_fds=[tell],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def end(process: subprocess.Popen[str]) -> None:
    """Kill a process, and whatever else is in its group, also when it ended before."""
    for number in (signal.SIGCONT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
    process.wait()
    os.write(_guard()[1], b"-%d\n" % process.pid)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


@functools.cache
def _guard() -> tuple[subprocess.Popen[bytes], int]:
    """The guard of this process, never waited for: it ends once this process has."""
    return start_guard()


def carrying(text: str) -> list[str]:
    """Return the ids of the processes that have this text in their environment: a process and all it has started."""
    found = []
    for entry in PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if text.encode() in (entry / "environ").read_bytes():
                found.append(entry.name)
    return found


class ServerProcess:
    """A chat server in a process of its own.

    Args:
        token: the only token it accepts.
        port: 0 takes a free one, and keeps it over the next starts.
        options: what else `ipymultichat serve` is told; without a store there, it keeps nothing.
        python: of the environment whose package serves.
    """

    url: str

    def __init__(
        self, token: str | None = None, port: int = 0, options: Sequence[str] = (), python: str = sys.executable
    ) -> None:
        self.token = token
        self.port = port
        self.options = options if "--store" in options else ("--store", "memory:", *options)
        self.python = python
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> "ServerProcess":
        command = [self.python, "-m", "ipymultichat", "serve", "--port", str(self.port), *self.options]
        environment = {key: value for key, value in os.environ.items() if key != "MULTICHAT_TOKEN"}
        if self.token:
            environment["MULTICHAT_TOKEN"] = self.token
        self.process = start(command, environment)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.url = next(word for word in line.split() if word.startswith("ws://"))
        self.port = int(self.url.split(":")[2].split("/")[0])
        return self

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None:
            end(self.process)
            self.process = None
