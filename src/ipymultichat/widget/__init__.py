"""The notebook side: the widget, its sync with the browser, the side panel."""

from ipymultichat.widget.multichat import MultiChat

__all__ = ["MultiChat"]
