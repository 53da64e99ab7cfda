"""The tests on every Python that is found here, and with the lowest versions allowed: `make matrix`.

Each session has an environment of its own, with one wheel that was made for all of them. Left out are the tests that
drive a browser: what they show does not depend on Python, and they would take longer than all the rest. Arguments after
`--` go to pytest: `make matrix ARGS="tests/wire tests/session"`; `nox --list` names the sessions.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import nox

ROOT = Path(__file__).parent
RESULTS = ROOT / "build" / "matrix"
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")["project"]
WANTED = ("3.10", "3.11", "3.12", "3.13", "3.14")
"""Named in the table also where they are missing."""

nox.options.envdir = "build/nox"
nox.options.default_venv_backend = "virtualenv"
nox.options.download_python = "never"
nox.options.reuse_existing_virtualenvs = False


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


@nox.session
def wheel(session: nox.Session) -> None:
    """Make the wheel that all sessions install."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    session.install("build")
    session.run("python", "-m", "build", "--wheel", "--outdir", str(RESULTS), str(ROOT))


def _register(name: str, python: Python, *, lowest: bool) -> None:
    @nox.session(name=name, python=str(python.path))
    def tests(session: nox.Session) -> None:
        """Run the tests."""
        made = next(RESULTS.glob("*.whl"), None)
        if made is None:
            session.error("there is no wheel yet: run the session 'wheel' first")
        pins = RESULTS / "lowest.txt"
        if lowest:
            pins.write_text("\n".join(_lowest()), "utf-8")
        session.install(f"{made}[test]", *(("--constraint", str(pins)) if lowest else ()))
        # The pytest plugin of an old anyio does not fit a new pytest, and nothing here needs it.
        options = ["-n", "2", "-p", "no:cacheprovider", "-p", "no:anyio", f"--junit-xml={_report(name)}"]
        session.run("python", "-m", "pytest", *options, "--ignore=tests/browser", *session.posargs)


def _lowest() -> list[str]:
    """Pin what is needed at run time to the lowest version allowed."""
    needed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["server"]]
    return [requirement.replace(">=", "==") for requirement in needed]


def _report(name: str) -> Path:
    return RESULTS / f"{name}.xml"


SESSIONS = {f"tests-{python.version}": python for python in PYTHONS}
if PYTHONS:
    SESSIONS[f"lowest-{PYTHONS[0].version}"] = PYTHONS[0]
for session_name, interpreter in SESSIONS.items():
    _register(session_name, interpreter, lowest=session_name.startswith("lowest"))


@nox.session(venv_backend="none")
def table(session: nox.Session) -> None:
    """Print what came of the sessions, as Markdown."""
    lines = ["| Python | dependencies | passed | failed | skipped | seconds |", "| --- | --- | --- | --- | --- | --- |"]
    for name, python in SESSIONS.items():
        versions = "lowest allowed" if name.startswith("lowest") else "newest"
        lines.append(f"| {python.version} | {versions} | {' | '.join(_outcome(name))} |")
    here = {python.version.rpartition(".")[0] for python in PYTHONS}
    lines += [f"| {minor} | | missing | | | |" for minor in WANTED if minor not in here]
    print("\n".join(["", *lines, ""]))
    (RESULTS / "table.md").write_text("\n".join([*lines, ""]), "utf-8")
    if not PYTHONS:
        session.error("no Python was found")


def _outcome(name: str) -> tuple[str, str, str, str]:
    """Say how many tests passed, failed and were skipped, and how long all took."""
    path = _report(name)
    if not path.is_file():
        return "not run", "", "", ""
    (suite,) = ET.parse(path).iter("testsuite")
    total, skipped = int(suite.attrib["tests"]), int(suite.attrib["skipped"])
    failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    return str(total - failed - skipped), str(failed), str(skipped), f"{float(suite.attrib['time']):.0f}"
