"""A PostgreSQL server of the tests' own: a real one, in a temporary directory, on a free port of this machine."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

MISSING = "PostgreSQL's programs are missing: apt-get install postgresql, or put initdb and postgres on the PATH"

USER = "postgres"
"""As whom it runs when the tests run as root, which it refuses."""


class Postgres:
    """A database server that can be stopped and started again; `stop` removes all of it."""

    def __init__(self) -> None:
        self._programs = programs()
        self._folder = Path(tempfile.mkdtemp(prefix="ipymultichat-postgres-"))
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        if os.getuid() == 0:
            shutil.chown(self._folder, USER, USER)
        self._call("initdb", "-D", str(self._data), "-U", "tests", "-A", "trust", "--no-sync", "-E", "UTF8")
        self.start()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://tests@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, and return when it takes connections."""
        options = ["-D", str(self._data), "-p", str(self.port), "-k", str(self._folder), "-h", "127.0.0.1"]
        self._process = subprocess.Popen(
            [self._programs / "postgres", *options, "-c", "max_connections=200"],
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / "log").open("ab") if os.getuid() else subprocess.DEVNULL,
            **as_user(),
        )
        for _ in range(600):
            if not subprocess.call(
                [self._programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1"]
            ):
                return
            assert self._process.poll() is None, "PostgreSQL did not start"
        raise AssertionError("PostgreSQL takes no connections")

    def crash(self) -> None:
        """End it at once, as a power failure does."""
        self._signal(signal.SIGQUIT)

    def stop(self) -> None:
        if self._process is not None:
            self._signal(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def make(self, database: str) -> str:
        """Make an empty database, and return its address."""
        self._call("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "tests", database)
        return self.url(database)

    def _signal(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        assert process is not None
        process.send_signal(number)
        process.wait(30)

    def _call(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments], capture_output=True, text=True, check=False, cwd="/", **as_user()
        )
        assert done.returncode == 0, done.stderr


def as_user() -> dict[str, Any]:
    """Return what makes a child another user, where this process is root."""
    return {"user": USER, "group": USER} if os.getuid() == 0 else {}


def programs() -> Path:
    """Return the folder of PostgreSQL's programs; where they are missing, Debian's package is installed by root."""
    found = installed()
    if found is None and os.getuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", "postgresql"]):
            subprocess.run(["apt-get", *command], env=quiet, check=False, stdout=subprocess.DEVNULL)
        found = installed()
    if found is None:
        sys.exit(MISSING)
    if os.getuid() == 0:
        try:
            pwd.getpwnam(USER)
        except KeyError:
            subprocess.run(["useradd", "--system", "--no-create-home", USER], check=True)
    return found


def installed() -> Path | None:
    """Return where initdb and postgres are, the newest version first, as Debian puts them or on the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: -float(path.parts[4]))
    on_path = shutil.which("initdb")
    candidates = [*versions, *([Path(on_path)] if on_path else [])]
    return next((path.resolve().parent for path in candidates if (path.resolve().parent / "postgres").exists()), None)


if __name__ == "__main__":
    programs()
