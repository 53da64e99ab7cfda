"""What the people of a test are given: little patience, and fixtures by name."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from ipymultichat.agent import Answer
from ipymultichat.model import Message, ServerStatus
from ipymultichat.net import LinkSettings
from ipymultichat.session import Backoff, Timing

QUICK = LinkSettings(
    open_timeout=0.5,
    keepalive=0.15,
    lasting=0.2,
    backoff=lambda: Backoff(first=0.05, cap=0.2),
    timing=Timing(login=0.5, answer=0.5, resend_first=0.05, recheck=0.1),
)

Ask = Callable[..., asyncio.Future[Answer]]
"""Lets an agent ask; one that still waits is sent home after the test."""
StatusOf = Callable[..., ServerStatus]
"""Gives the status of an inbox's first server, or of the one of a number."""
Pending = Callable[..., Awaitable[Sequence[Message]]]
"""Waits until so many requests wait in an inbox."""
