"""Generates the protobuf code and its type stubs; `--check` says whether what is there is up to date."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "src" / "ipymultichat" / "wire"
NAMES = ("agentassist_pb2.py", "agentassist_pb2.pyi")
SCRIPTS = Path(sysconfig.get_path("scripts"))


def generate(folder: Path) -> None:
    """Run protoc; its version is pinned, because newer ones make code that older runtimes refuse."""
    command = [
        str(SCRIPTS / "protoc"),
        f"--plugin=protoc-gen-mypy={SCRIPTS / 'protoc-gen-mypy'}",
        f"-I{ROOT / 'proto'}",
        f"--python_out={folder}",
        f"--mypy_out=quiet:{folder}",
        "agentassist.proto",
    ]
    subprocess.run(command, check=True)


def main() -> int:
    """Generate, or compare; returns 1 when what is there is stale."""
    if "--check" not in sys.argv[1:]:
        generate(TARGET)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        stale = [name for name in NAMES if (Path(folder) / name).read_bytes() != (TARGET / name).read_bytes()]
    if stale:
        print(f"stale generated code: {', '.join(stale)}; run `make proto`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
