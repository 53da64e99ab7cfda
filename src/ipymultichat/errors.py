"""Every exception this package raises on purpose: one tree, one base.

Messages name the bad thing and the remedy, and never contain a token.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class MultiChatError(Exception):
    """Base of all errors of this package."""


class ConfigError(MultiChatError, ValueError):
    """A setting (address, token, nickname, keyword) cannot be used.

    Attributes:
        value: the value as given, or None where it must not be shown.
    """

    def __init__(self, message: str, *, value: object = None) -> None:
        super().__init__(message)
        self.value = value


class NotFoundError(MultiChatError, LookupError):
    """A name given for a server, a user or a message fits nothing, or more than one thing.

    Attributes:
        name: what was looked for.
        candidates: what could have been meant.
    """

    def __init__(self, message: str, *, name: str, candidates: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.name = name
        self.candidates: tuple[str, ...] = tuple(candidates)


class UnknownServerError(NotFoundError):
    """No server has this id or label."""


class AmbiguousServerError(NotFoundError):
    """Several servers have this label."""


class UnknownUserError(NotFoundError):
    """Nobody of this name was seen on the server."""


class AmbiguousUserError(NotFoundError):
    """Several users online share this name."""


class UnknownMessageError(NotFoundError):
    """The message is not in this inbox."""


class UnknownOptionError(ConfigError, TypeError):
    """A keyword that the constructor does not know."""


class ClosedError(MultiChatError, RuntimeError):
    """The object was closed; a closed `MultiChat` cannot be used again."""


class NoLoopError(MultiChatError, RuntimeError):
    """The call needs an event loop and none is running (`io="kernel"` outside a kernel)."""


class WaitTimeoutError(MultiChatError, TimeoutError):
    """No fitting message came within the time given to `wait_for`."""


class DecodeError(MultiChatError, ValueError):
    """A frame from a server is not a message of the protocol."""


class EncodeError(MultiChatError, ValueError):
    """A value cannot be put into a frame (text that is not valid Unicode, an odd type)."""


class TransitionError(MultiChatError, RuntimeError):
    """A message was to get a status that does not follow the one it has: a fault of this package, never of a person."""


class WouldBlockError(MultiChatError, RuntimeError):
    """Waiting here would keep the event loop from doing what is waited for."""


class KeptMessage(Protocol):
    """What an error shows of the message it is about: a `Message`."""

    @property
    def id(self) -> str:
        """Its id in the inbox."""

    @property
    def text(self) -> str:
        """Its body."""

    @property
    def status(self) -> str:
        """A word of `MessageStatus`."""


class DeliveryError(MultiChatError):
    """A reply or chat message was not proved to have arrived; its text is kept.

    Attributes:
        reason: why, in words.
        message: the message as it stands in the inbox, with its text.
    """

    def __init__(self, reason: str, *, message: KeptMessage | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.message = message


class NotAnswerableError(DeliveryError):
    """The message takes no answer: chat, or already answered, expired or cancelled."""


class StoreError(MultiChatError, OSError):
    """A file of the profile cannot be read or written."""


class ServerStartError(MultiChatError, OSError):
    """The embedded server cannot listen on the host and port given."""


class AgentError(MultiChatError):
    """An agent's call did not bring an answer.

    Attributes:
        meta: what the server said about it (the `Meta` map of the response).
        request_id: the id of the question, to ask again with; "" where it is not known.
    """

    def __init__(self, message: str, *, meta: dict[str, str] | None = None, request_id: str = "") -> None:
        super().__init__(message)
        self.meta: dict[str, str] = dict(meta or {})
        self.request_id = request_id


class AgentTimeoutError(AgentError, TimeoutError):
    """Nobody answered in time (`Meta.error = timeout`)."""


class NoHumanOnlineError(AgentError):
    """No person is connected with this token (`Meta.error = no_clients`)."""


class RequestCancelledError(AgentError):
    """The server gave the request up before anyone answered."""


class RequestRefusedError(AgentError):
    """The server did not accept the request (wrong token, too large, malformed), or what it sent is no answer."""


class ServerUnreachableError(AgentError, ConnectionError):
    """No connection to the server, or it broke before the answer."""
