"""The unified, ordered, de-duplicated message log. It knows nothing of where messages come from."""

from ipymultichat.inbox.inbox import Inbox

__all__ = ["Inbox"]
