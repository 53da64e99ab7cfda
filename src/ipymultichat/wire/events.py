"""What a server can tell us, as typed events."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime

from ipymultichat.model import AgentState, Approval, Asked, Content, MessageKind, Question, asked_of
from ipymultichat.model.frozen import frozen

DEFAULT_TIMEOUT = 600
"""Seconds a server waits when a request names no time (measured: a timeout of 0 or less runs as 600 s)."""


@frozen
class Request:
    """An agent's question or report, as pushed or listed.

    Attributes:
        kind: question or report.
        request_id: the server's id; replies are matched by it alone.
        text: the question or summary.
        timeout: seconds the agent waits (never 0: the server's default is filled in).
        created_at: when the server took it (aware UTC), or None where it did not say.
        approval: what it asks to allow, in parts, or None.
        echo: the request exactly as received; a reply must carry it back. Holds the token, so it is never shown.
    """

    kind: MessageKind
    request_id: str
    text: str
    timeout: int
    created_at: datetime | None
    project_directory: str = ""
    agent_name: str = ""
    model_name: str = ""
    client_name: str = ""
    options: tuple[Question, ...] = ()
    approval: Approval | None = None
    echo: bytes = field(default=b"", repr=False)

    @property
    def asked(self) -> Asked:
        """What it asks, and for whom: another request may have the same id, agents choose them."""
        return asked_of(self)


@frozen
class User:
    """Somebody else connected to this server with our token."""

    client_id: str
    nickname: str
    connected_at: datetime | None = None


@frozen
class LoginAnswered:
    """The answer to `UserLogin`."""

    client_id: str
    success: bool
    error: str = ""


@frozen
class RequestReceived:
    """A new question or report."""

    request: Request


@frozen
class PendingAnswered:
    """The answer to `GetPendingMessages`, or a part of it; `last` with the end."""

    requests: tuple[Request, ...]
    last: bool = True


@frozen
class UsersAnswered:
    """The answer to `GetOnlineUsers`, or a part of it; `last` with the end. Oneself is not in it."""

    users: tuple[User, ...]
    last: bool = True


@frozen
class ValidityAnswered:
    """The answer to `CheckMessageValidity`: True means still pending."""

    validity: dict[str, bool]


@frozen
class RequestAnswered:
    """Somebody replied. Also sent for requests of other tokens, and for replies that came too late.

    `taken`: the server says that this is the answer it took, as ours does.
    """

    kind: MessageKind
    request_id: str
    nickname: str
    contents: tuple[Content, ...]
    is_error: bool = False
    taken: bool = False


@frozen
class RequestCancelled:
    """The agent hung up or ran out of time. Also sent for requests of other tokens."""

    request_id: str
    reason: str


@frozen
class ChatReceived:
    """A chat message."""

    message_id: str
    sender_id: str
    sender: str
    receiver_id: str
    receiver: str
    text: str
    sent_at: datetime | None


@frozen
class PresenceChanged:
    """Somebody came, renamed themselves, or left."""

    user: User
    online: bool


@frozen
class AgentStateChanged:
    """The agents of some requests went away, came back, or left or took an answer that is kept for them.

    Only some servers tell. It may come for requests of which we know nothing, or no more.
    """

    state: AgentState
    request_ids: tuple[str, ...]


@frozen
class NoticeChanged:
    """What the server has to say about itself now; "" is nothing. Only some servers do."""

    text: str


@frozen
class UnknownCommand:
    """A command this version does not know; the connection stays."""

    cmd: str


WireEvent = (
    LoginAnswered
    | RequestReceived
    | PendingAnswered
    | UsersAnswered
    | ValidityAnswered
    | RequestAnswered
    | RequestCancelled
    | ChatReceived
    | PresenceChanged
    | AgentStateChanged
    | NoticeChanged
    | UnknownCommand
)
