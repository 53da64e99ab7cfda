"""The unified, ordered, de-duplicated message log. It knows nothing of where messages come from."""

from ipymultichat.inbox.inbox import Inbox
from ipymultichat.inbox.log import MessageLog

__all__ = ["Inbox", "MessageLog"]
