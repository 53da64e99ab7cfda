"""Whether others see a type for every public name, by `basedpyright --verifytypes`: part of `make lint`.

Fails where a name lacks one, unless it is for lack of types elsewhere, and below 99 % in any case.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LEAST = 0.99
OF_OTHERS = ("Type of metaclass unknown", 'Return type is "MultiChat"')
"""`MultiChat` is a widget of ipywidgets, which has no types."""


def report() -> dict[str, Any]:
    """What basedpyright says of the package that is installed here. It looks where the Python on the PATH would."""
    here = Path(sys.executable).parent
    command = [str(here / "basedpyright"), "--verifytypes", "ipymultichat", "--ignoreexternal", "--outputjson"]
    path = os.pathsep.join([str(here), os.environ["PATH"]])
    done = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def problems(made: dict[str, Any]) -> Iterator[str]:
    """What is wrong, one line each."""
    yield from (found["message"] for found in made["generalDiagnostics"] if found["severity"] == "error")
    types = made["typeCompleteness"]
    if Path(types["packageRootDirectory"]) != ROOT / "src" / "ipymultichat":
        yield f"that was {types['packageRootDirectory'] or 'no package'}, not the one in this folder"
    if types["completenessScore"] < LEAST:
        yield f"{types['completenessScore']:.1%} of the public names have a type, not {LEAST:.0%}"
    for symbol in types["symbols"]:
        for found in symbol["diagnostics"]:
            if found["severity"] == "error" and not found["message"].endswith(OF_OTHERS):
                yield f"{symbol['name']}: {' '.join(found['message'].split())}"


if __name__ == "__main__":
    sys.exit("\n".join(problems(report())) or 0)
