"""Reads and writes a JSON file, whatever stands at its path."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

_MAX_DEPTH = 100
"""Of lists and objects within each other: far more than any settings have, far less than a stack of calls holds."""

_TOO_DEEP = f"it is nested more than {_MAX_DEPTH} levels deep"
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


def regular(path: Path) -> Path:
    """The path, if reading it comes to an end.

    Raises:
        OSError: a folder, a pipe or a device is there, or nothing.
    """
    kind = stat.S_IFMT(path.stat().st_mode)
    if kind != stat.S_IFREG:
        raise OSError(errno.EINVAL, f"{_KINDS.get(kind, 'a device')} is in its place; move it away", str(path))
    return path


def parse(text: str) -> Any:
    """What a JSON text says; raises `ValueError` where it is none, or is nested more deeply than `_MAX_DEPTH`."""
    try:
        data = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    level = [data] if isinstance(data, (dict, list)) else []
    for _depth in range(_MAX_DEPTH):
        level = [item for part in level for item in (part.values() if isinstance(part, dict) else part)]
        level = [item for item in level if isinstance(item, (dict, list))]
    if level:
        raise ValueError(_TOO_DEEP)
    return data


def target(path: Path) -> Path:
    """The file itself, where the path is a symbolic link, as those who keep their settings elsewhere make it."""
    return Path(os.path.realpath(path))


def replace_text(path: Path, text: str) -> None:
    """Write a file in one step, so that nobody ever reads half of it; a symbolic link stays one."""
    path = target(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
