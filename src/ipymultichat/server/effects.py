"""What the server's state holds, and what it asks its shell to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire.codec import TAKEN

Kind = Literal["AskQuestion", "WorkReport"]
"""The two requests that wait for a person; also their `Cmd` and `message_type` on the wire."""

AnyRequest = pb.AskQuestionRequest | pb.WorkReportRequest
AnyResponse = pb.AskQuestionResponse | pb.WorkReportResponse


class Refused(Exception):  # noqa: N818 - a normal answer of the RPC, not a fault
    """A call that gets a Connect error instead of an answer.

    Attributes:
        code: the Connect error code, such as `already_exists`.
        message: one sentence for the agent.
        status: the HTTP status, or None for the one that belongs to the code.
    """

    def __init__(self, code: str, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(eq=False)
class Client:
    """One websocket.

    Attributes:
        client_id: the address others send chat to.
        connected_at: seconds since the epoch.
        address: where it comes from.
        nickname: "" until the login.
        token: the group it is in, None until the login.
    """

    client_id: str
    connected_at: int
    address: str = ""
    nickname: str = ""
    token: str | None = field(default=None, repr=False)


@dataclass(eq=False)
class Pending:
    """A request that waits for a person.

    Attributes:
        kind: question or report.
        request: as pushed to the clients; holds the token.
        timeout: seconds it waits.
        created_ms: when it came, milliseconds since the epoch.
        size: bytes of the request.
    """

    kind: Kind
    request: AnyRequest = field(repr=False)
    timeout: int
    created_ms: int
    size: int

    @property
    def request_id(self) -> str:
        """The id that replies are matched by."""
        return self.request.ID

    @property
    def token(self) -> str:
        """The group that is asked."""
        return self.request.UserToken


@dataclass(frozen=True)
class Send:
    """Queue one message for some clients.

    Attributes:
        to: the receivers.
        message: what they get.
    """

    to: tuple[Client, ...]
    message: pb.WebsocketMessage = field(repr=False)  # may hold the token


@dataclass(frozen=True)
class Close:
    """Send what is queued, then close with this code."""

    client: Client
    code: int
    reason: str


@dataclass(frozen=True)
class Drop:
    """Cut the connection at once, without a close frame."""

    client: Client


@dataclass(frozen=True)
class Finish:
    """A request ended; its caller gets this response."""

    request_id: str
    response: AnyResponse


@dataclass(frozen=True)
class WrongToken:
    """A client tried a token that is not accepted."""

    client: Client


Effect = Send | Close | Drop | Finish | WrongToken


def make_response(kind: Kind, request_id: str, error: str) -> AnyResponse:
    """Return the response of a request that ended without a person's answer."""
    factory = pb.AskQuestionResponse if kind == "AskQuestion" else pb.WorkReportResponse
    return factory(ID=request_id, IsError=True, Meta={"error": error})


def request_of(kind: Kind, message: pb.WebsocketMessage) -> AnyRequest:
    """Return the request half of a reply frame."""
    return message.AskQuestionRequest if kind == "AskQuestion" else message.WorkReportRequest


def asked_in(request: AnyRequest) -> tuple[object, ...]:
    """Return what a request asks; empty where a reply echoes nothing of it."""
    if isinstance(request, pb.WorkReportRequest):
        return tuple(filter(None, (request.Request.Summary,)))
    return (*filter(None, (request.Request.Question,)), *request.Request.Questions)


def response_of(kind: Kind, message: pb.WebsocketMessage) -> AnyResponse | None:
    """Return the response half of a reply frame, or None where the client left it out."""
    if kind == "AskQuestion":
        return message.AskQuestionResponse if message.HasField("AskQuestionResponse") else None
    return message.WorkReportResponse if message.HasField("WorkReportResponse") else None


def wire_message(cmd: str, kind: Kind, request: AnyRequest) -> pb.WebsocketMessage:
    """Return a frame that carries a request in the field of its kind."""
    message = pb.WebsocketMessage(Cmd=cmd)
    request_of(kind, message).MergeFrom(request)  # type: ignore[arg-type]
    return message


def reply_notice(kind: Kind, nickname: str, request: AnyRequest, response: AnyResponse) -> pb.WebsocketMessage:
    """Return the frame that tells the others who has replied, and what."""
    message = wire_message(f"{kind}ReplyNotification", kind, request)
    target = message.AskQuestionResponse if kind == "AskQuestion" else message.WorkReportResponse
    target.CopyFrom(response)  # type: ignore[arg-type]
    target.Meta[TAKEN] = "true"
    message.Nickname = nickname
    message.StrParam = f"{nickname} has replied"
    return message


def presence(client: Client, status: str, now: float) -> pb.WebsocketMessage:
    """Return the frame that tells the others who has come or gone."""
    user = online_user(client)
    notice = pb.UserConnectionStatusNotification(user=user, status=status, timestamp=int(now))
    return pb.WebsocketMessage(Cmd="UserConnectionStatusNotification", UserConnectionStatusNotification=notice)


def online_user(client: Client) -> pb.OnlineUser:
    """Return a client as the others see it."""
    return pb.OnlineUser(client_id=client.client_id, nickname=client.nickname, connected_at=client.connected_at)
