"""One inbox in Jupyter for many chat servers: agents that wait for an answer, and people.

`MultiChat()` in a cell opens it; `Chat()` is the same without a widget, for scripts, and needs no Jupyter.
"""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

from ipymultichat import errors
from ipymultichat.errors import DeliveryError, MultiChatError
from ipymultichat.model import (
    AgentState,
    Approval,
    AudioContent,
    ConnectionState,
    Content,
    ImageContent,
    Message,
    MessageKind,
    MessageStatus,
    OnlineUser,
    Option,
    Preferences,
    Question,
    Reply,
    ResourceContent,
    Retention,
    ServerConfig,
    ServerStatus,
    Snippet,
    TextContent,
)

if TYPE_CHECKING:
    from ipymultichat.hub import Chat, Delivery, Rule
    from ipymultichat.widget import MultiChat

__all__ = [
    "AgentState",
    "Approval",
    "AudioContent",
    "Chat",
    "ConnectionState",
    "Content",
    "Delivery",
    "DeliveryError",
    "ImageContent",
    "Message",
    "MessageKind",
    "MessageStatus",
    "MultiChat",
    "MultiChatError",
    "OnlineUser",
    "Option",
    "Preferences",
    "Question",
    "Reply",
    "ResourceContent",
    "Retention",
    "Rule",
    "ServerConfig",
    "ServerStatus",
    "Snippet",
    "TextContent",
    "__version__",
    "errors",
]

__version__ = version("ipymultichat")

# Without any handler Python prints warnings to stderr, which in a kernel is somebody's cell.
logging.getLogger("ipymultichat").addHandler(logging.NullHandler())

_LAZY = {
    "MultiChat": "widget",
    **dict.fromkeys(("Chat", "Delivery", "Rule"), "hub"),
}
"""Agents and servers use this package without an inbox; only those who ask for one wait for its import."""


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(f"ipymultichat.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: object) -> None:
    """Add `%multichat` to IPython: `%load_ext ipymultichat`."""
    from ipymultichat.widget.magics import register

    register(shell)
