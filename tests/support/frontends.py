"""Frontends, each in an environment of its own below `build/frontends`, and the table of what the checks saw there.

`install` makes the environments, with one wheel for all of them; `table` writes what the checks of
`tests/browser/test_frontends.py` left in `build/frontends` into `docs/frontends.md`.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import venv
from dataclasses import asdict, dataclass
from importlib.metadata import requires
from pathlib import Path

from tables import fill, markdown

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "build" / "frontends"
PAGE = ROOT / "docs" / "frontends.md"
BEGIN, END = "<!-- frontends: begin -->", "<!-- frontends: end -->"
JUPYTER = (
    "--ServerApp.ip=127.0.0.1 --ServerApp.port={port} --ServerApp.port_retries=0 --ServerApp.open_browser=False"
    " --IdentityProvider.token= --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"
    " --allow-root"
)
"""How a frontend of Jupyter is started."""
COLUMNS = ("frontend", "version", "ipywidgets", "anywidget", "shown", "badge", "answered", "left in files")


@dataclass(frozen=True)
class Frontend:
    """What is checked: its name in the table, its environment, and the package whose version counts."""

    name: str
    environment: str
    package: str

    @property
    def slug(self) -> str:
        return self.name.lower().replace(" ", "-")

    @property
    def result(self) -> Path:
        return RESULTS / f"{self.slug}.json"

    def python(self) -> str:
        return str(RESULTS / "environments" / self.environment / "bin" / "python")

    def versions(self) -> tuple[str, str, str]:
        """Of the frontend, of ipywidgets, of anywidget."""
        code = "import importlib.metadata as m, json, sys; print(json.dumps([m.version(p) for p in sys.argv[1:]]))"
        command = [self.python(), "-c", code, self.package, "ipywidgets", "anywidget"]
        own, widgets, anywidget = json.loads(subprocess.check_output(command, text=True))
        return own, widgets, anywidget

    def note(self, seen: Seen) -> None:
        """Keep what a check saw, for the table."""
        line = dict(zip(COLUMNS, (self.name, *self.versions(), *asdict(seen).values()), strict=True))
        self.result.write_text(json.dumps(line) + "\n", "utf-8")


@dataclass(frozen=True)
class Seen:
    """What a check saw, in words."""

    shown: str
    badge: str
    answered: str
    left: str


FRONTENDS = {
    frontend.name: frontend
    for frontend in (
        Frontend("JupyterLab", "newest", "jupyterlab"),
        Frontend("JupyterLab oldest", "oldest", "jupyterlab"),
        Frontend("Notebook", "newest", "notebook"),
        Frontend("marimo run", "marimo", "marimo"),
        Frontend("Voila", "voila", "voila"),
        Frontend("nbconvert", "newest", "nbconvert"),
        Frontend("papermill", "newest", "papermill"),
    )
}


def requirements() -> dict[str, list[str]]:
    """What each environment needs besides the wheel; `oldest` has the lowest versions that the package allows."""
    lowest = [
        wanted.partition(";")[0].strip().replace(">=", "==")
        for wanted in requires("ipymultichat") or ()
        if wanted.startswith(("jupyterlab", "ipywidgets", "anywidget"))
    ]
    return {
        "newest": ["jupyterlab>=4.6", "notebook>=7.6", "nbconvert>=7.17", "papermill>=2.7"],
        "oldest": lowest,
        "marimo": ["marimo>=0.25"],
        "voila": ["voila>=0.5.8", "ipykernel>=6.30"],
    }


def answers(process: subprocess.Popen[str], port: int, log: Path) -> bool:
    """Whether a frontend takes connections on a port; it must run."""
    assert process.poll() is None, log.read_text()
    try:
        # Asked for a page, Voila would run the notebook.
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def install() -> None:
    """Make or renew the environments."""
    shutil.rmtree(RESULTS / "wheel", ignore_errors=True)
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(RESULTS / "wheel"), str(ROOT)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = (RESULTS / "wheel").glob("*.whl")
    for name, wanted in requirements().items():
        folder = RESULTS / "environments" / name
        if not (folder / "bin" / "python").exists():
            venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, "--upgrade", str(wheel), *wanted], check=True)
        # Of the same version as the one before, it would not replace it.
        subprocess.run([*pip, "--force-reinstall", "--no-deps", str(wheel)], check=True)


def table() -> None:
    """Write the table into the page."""
    seen = [json.loads(frontend.result.read_text("utf-8")) for frontend in FRONTENDS.values()]
    fill(PAGE, BEGIN, END, markdown(COLUMNS, [[line[column] for column in COLUMNS] for line in seen]))


if __name__ == "__main__":
    {"install": install, "table": table}[sys.argv[1]]()
