import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import archives
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(300)


def build(source: Path, target: Path, *options: str, **environment: str) -> None:
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), *options, str(source)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist, and the wheel made from it."""
    target = tmp_path_factory.mktemp("dist")
    build(ROOT, target)
    return target


def test_both_archives_hold_the_bundle_and_nothing_foreign(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    (wheel,) = dist.glob("*.whl")
    assert archives.problems(sdist) == []
    assert archives.problems(wheel) == []


def test_an_archive_without_its_bundle_is_found_out(dist: Path, tmp_path: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    broken = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(broken, "w") as target:
        for name in source.namelist():
            if not name.endswith("widget.js"):
                target.writestr(name, source.read(name))
    assert archives.problems(broken) == ["ipymultichat/static/widget.js is missing"]


def test_a_wheel_is_made_from_the_sdist_without_node(dist: Path, tmp_path: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        # Older Pythons, Debian 12's among them, know no filters; newer ones warn without one.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
        archive.extractall(tmp_path)
    (source,) = tmp_path.iterdir()
    build(source, tmp_path / "out", "--wheel", PATH="")
    (wheel,) = (tmp_path / "out").glob("*.whl")
    assert archives.problems(wheel) == []


def test_a_stale_bundle_is_noticed(tmp_path: Path) -> None:
    built_by = ("package.json", "package-lock.json", "vite.config.ts", "vite.lab.config.ts", "tsconfig.json")
    for name in ("hatch_build.py", *(f"js/{file}" for file in built_by)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "js" / "src", tmp_path / "js" / "src")
    shutil.copytree(ROOT / "src" / "ipymultichat" / "static", tmp_path / "src" / "ipymultichat" / "static")
    script = "import hatch_build; print(hatch_build.is_fresh())"

    def is_fresh() -> str:
        done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert is_fresh() == "True"
    with (tmp_path / "js" / "src" / "index.ts").open("a") as file:
        file.write("// changed\n")
    assert is_fresh() == "False"


def test_our_notebooks_hold_no_state_of_widgets() -> None:
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert notebooks
    assert [path.name for path in notebooks if "widgets" in json.loads(path.read_text())["metadata"]] == []
