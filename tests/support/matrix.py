"""What `make matrix` runs with which versions, and its table in `docs/versions.md`; for noxfile.py."""

from __future__ import annotations

import json
from importlib.metadata import metadata, requires
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from packaging.requirements import Requirement
from tables import fill, markdown

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "build" / "matrix"
PAGE = ROOT / "docs" / "versions.md"
BEGIN, END = "<!-- matrix: begin -->", "<!-- matrix: end -->"
COLUMNS = ("Python", "dependency", "version", "passed", "alone", "failed", "skipped", "seconds")

KERNEL = ("tests/widget", "tests/notebook", "notebooks/quickstart.ipynb")
TESTS = {
    "anywidget": KERNEL,
    "ipywidgets": KERNEL,
    "ipykernel": KERNEL,
    "websockets": ("tests/net", "tests/session", "tests/server", "tests/agent"),
    "protobuf": ("tests/wire", "tests/session", "tests/server"),
    "starlette uvicorn": ("tests/server", "tests/mcp"),
    "mcp": ("tests/mcp", "tests/agent"),
}
"""The dependencies that have sessions of their own, and the tests that exercise each; two where one runs the other."""

PACKAGES = tuple(" ".join(TESTS).split())
"""Those whose versions stand in the rows of everything."""

BETWEEN = {"ipykernel": ("6.*",), "protobuf": ("5.*", "6.*")}
"""Versions between the lowest and the newest that many still have: the newest of each of these."""

LEFT_OUT = ("tests/browser", "tests/packaging/test_versions_page.py")
"""What a browser shows does not depend on Python; the page is written when all have run."""

COMPANIONS = ("numpy<2",)
"""What a lowest version needs and does not say: pandas before 2.2.2 was built for numpy 1."""


class Run(NamedTuple):
    """What one session is about: the name of its row, the packages whose versions count, what is pinned, its tests."""

    dependency: str
    packages: tuple[str, ...]
    pins: tuple[str, ...]
    tests: tuple[str, ...]


def pythons() -> list[str]:
    """Each minor version that the package's metadata promises."""
    ends = [line.rpartition(" :: ")[2] for line in metadata("ipymultichat").get_all("Classifier") or []]
    return [end for end in ends if end.startswith("3.")]


def bounds() -> dict[str, str]:
    """Map each package that is needed at run time, extras included, to the lowest version allowed."""
    found: dict[str, str] = {}
    for requirement in map(Requirement, requires("ipymultichat") or ()):
        marker = str(requirement.marker or "")
        ours = requirement.name == "ipymultichat" or any(f'"{extra}"' in marker for extra in ("test", "docs", "dev"))
        if not ours:
            found[requirement.name] = next(each.version for each in requirement.specifier if each.operator == ">=")
    return found


def runs() -> dict[str, Run]:
    """Every session but those of the Pythons, by its name."""
    lowest = {name: f"{name}=={version}" for name, version in bounds().items()}
    made = {"lowest": everything("all lowest", (*lowest.values(), *COMPANIONS))}
    for name, tests in TESTS.items():
        packages = tuple(name.split())
        pins = tuple(lowest[package] for package in packages)
        made[f"{packages[0]}-lowest"] = Run(", ".join(packages), packages, pins, tests)
        for version in BETWEEN.get(name, ()):
            made[f"{name}-{version.partition('.')[0]}"] = Run(name, packages, (f"{name}=={version}",), tests)
    return made


def everything(dependency: str, pins: tuple[str, ...]) -> Run:
    """Return a run of all tests but those that drive a browser."""
    return Run(dependency, PACKAGES, pins, ("tests", "notebooks/quickstart.ipynb"))


def note(session: str, python: str, run: Run, versions: dict[str, str]) -> None:
    """Keep what is installed in the environment of a session, for the table; forget what came of it before."""
    for alone in (False, True):
        report(session, alone=alone).unlink(missing_ok=True)
    told = next(iter(versions.values())) if len(versions) == 1 else ", ".join(" ".join(one) for one in versions.items())
    (RESULTS / f"{session}.json").write_text(json.dumps([python, run.dependency, told]) + "\n", "utf-8")


def report(session: str, *, alone: bool = False) -> Path:
    """Where pytest leaves what came of a session; `alone`: of the tests of it that failed and ran again."""
    return RESULTS / f"{session}{'-alone' if alone else ''}.xml"


class Outcome(NamedTuple):
    """How many tests passed, how many of them only alone, how many failed and were skipped; how long all took."""

    passed: int
    alone: int
    failed: int
    skipped: int
    seconds: int


def outcome(session: str) -> Outcome:
    """Count what came of a session."""
    ran, failed, skipped, seconds = _read(report(session))
    again = failed
    if report(session, alone=True).is_file():
        _, again, _, more = _read(report(session, alone=True))
        seconds += more
    passed = len(ran) - len(again) - len(skipped)
    return Outcome(passed, len(failed) - len(again), len(again), len(skipped), round(seconds))


def _read(path: Path) -> tuple[set[str], set[str], set[str], float]:
    """Return the names of the tests in a report: all, those that failed, those that were skipped; and its seconds."""
    (suite,) = ET.parse(path).iter("testsuite")
    cases = [
        (f"{case.get('classname')}.{case.get('name')}", {part.tag for part in case}) for case in suite.iter("testcase")
    ]
    failed = {name for name, parts in cases if parts & {"failure", "error"}}
    skipped = {name for name, parts in cases if "skipped" in parts} - failed
    return {name for name, _ in cases}, failed, skipped, float(suite.attrib["time"])


def table(sessions: list[str]) -> list[str]:
    """Return the lines of the table: what was run of these sessions, and nothing else."""
    ran = [session for session in sessions if report(session).is_file()]
    told = [json.loads((RESULTS / f"{session}.json").read_text("utf-8")) for session in ran]
    rows = [(*line, *map(str, outcome(session))) for line, session in zip(told, ran, strict=True)]
    return markdown(COLUMNS, rows)


def write_page(lines: list[str]) -> None:
    """Put the table, and which tests each dependency had, into the page."""
    exercised = [
        f"- {name.replace(' ', ', ')}: {' '.join(f'`{path}`' for path in tests)}" for name, tests in TESTS.items()
    ]
    fill(PAGE, BEGIN, END, [*lines, "", "The tests of each dependency:", "", *exercised])
