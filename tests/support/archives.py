"""Checks that an sdist or a wheel holds the browser bundle and what else it must; as a script: archives.py FILE…"""

import sys
import tarfile
import zipfile
from pathlib import Path

BUNDLE = tuple(f"ipymultichat/static/{name}" for name in ("widget.js", "widget.css", "math.js"))
MUST_HAVE = (*BUNDLE, "ipymultichat/py.typed", "ipymultichat/wire/agentassist_pb2.py")
WHEEL_ONLY = ("ipymultichat/cli/quickstart.ipynb", "data/share/jupyter/labextensions/ipymultichat/package.json")
SDIST_ONLY = ("js/package-lock.json", "proto/agentassist.proto", "notebooks/quickstart.ipynb", "LICENSE", "README.md")
MUST_NOT_HAVE = ("node_modules/", "__pycache__/")
SMALLEST_BUNDLE = 1000


def contents(path: Path) -> dict[str, int]:
    """Names and sizes of the files in an archive."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return {info.filename: info.file_size for info in archive.infolist()}
    with tarfile.open(path) as archive:
        return {member.name: member.size for member in archive.getmembers() if member.isfile()}


def problems(path: Path) -> list[str]:
    """What is wrong with an archive, one line each."""
    files = contents(path)
    wanted = (*MUST_HAVE, *(WHEEL_ONLY if path.suffix == ".whl" else SDIST_ONLY))
    found = [f"{name} is missing" for name in wanted if not any(file.endswith(name) for file in files)]
    found += [
        f"{file} is no bundle, it has {size} bytes"
        for file, size in files.items()
        if file.endswith(BUNDLE) and size < SMALLEST_BUNDLE
    ]
    return found + [f"{file} does not belong in" for file in files if any(part in file for part in MUST_NOT_HAVE)]


if __name__ == "__main__":
    lines = [f"{name}: {line}" for name in sys.argv[1:] for line in problems(Path(name))]
    sys.exit("\n".join(lines) or 0)
