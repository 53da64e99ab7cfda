"""The words the package uses for kinds and states; each equals its plain string."""

from __future__ import annotations

from enum import Enum


class _Word(str, Enum):
    """A string enum that prints as its value on every supported Python."""

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(str(self.value), spec)


class ConnectionState(_Word):
    """Where one server's connection stands."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    ERROR = "error"
    DISCONNECTED = "disconnected"


class MessageKind(_Word):
    """What a message is."""

    QUESTION = "question"
    REPORT = "report"
    CHAT = "chat"


class MessageStatus(_Word):
    """What has become of a message.

    Questions and reports: `pending` → `sending` → `replied` (question) or `confirmed` (report); or `expired`,
    `cancelled`; `failed` when an answer could not be proved to have arrived. Chat: `received`; or `sending` →
    `sent` / `failed`.
    """

    PENDING = "pending"
    SENDING = "sending"
    REPLIED = "replied"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SENT = "sent"
    RECEIVED = "received"
    FAILED = "failed"
