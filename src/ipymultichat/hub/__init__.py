"""Joins pool, inbox and store; the one place where commands enter."""

from ipymultichat.hub.chat import Chat
from ipymultichat.hub.hub import Hub
from ipymultichat.hub.messages import Delivery
from ipymultichat.hub.subscriptions import Rule

__all__ = ["Chat", "Delivery", "Hub", "Rule"]
