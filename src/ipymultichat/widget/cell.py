"""Which cell made a widget: run again, it replaces what it made before."""

from __future__ import annotations

from typing import Protocol

from IPython.core.getipython import get_ipython


class _Closable(Protocol):
    def close(self) -> None: ...


_made_by: dict[tuple[str, str], tuple[str, list[_Closable]]] = {}


def replace_earlier(profile: str, widget: _Closable) -> list[_Closable]:
    """Note that the running cell made `widget`; returns what an earlier run of the same cell made for the profile.

    Frontends name the cell in the metadata of the request; where they do not, nothing is known and nothing replaced.
    """
    cell, run = _running_cell()
    if not cell:
        return []
    before, widgets = _made_by.get((profile, cell), ("", []))
    if before == run:
        widgets.append(widget)
        return []
    _made_by[profile, cell] = (run, [widget])
    return widgets


def _running_cell() -> tuple[str, str]:
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return "", ""
    parent = kernel.get_parent() or {}
    return str(parent.get("metadata", {}).get("cellId", "")), str(parent.get("header", {}).get("msg_id", ""))
