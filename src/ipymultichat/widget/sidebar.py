"""The widget in JupyterLab's side panel."""

from __future__ import annotations

from typing import Any


def open_sidebar(widget: Any, anchor: str) -> None:
    """Show a widget in a side panel.

    Raises:
        ImportError: the `sidecar` package is not installed.
    """
    try:
        from sidecar import Sidecar
    except ImportError as error:
        raise ImportError('the side panel needs sidecar: pip install "ipymultichat[lab]"') from error
    from IPython.display import display

    with Sidecar(title="MultiChat", anchor=anchor):
        display(widget)
