"""What a session reports upwards."""

from __future__ import annotations

from ipymultichat.model import Content
from ipymultichat.model.frozen import frozen
from ipymultichat.wire.events import (
    AgentStateChanged,
    ChatReceived,
    NoticeChanged,
    Request,
    RequestAnswered,
    RequestReceived,
    User,
)


@frozen
class LoggedIn:
    """The server took the login."""

    client_id: str


@frozen
class LoginFailed:
    """The login was refused, or not answered in time; the connection is of no use."""

    reason: str
    refused: bool


@frozen
class Resynced:
    """Pending requests and users were asked for after the login, and answered or given up."""


RequestArrived = RequestReceived
"""A new question or report was pushed: passed on as it came in."""


@frozen
class PendingListed:
    """What waits on the server now, or a part of it.

    `waits` comes with the last part: the ids of all that wait. Those pushed since this login are among them, which the
    list may not hold yet.
    """

    requests: tuple[Request, ...]
    waits: frozenset[str] | None


@frozen
class AnsweredElsewhere:
    """Somebody else answered a request that we hold."""

    answer: RequestAnswered


@frozen
class StillPending:
    """A check found that a request waits after all."""

    request: Request


@frozen
class Gone:
    """A check found that a request waits no longer."""

    request_id: str


@frozen
class Withdrawn:
    """The agent hung up on a request that we hold, or ran out of time."""

    request_id: str
    reason: str


AgentChanged = AgentStateChanged
"""Agents went away, came back, or left or took an answer: passed on as it came in. Which of the requests are ours is
known to whoever keeps what was answered, in this kernel or an earlier one: here only what waits is."""


@frozen
class ReplyVerified:
    """Our reply was taken: sent, then seen to be pending no longer, with nothing that speaks against it."""

    request_id: str
    contents: tuple[Content, ...]


@frozen
class ReplyFailed:
    """Our reply was not proved to have arrived.

    With a `rival`, somebody else answered; `undecided`: either answer may be the one that was taken.
    """

    request_id: str
    contents: tuple[Content, ...]
    reason: str
    rival: RequestAnswered | None = None
    withdrawn: str | None = None
    gone: bool = False
    undecided: bool = False


@frozen
class ReplyTakenBack:
    """The person took our reply back before anything of it had left."""

    request_id: str


@frozen
class ChatArrived:
    """Somebody wrote to us."""

    chat: ChatReceived


@frozen
class ChatSent:
    """The server took our chat message while its receiver was online."""

    ref: str


@frozen
class ChatFailed:
    """Our chat message cannot be said to have arrived."""

    ref: str
    reason: str


@frozen
class UsersListed:
    """Everybody else online, or some of them; `last` with the end of the list."""

    users: tuple[User, ...]
    last: bool = True


@frozen
class UserChanged:
    """One person came, renamed themselves, or left."""

    user: User
    online: bool


ServerNotice = NoticeChanged
"""What the server says about itself now: passed on as it came in. It holds no longer than the connection."""


@frozen
class Overdue:
    """A request of ours was not answered in time: the other side may be gone."""


@frozen
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
    | AgentChanged
    | ReplyVerified
    | ReplyFailed
    | ReplyTakenBack
    | ChatArrived
    | ChatSent
    | ChatFailed
    | UsersListed
    | UserChanged
    | ServerNotice
    | Overdue
    | Trouble
)
