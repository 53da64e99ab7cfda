"""Joins pool, inbox and store; the one place where commands enter."""

from ipymultichat.hub.delivery import Delivery
from ipymultichat.hub.hub import Hub
from ipymultichat.hub.registry import acquire, release

__all__ = ["Delivery", "Hub", "acquire", "release"]
