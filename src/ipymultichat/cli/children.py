"""The processes of the demo: started together, ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ipymultichat.cli import guard
from ipymultichat.cli.ending import postponed
from ipymultichat.errors import MultiChatError

HOST = "127.0.0.1"
# By its path, which imports nothing of ours.
_GUARD = (sys.executable, "-I", guard.__file__)


def has_groups() -> bool:
    """Whether processes form groups that take signals; on Windows, where this is untried, they do not.

    There each is ended by itself and at once, nothing ends what a demo that is killed leaves behind, and the kernels of
    JupyterLab see to their own end when it has gone.
    """
    return hasattr(os, "killpg")


class DemoError(MultiChatError):
    """A part of the demo did not start, or ended by itself."""


class Children:
    """The processes of the demo; leaving the context ends all of them, and so does the death of this process."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._guard: subprocess.Popen[bytes] | None = None
        self._tell = -1

    def __enter__(self) -> Children:  # noqa: PYI034  (not meant to be subclassed)
        if has_groups():
            with postponed():
                self._guard, self._tell = start_guard()
        return self

    def __exit__(self, *exc_info: object) -> None:
        # A second Ctrl-C must not leave half of them behind.
        with postponed():
            for child in self._running.values():
                _end(child, forced=False)
            deadline = time.monotonic() + guard.STOP_SECONDS
            for child in self._running.values():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(max(0.0, deadline - time.monotonic()))
                _end(child, forced=True)
                child.wait()
            if self._guard is not None:
                self._guard.kill()
                self._guard.wait()
                os.close(self._tell)

    def start(
        self,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        *,
        log: Path | None = None,
        read_output: bool = False,
    ) -> subprocess.Popen[str]:
        """Start a process in a group of its own; its output goes to a file, to us, or where ours goes."""
        with contextlib.ExitStack() as stack:
            # Started and known to be, or not started: nothing comes in between.
            stack.enter_context(postponed())
            sink = stack.enter_context(log.open("w")) if log else None
            child = subprocess.Popen(  # noqa: S603  (our own commands)
                guarded(command, self._tell) if self._guard else command,
                env=dict(environment),
                pass_fds=[self._tell] if self._guard else [],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if read_output else sink,
                stderr=subprocess.STDOUT if log else None,
                text=True,
                start_new_session=True,
            )
            self._running[name] = child
        return child

    def start_server(self, name: str, environment: Mapping[str, str]) -> str:
        """Start a chat server on a free port; returns its address."""
        command = [sys.executable, "-m", "ipymultichat", "serve", "--port", "0"]
        child = self.start(f"the server {name}", command, environment, read_output=True)
        line = child.stdout.readline() if child.stdout else ""
        address = next((word for word in line.split() if word.startswith("ws://")), "")
        if not address:
            raise DemoError(f"the server {name} did not start")
        print(f"{name}: {address}", flush=True)
        return address

    def wait(self) -> None:
        """Wait until one of them ends by itself.

        Raises:
            DemoError: naming it.
        """
        while True:
            for name, child in self._running.items():
                if child.poll() is not None and name != "the agents":
                    raise DemoError(f"{name} ended by itself (exit code {child.returncode})")
            time.sleep(0.5)


def start_guard() -> tuple[subprocess.Popen[bytes], int]:
    """Start what ends the processes that are left when this one was killed; return it, and the way to tell it."""
    told, tell = os.pipe()
    # In a session of its own, where no Ctrl-C reaches it.
    process = subprocess.Popen(  # noqa: S603  (our own script)
        _GUARD, stdin=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    os.close(told)
    return process, tell


def guarded(command: Sequence[str], tell: int) -> list[str]:
    """Return a command that tells the guard of itself first; it has to inherit the way there (`pass_fds`)."""
    return [*_GUARD, str(tell), *command]


def _end(child: subprocess.Popen[str], *, forced: bool) -> None:
    """End the whole group: JupyterLab's kernels, too."""
    if not has_groups():
        child.kill()
    elif child.poll() is None or forced:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL if forced else signal.SIGTERM)
