"""Inboxes without a widget, each as in a kernel of its own, though they share this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

from ipymultichat.hub import Chat, Hub

MakeChat = Callable[..., Chat]
"""Makes inboxes as `make_inbox` does, and closes them after the test."""


def make_inbox(*servers: object, **options: Any) -> Chat:
    """Make an inbox that joins no other; it connects when told to.

    Args:
        *servers: the server list, unless `servers` is among the options.
        **options: what `Chat` takes.
    """
    given: dict[str, Any] = {
        "token": "tok",
        "nickname": "me",
        "profile": ":memory:",
        "autoconnect": False,
        "servers": list(servers),
        **options,
    }
    with mock.patch.dict("ipymultichat.hub.hub._living", clear=True):
        return Chat(**given)


def hub_of(chat: Chat) -> Hub:
    """What an inbox is made of, for tests of its parts."""
    return chat._hub
