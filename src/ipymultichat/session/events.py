"""What a session reports upwards."""

from __future__ import annotations

from dataclasses import dataclass

from ipymultichat.model import Content
from ipymultichat.wire.events import ChatReceived, Request, RequestAnswered, User


@dataclass(frozen=True)
class LoggedIn:
    """The server took the login."""

    client_id: str


@dataclass(frozen=True)
class LoginFailed:
    """The login was refused, or not answered in time; the connection is of no use."""

    reason: str
    refused: bool


@dataclass(frozen=True)
class Resynced:
    """Pending requests and users were asked for after the login, and answered or given up."""


@dataclass(frozen=True)
class RequestArrived:
    """A new question or report was pushed."""

    request: Request


@dataclass(frozen=True)
class PendingListed:
    """All that waits on the server now; `live` are ids pushed since this login, which the list may not hold yet."""

    requests: tuple[Request, ...]
    live: frozenset[str]


@dataclass(frozen=True)
class AnsweredElsewhere:
    """Somebody else answered a request that we hold."""

    answer: RequestAnswered


@dataclass(frozen=True)
class StillPending:
    """A check found that a request waits after all."""

    request: Request


@dataclass(frozen=True)
class Gone:
    """A check found that a request waits no longer."""

    request_id: str


@dataclass(frozen=True)
class Withdrawn:
    """The agent hung up on a request that we hold, or ran out of time."""

    request_id: str
    reason: str


@dataclass(frozen=True)
class ReplyVerified:
    """Our reply was taken: sent, then seen to be pending no longer, with nothing that speaks against it."""

    request_id: str
    contents: tuple[Content, ...]


@dataclass(frozen=True)
class ReplyFailed:
    """Our reply was not proved to have arrived."""

    request_id: str
    contents: tuple[Content, ...]
    reason: str
    rival: RequestAnswered | None = None
    withdrawn: str | None = None
    gone: bool = False


@dataclass(frozen=True)
class ChatArrived:
    """Somebody wrote to us."""

    chat: ChatReceived


@dataclass(frozen=True)
class ChatSent:
    """The server took our chat message while its receiver was online."""

    ref: str


@dataclass(frozen=True)
class ChatFailed:
    """Our chat message cannot be said to have arrived."""

    ref: str
    reason: str


@dataclass(frozen=True)
class UsersListed:
    """Everybody else online."""

    users: tuple[User, ...]


@dataclass(frozen=True)
class UserChanged:
    """One person came, renamed themselves, or left."""

    user: User
    online: bool


@dataclass(frozen=True)
class Overdue:
    """A request of ours was not answered in time: the other side may be gone."""


@dataclass(frozen=True)
class Trouble:
    """Something odd that does not end the connection."""

    text: str


SessionEvent = (
    LoggedIn
    | LoginFailed
    | Resynced
    | RequestArrived
    | PendingListed
    | AnsweredElsewhere
    | StillPending
    | Gone
    | Withdrawn
    | ReplyVerified
    | ReplyFailed
    | ChatArrived
    | ChatSent
    | ChatFailed
    | UsersListed
    | UserChanged
    | Overdue
    | Trouble
)
