"""One inbox in Jupyter for many chat servers: agents that wait for an answer, and people.

`MultiChat()` in a cell opens it. Everything above the widget (`ipymultichat.hub` and below) works without Jupyter.
"""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import TYPE_CHECKING

from ipymultichat.errors import DeliveryError, MultiChatError
from ipymultichat.model import ConnectionState, Message, OnlineUser, ServerConfig, ServerStatus

if TYPE_CHECKING:
    from ipymultichat.widget import MultiChat

__all__ = [
    "ConnectionState",
    "DeliveryError",
    "Message",
    "MultiChat",
    "MultiChatError",
    "OnlineUser",
    "ServerConfig",
    "ServerStatus",
    "__version__",
]

__version__ = version("ipymultichat")

# Without any handler Python prints warnings to stderr, which in a kernel is somebody's cell.
logging.getLogger("ipymultichat").addHandler(logging.NullHandler())


def __getattr__(name: str) -> object:
    # Agents and servers use this package without a notebook; only those who ask for the widget wait for its import.
    if name == "MultiChat":
        from ipymultichat.widget import MultiChat

        return MultiChat
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: object) -> None:
    """Add `%multichat` to IPython: `%load_ext ipymultichat`."""
    from ipymultichat.widget.magics import register

    register(shell)
