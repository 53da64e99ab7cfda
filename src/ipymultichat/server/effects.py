"""What the server's state holds, and what it asks its shell to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ipymultichat.server.stores.record import AnyRequest, AnyResponse, Key, Kind, Record
from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire.codec import TAKEN

AgentState = Literal["away", "back", "kept", "fetched"]
"""What people hear of the agent behind a request: its connection is lost, or there again; it was away when the answer
came, and has fetched it since."""


class Refused(Exception):  # noqa: N818 - a normal answer of the RPC, not a fault
    """A call that gets a Connect error instead of an answer.

    Attributes:
        code: the Connect error code, such as `already_exists`.
        message: one sentence for the agent.
        status: the HTTP status, or None for the one that belongs to the code.
        retry_after: seconds after which the call may be made again, or None where nobody knows.
    """

    def __init__(self, code: str, message: str, *, status: int | None = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
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
        token: what it logged in with, None until the login.
        team: the team it is in, "" until the login; see `Tokens`.
    """

    client_id: str
    connected_at: int
    address: str = ""
    nickname: str = ""
    token: str | None = field(default=None, repr=False)
    team: str = ""


@dataclass(eq=False)
class Pending:
    """A request that waits for a person, as one process knows it.

    Attributes:
        record: its row, without the bytes of the request.
        request: as pushed to the clients, but for the token.
        size: bytes of the request.
    """

    record: Record
    request: AnyRequest = field(repr=False)
    size: int

    @property
    def kind(self) -> Kind:
        """Question or report."""
        return self.record.kind

    @property
    def request_id(self) -> str:
        """The id that replies are matched by."""
        return self.record.request_id

    @property
    def team(self) -> str:
        """Who is asked."""
        return self.record.team

    @property
    def away(self) -> bool:
        """Whether its agent has lost its connection."""
        return not self.record.waiter


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
    """A request ended; its callers get this response."""

    key: Key
    response: AnyResponse


@dataclass(frozen=True)
class Settle:
    """A client answers a request: whether it was first, the store decides.

    Attributes:
        client: who.
        key: the request.
        digest: of what it asks.
        response: the answer, as it came.
    """

    client: Client
    key: Key
    digest: str
    response: AnyResponse = field(repr=False)


@dataclass(frozen=True)
class Forward:
    """Hand a message to the server process that its receiver is connected to."""

    client_id: str
    message: pb.WebsocketMessage = field(repr=False)


@dataclass(frozen=True)
class WrongToken:
    """A client tried a token that is not accepted."""

    client: Client


Effect = Send | Close | Drop | Finish | Settle | Forward | WrongToken


def make_response(kind: Kind, request_id: str, error: str) -> AnyResponse:
    """Return the response of a request that ended without a person's answer."""
    factory = pb.AskQuestionResponse if kind == "AskQuestion" else pb.WorkReportResponse
    return factory(ID=request_id, IsError=True, Meta={"error": error})


def outcome(record: Record) -> AnyResponse:
    """Return what the agent gets of a request that has ended."""
    if record.state != "answered":
        return make_response(record.kind, record.request_id, record.state)
    given = record.parsed_response()
    answer = type(given)(ID=record.request_id, IsError=given.IsError, Meta=given.Meta)
    if not given.IsError:  # measured: an error reply reaches the agent without its contents
        answer.contents.extend(given.contents)
    return answer


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


def wire_message(cmd: str, kind: Kind, request: AnyRequest, token: str) -> pb.WebsocketMessage:
    """Return a frame that carries a request, with the token of those who get it, in the field of its kind."""
    message = pb.WebsocketMessage(Cmd=cmd)
    carried = request_of(kind, message)
    carried.MergeFrom(request)  # type: ignore[arg-type]
    carried.UserToken = token
    return message


def reply_notice(
    kind: Kind, nickname: str, request: AnyRequest, response: AnyResponse, token: str
) -> pb.WebsocketMessage:
    """Return the frame that tells the others who has replied, and what."""
    message = wire_message(f"{kind}ReplyNotification", kind, request, token)
    target = message.AskQuestionResponse if kind == "AskQuestion" else message.WorkReportResponse
    target.CopyFrom(response)  # type: ignore[arg-type]
    target.Meta[TAKEN] = "true"
    message.Nickname = nickname
    message.StrParam = f"{nickname} has replied"
    return message


def cancellation(record: Record) -> pb.WebsocketMessage:
    """Return the frame that tells people of a request that ended without an answer."""
    reason = "Request timed out" if record.state == "timeout" else "Request was cancelled"
    notice = pb.RequestCancelledNotification(request_id=record.request_id, reason=reason, message_type=record.kind)
    return pb.WebsocketMessage(Cmd="RequestCancelled", RequestCancelledNotification=notice)


def agent_state(state: AgentState, *request_ids: str) -> pb.WebsocketMessage:
    """Return the frame that tells people how it is with the agents of some requests.

    It is no part of the protocol of other servers; whose client does not know the command ignores it (measured).
    """
    ids = pb.CheckMessageValidityRequest(request_ids=request_ids)
    return pb.WebsocketMessage(Cmd="RequestState", StrParam=state, CheckMessageValidityRequest=ids)


def notice(words: str) -> pb.WebsocketMessage:
    """Return the frame with a sentence for people about the server as a whole, or with "" for its end; see above."""
    return pb.WebsocketMessage(Cmd="Notice", StrParam=words)


def presence(client: Client, status: str, now: float) -> pb.WebsocketMessage:
    """Return the frame that tells the others who has come or gone."""
    user = online_user(client)
    notice = pb.UserConnectionStatusNotification(user=user, status=status, timestamp=int(now))
    return pb.WebsocketMessage(Cmd="UserConnectionStatusNotification", UserConnectionStatusNotification=notice)


def online_user(client: Client) -> pb.OnlineUser:
    """Return a client as the others see it."""
    return pb.OnlineUser(client_id=client.client_id, nickname=client.nickname, connected_at=client.connected_at)
