"""The tests on every Python that is found here, and with old versions of dependencies: `make matrix`.

Each session has an environment of its own, with one wheel that was made for all of them. `tests/support/matrix.py` says
which there are, and writes the table into `docs/versions.md`. Left out are the tests that drive a browser: what they
show does not depend on Python, and they would take longer than all the rest. Arguments after `--` go to pytest in place
of a session's tests, and leave the page as it is: `make matrix ARGS="tests/wire tests/session"`. `nox --list` names the
sessions; some alone, with the table of all that ran since the wheel was made: `nox -s lowest table`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nox

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

import matrix  # noqa: E402  found there

nox.options.envdir = "build/nox"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.reuse_existing_virtualenvs = False
os.environ["UV_PYTHON_DOWNLOADS"] = "never"

WANTED = matrix.pythons()
INSTALLED = """
import importlib.metadata, json, platform, sys
print(json.dumps([platform.python_version(), {name: importlib.metadata.version(name) for name in sys.argv[1:]}]))
"""


class Python(NamedTuple):
    """One interpreter."""

    version: str
    path: Path


def interpreters() -> list[Python]:
    """Find each version once: on the PATH, and among those of pyenv."""
    found: dict[str, Path] = {}
    for path in _candidates():
        version = _version(path)
        if version is not None and version.rpartition(".")[0] in WANTED:
            found.setdefault(version, path)
    return sorted(
        (Python(*item) for item in found.items()), key=lambda python: [int(part) for part in python.version.split(".")]
    )


def _candidates() -> Iterator[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    for folder in [*folders, *sorted(pyenv.glob("versions/*/bin"))]:
        for minor in WANTED:
            if shutil.which(path := folder / f"python{minor}"):
                yield path


def _version(path: Path) -> str | None:
    """Return the version of an interpreter that works, and is not that of a virtual environment."""
    code = "import platform, sys; print(platform.python_version() if sys.prefix == sys.base_prefix else '')"
    try:
        done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = done.stdout.strip()
    return version if re.fullmatch(r"\d+\.\d+\.\d+", version) else None


PYTHONS = interpreters()
SESSIONS: dict[str, tuple[Python, matrix.Run]] = {}
"""Single dependencies are tried on the Python in the middle: the last is too new for some that are old."""

if PYTHONS:
    for session_name, what in matrix.runs().items():
        SESSIONS[session_name] = (PYTHONS[0] if session_name == "lowest" else PYTHONS[len(PYTHONS) // 2], what)
for interpreter in PYTHONS:
    SESSIONS[f"newest-{interpreter.version}"] = (interpreter, matrix.everything("all newest", ()))


@nox.session
def wheel(session: nox.Session) -> None:
    """Make the wheel that all sessions install, and forget what came of earlier ones."""
    shutil.rmtree(matrix.RESULTS, ignore_errors=True)
    session.install("build")
    session.run("python", "-m", "build", "--wheel", "--outdir", str(matrix.RESULTS), str(ROOT))


def _register(name: str, python: Python, run: matrix.Run) -> None:
    @nox.session(name=name, python=str(python.path))
    def tests(session: nox.Session) -> None:
        """Run the tests."""
        made = next(matrix.RESULTS.glob("*.whl"), None)
        if made is None:
            session.error("there is no wheel yet: run the session 'wheel' first")
        pins = matrix.RESULTS / f"{name}.txt"
        pins.write_text("\n".join(run.pins), "utf-8")
        session.install(f"{made}[test]", "nbval", "pip", "pytest-xdist", "--constraint", str(pins))
        version, versions = json.loads(str(session.run("python", "-c", INSTALLED, *run.packages, silent=True)))
        matrix.note(name, version, run, versions)
        session.env["MULTICHAT_CONFIG_DIR"] = str(matrix.RESULTS / "profile")  # the notebook opens the default one
        cache = f"cache_dir={matrix.RESULTS / 'cache' / name}"
        # The pytest plugin of an old anyio does not fit a new pytest, and nothing here needs it.
        pytest = [
            "python",
            "-m",
            "pytest",
            "-o",
            cache,
            "-p",
            "no:anyio",
            "--nbval-lax",
            *(session.posargs or run.tests),
        ]
        pytest += [f"--ignore={path}" for path in matrix.LEFT_OUT]
        # The cells of a notebook need one worker.
        session.run(
            *pytest, "-n", "2", "--dist", "loadfile", f"--junit-xml={matrix.report(name)}", success_codes=[0, 1]
        )
        if matrix.outcome(name).failed:
            session.run(*pytest, "--last-failed", f"--junit-xml={matrix.report(name, alone=True)}")


for session_name, (interpreter, what) in SESSIONS.items():
    _register(session_name, interpreter, what)


@nox.session(venv_backend="none")
def table(session: nox.Session) -> None:
    """Print what came of the sessions, as Markdown, and write it into the page."""
    lines = matrix.table(list(SESSIONS))
    here = {python.version.rpartition(".")[0] for python in PYTHONS}
    missing = [f"Python {minor} is missing here." for minor in WANTED if minor not in here]
    print("\n".join(["", *lines, "", *missing]))
    (matrix.RESULTS / "table.md").write_text("\n".join([*lines, ""]), "utf-8")
    if missing:
        session.error("not every Python that the metadata promises was found")
    if not session.posargs:
        matrix.write_page(lines)
