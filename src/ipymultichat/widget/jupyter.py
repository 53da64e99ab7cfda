"""What only exists in Jupyter: the cell that runs, its shell, the side panel."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Protocol

from IPython.core.getipython import get_ipython

from ipymultichat.errors import ConfigError

ANCHORS = ("right", "split-right", "split-left", "split-top", "split-bottom", "tab-before", "tab-after")


class _Closable(Protocol):
    def close(self) -> None: ...


_made_by: dict[tuple[str, str], tuple[str, weakref.WeakSet[_Closable]]] = {}


def replace_earlier(profile: str, widget: _Closable) -> list[_Closable]:
    """Note that the running cell made `widget`; returns what an earlier run of the same cell made for the profile.

    Frontends name the cell in the metadata of the request; where they do not, nothing is known and nothing replaced.
    """
    cell, run = _running_cell()
    if not cell:
        return []
    before, widgets = _made_by.get((profile, cell), ("", weakref.WeakSet()))
    if before == run:
        widgets.add(widget)
        return []
    _made_by[profile, cell] = (run, weakref.WeakSet([widget]))
    return list(widgets)


def _running_cell() -> tuple[str, str]:
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return "", ""
    parent = kernel.get_parent() or {}
    return str(parent.get("metadata", {}).get("cellId", "")), str(parent.get("header", {}).get("msg_id", ""))


@contextlib.contextmanager
def outside_cells() -> Iterator[None]:
    """Publish to the frontend without a parent request.

    ipykernel 7 runs frontend messages in a thread of their own (a subshell), unless the widget published from within
    a cell: then they wait for the main thread, and so for the cell that is running there. It keeps the parent request
    in a context variable; with that one empty, it leaves the messages where they came in. Other kernels and
    versions are left alone.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    parent = getattr(kernel, "_shell_parent", None)
    if not isinstance(parent, ContextVar):
        yield
        return
    token = parent.set({})
    try:
        yield
    finally:
        parent.reset(token)


def open_sidebar(widget: Any, anchor: str, earlier: Any) -> Any:
    """Show a widget in a side panel; returns the panel.

    Args:
        widget: what to show.
        anchor: where, one of `ANCHORS`.
        earlier: the panel of an earlier call, or None. It is replaced: a panel cannot be brought to the front, a new
            one opens there.

    Raises:
        ConfigError: an unknown anchor.
        ImportError: the `sidecar` package is not installed.
    """
    if anchor not in ANCHORS:
        raise ConfigError(f"unknown anchor {anchor!r}; known are {', '.join(ANCHORS)}", value=anchor)
    try:
        from sidecar import Sidecar
    except ImportError as error:
        raise ImportError('the side panel needs sidecar: pip install "ipymultichat[lab]"') from error
    from IPython.display import display

    if earlier is not None:
        earlier.close()
    panel = Sidecar(title="MultiChat", anchor=anchor)
    with panel:
        display(widget)
    return panel
