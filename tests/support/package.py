"""The package as people get it, below `build/package`, and the page that says what is in it: `make package`.

`build` makes the archives twice and compares them; `install` makes an environment for each extra; `extras` tries each
there; `table` writes what was seen into `docs/reference/install.md`, that of `tests/browser/test_package.py` with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import Any

import archives
import extras
from extras import EXTRAS
from postgres import Postgres
from tables import fill, markdown

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "build" / "package"
ENVIRONMENTS = RESULTS / "environments"
INBOX = "lab,server"
"""The environment of the check in a browser."""
PAGE = ROOT / "docs" / "reference" / "install.md"
BEGIN, END = "<!-- package: begin -->", "<!-- package: end -->"
COLUMNS = ("extra", "what it is for", "tried alone", "packages", "MB")
LARGEST_WHEEL = 585_000
"""Bytes; a tenth more than it had when this was written."""
BUNDLE = ("ipymultichat/static/", "/share/jupyter/labextensions/")


def build() -> None:
    """Make both archives from two clones, and a wheel without a network; all must have the same bytes."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    one, two = RESULTS / "one", RESULTS / "another" / "place" / "two"
    for clone in (one, two):
        run("git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone))
    archives_of(one)
    # What must not matter: where it is, who may read the files, the language, the hour.
    archives_of(two, umask=0o077, LC_ALL="C", TZ="Asia/Kathmandu")
    for made in sorted((one / "dist").iterdir()):
        same(made, two / "dist" / made.name)
        problems = archives.problems(made)
        assert problems == [], problems
    (wheel,) = (one / "dist").glob("*.whl")
    (sdist,) = (one / "dist").glob("*.tar.gz")
    same(wheel, from_tree(one))
    same(wheel, offline(sdist))
    assert wheel.stat().st_size <= LARGEST_WHEEL, f"the wheel has {wheel.stat().st_size} bytes, not {LARGEST_WHEEL}"
    note("wheel", sizes(wheel, sdist))


def archives_of(clone: Path, umask: int = -1, **environment: str) -> None:
    """Make an sdist, and the wheel from it."""
    run(sys.executable, "-m", "build", str(clone), umask=umask, env={**os.environ, **environment})


def from_tree(clone: Path) -> Path:
    """Make a wheel from a clone itself, not from its sdist."""
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(clone / "tree"), str(clone))
    return next((clone / "tree").glob("*.whl"))


def offline(sdist: Path) -> Path:
    """Make a wheel from an sdist where no network can be reached."""
    folder = RESULTS / "sdist"
    with tarfile.open(sdist) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
        archive.extractall(folder)
    (source,) = folder.iterdir()
    without_network = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*without_network, "true"], capture_output=True, check=False).returncode:
        sys.exit("unshare cannot take the network away here: it needs Linux, and namespaces that this user may make")
    run(*without_network, sys.executable, "-m", "build", "--no-isolation", "--wheel", str(source))
    return next((source / "dist").glob("*.whl"))


def same(one: Path, other: Path) -> None:
    """Fail unless both archives have the same bytes; the files that differ are named."""
    if one.read_bytes() == other.read_bytes():
        return
    mine, others = members(one), members(other)
    differing = [name for name in sorted(mine.keys() | others.keys()) if mine.get(name) != others.get(name)]
    sys.exit(f"{one} and {other} differ in {', '.join(differing) or 'how they are packed'}")


def members(path: Path) -> dict[str, tuple[Any, ...]]:
    """What an archive says of each file, and a hash of what is in it."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return {
                info.filename: (info.date_time, info.external_attr, digest(wheel.read(info)))
                for info in wheel.infolist()
            }
    with tarfile.open(path) as sdist:
        return {
            info.name: (info.mtime, info.mode, info.uid, info.uname, digest(sdist.extractfile(info).read()))  # type: ignore[union-attr]
            for info in sdist.getmembers()
        }


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sizes(wheel: Path, sdist: Path) -> dict[str, int]:
    """In bytes: the archives, what the wheel unpacks to, and the part of it that goes to browsers."""
    files = archives.contents(wheel)
    bundle = sum(size for name, size in files.items() if any(part in f"/{name}" for part in BUNDLE))
    return {
        "sdist": sdist.stat().st_size,
        "wheel": wheel.stat().st_size,
        "unpacked": sum(files.values()),
        "browser": bundle,
    }


def install() -> None:
    """Make an environment for each extra, and one for the browser."""
    (wheel,) = (RESULTS / "one" / "dist").glob("*.whl")
    shutil.rmtree(ENVIRONMENTS, ignore_errors=True)
    for name in (*EXTRAS, INBOX):
        environment(name, wheel)
        print(f"{name}: installed", flush=True)


def try_extras() -> None:
    """Do with each extra what needs it, where it is alone; and see that its lack is told where it is missing."""
    database = Postgres()
    try:
        for name in EXTRAS:
            inside(name, name, **{extras.DATABASE: database.url()})
            print(f"{name}: works", flush=True)
    finally:
        database.stop()
    for within in ("none", "server"):
        lacking = [name for name, extra in EXTRAS.items() if extra.lack is not None and extra.lacks_within == within]
        inside(within, "missing", *lacking)
        print(f"{within}: names {', '.join(lacking)} as missing", flush=True)


def environment(name: str, wheel: Path) -> None:
    """Make an environment with the wheel and extras, and note how large it is; without the byte code Python adds."""
    folder = ENVIRONMENTS / name
    venv.create(folder)
    wanted = str(wheel) if name == "none" else f"{wheel}[{name}]"
    pip = [sys.executable, "-m", "pip", "--python", python(name), "--quiet", "--disable-pip-version-check", "install"]
    run(*pip, "--no-compile", wanted, env={**os.environ, "PATH": str(folder / "bin")})
    packages = [path.name for path in folder.glob("lib/python*/site-packages/*.dist-info")]
    foreign = [package for package in packages if package.startswith("nodejs")]
    assert foreign == [], foreign
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    note(name, {"packages": len(packages), "bytes": sum(path.stat().st_size for path in files)})


def inside(name: str, *arguments: str, **variables: str) -> None:
    """Run `extras.py` in an environment; beside it, nothing of the tests can be imported."""
    script = shutil.copy(extras.__file__, RESULTS)
    home = RESULTS / "home"
    home.mkdir(exist_ok=True)
    run(python(name), str(script), *arguments, cwd=home, env={**bare(name, home), **variables})


def python(name: str) -> str:
    """The Python of an environment."""
    return str(ENVIRONMENTS / name / "bin" / "python")


def bare(name: str, home: Path) -> dict[str, str]:
    """Variables for a program of an environment: nothing of this machine's settings, and on the PATH nothing else."""
    path = str(ENVIRONMENTS / name / "bin")
    assert not any(shutil.which(program, path=path) for program in ("node", "npm"))
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "JUPYTER", "MULTICHAT"))}
    return {**kept, "PATH": path, "HOME": str(home), "MULTICHAT_CONFIG_DIR": str(home / "config")}


def table() -> None:
    """Write what was seen into the page."""
    rows = [
        [name, extra.purpose, extra.tried, noted(name)["packages"], mega(noted(name)["bytes"])]
        for name, extra in EXTRAS.items()
    ]
    files = noted("wheel")
    lines = [
        *markdown(COLUMNS, rows),
        "",
        *markdown(
            ("archive", "MB"),
            [
                ["wheel", mega(files["wheel"])],
                ["wheel, unpacked", mega(files["unpacked"])],
                ["of it for browsers", mega(files["browser"])],
                ["sdist", mega(files["sdist"])],
            ],
        ),
        "",
        "With `[{}]`, the inbox opened from the side bar of JupyterLab {jupyterlab} without a notebook, and answered\n"
        "a question. All on Python {python}.".format(INBOX, **noted("inbox")),
    ]
    fill(PAGE, BEGIN, END, lines)


def mega(size: int) -> str:
    return f"{size / 1e6:.2f}" if size < 10e6 else f"{size / 1e6:.0f}"


def note(name: str, seen: dict[str, Any]) -> None:
    """Keep what was seen, for the page."""
    (RESULTS / f"{name}.json").write_text(json.dumps(seen) + "\n", "utf-8")


def noted(name: str) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    return seen


def run(*command: str, **options: Any) -> None:
    """Run a program, which must end well; what it says is shown if it does not."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}")


if __name__ == "__main__":
    {"build": build, "install": install, "extras": try_extras, "table": table}[sys.argv[1]]()
