"""The widget in JupyterLab's side panel."""

from __future__ import annotations

from typing import Any

from ipymultichat.errors import ConfigError

ANCHORS = ("right", "split-right", "split-left", "split-top", "split-bottom", "tab-before", "tab-after")


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
