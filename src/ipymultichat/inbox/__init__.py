"""The unified, ordered, de-duplicated message log. It knows nothing of where messages come from."""

from ipymultichat.inbox.inbox import Entry, Inbox
from ipymultichat.inbox.log import MessageLog, Order

__all__ = ["Entry", "Inbox", "MessageLog", "Order"]
