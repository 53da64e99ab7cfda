"""Everything the embedded server decides, without sockets, tasks or clocks of its own.

Bytes and requests go in; a list of effects comes out, which the shell (`relay`) carries out in order.
"""

from __future__ import annotations

import hmac
import secrets
import time
import uuid
from collections.abc import Callable, Iterable

from google.protobuf.message import DecodeError

from ipymultichat.model import Secret
from ipymultichat.server.effects import (
    AnyRequest,
    Client,
    Close,
    Effect,
    Finish,
    Kind,
    Pending,
    Refused,
    Send,
    WrongToken,
    asked_in,
    make_response,
    online_user,
    presence,
    reply_notice,
    request_of,
    response_of,
    wire_message,
)
from ipymultichat.server.limits import Limits, share
from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire.slices import has_few_fields

DEFAULT_TIMEOUT = 600
"""Seconds a request waits that names none (measured: 0 or less runs as 600 s, while clients are shown 0)."""

CLOSE_MALFORMED = 1007
CLOSE_REFUSED = 1008
CLOSE_TOO_BIG = 1009
CLOSE_TRY_LATER = 1013


class ServerState:
    """Who is connected, what waits, and who gets what.

    Differences to the servers in use, all on the safe side: nothing crosses from one token to another, a reply that
    comes too late is not announced, client ids do not collide, and replies and chat are never dropped.

    Args:
        clock: seconds since the epoch.
        token: the only token accepted, or None to take any token as the name of a group.
        limits: see `Limits`.
        hold: whether requests wait while nobody is online, see `LocalServer`.
    """

    def __init__(self, *, clock: Callable[[], float], token: Secret | None, limits: Limits, hold: bool = False) -> None:
        self.limits = limits
        self._clock = clock
        self._token = token
        self._hold = hold
        self._clients: dict[str, Client] = {}
        self._pending: dict[str, Pending] = {}

    @property
    def clients(self) -> tuple[Client, ...]:
        """All sockets, logged in or not, in the order they came."""
        return tuple(self._clients.values())

    @property
    def pending(self) -> tuple[Pending, ...]:
        """The requests that wait, of all groups, oldest first."""
        return tuple(self._pending.values())

    # Clients

    def connect(self, address: str = "") -> Client:
        """Register a socket that comes from an address; it gets nothing until it has logged in."""
        now = self._clock()
        client = Client(self._new_client_id(now), int(now), address)
        self._clients[client.client_id] = client
        return client

    def disconnect(self, client: Client) -> list[Effect]:
        """Forget a socket. What it was asked stays pending for those who come later."""
        if self._clients.pop(client.client_id, None) is None or client.token is None:
            return []
        return [self._presence(client, "disconnected")]

    def receive(self, client: Client, frame: bytes) -> list[Effect]:
        """Handle one binary frame of a client."""
        if client.client_id not in self._clients:
            return []
        if (too_big := self._too_big(client, frame)) is not None:
            return [Close(client, CLOSE_TOO_BIG, too_big)]
        try:
            message = pb.WebsocketMessage.FromString(frame)
        except (DecodeError, UnicodeDecodeError):
            return [Close(client, CLOSE_MALFORMED, "not a message of the protocol")]
        if message.Cmd == "UserLogin":
            return self._login(client, message)
        if client.token is None:
            return []
        if message.Cmd == "AskQuestionReply":
            return self._reply("AskQuestion", client, message)
        if message.Cmd == "WorkReportReply":
            return self._reply("WorkReport", client, message)
        if message.Cmd == "CheckMessageValidity":
            return self._check_validity(client, message.CheckMessageValidityRequest)
        if message.Cmd == "GetPendingMessages":
            return self._list_pending(client, message.GetPendingMessagesRequest)
        if message.Cmd == "GetOnlineUsers":
            return self._list_users(client, message.GetOnlineUsersRequest)
        if message.Cmd == "SendChatMessage":
            return self._chat(client, message.SendChatMessageRequest)
        return []

    # Requests of agents

    def authorize(self, token: str) -> bool:
        """Whether a token may be used here."""
        given = token.encode()
        if len(given) > self.limits.max_token:
            return False
        return self._token is None or hmac.compare_digest(given, self._token.reveal().encode())

    def open(self, kind: Kind, request: AnyRequest) -> tuple[Pending, list[Effect]]:
        """Take an agent's request, which is the state's from here on, and push it to its group.

        Returns:
            The request as it waits, and the effects; these already end it when nobody is there to answer, unless
            requests are held.

        Raises:
            Refused: a request with this id waits already, too many or too large ones wait, or a name is too long.
        """
        if request.ID in self._pending:
            raise Refused("already_exists", "a request with this ID is waiting already")
        self._check_names(request)
        self._check_room(request)
        pending = self._take(kind, request)
        group = self._group(pending.token)
        if not group and not self._hold:
            return pending, [Finish(pending.request_id, make_response(kind, pending.request_id, "no_clients"))]
        self._pending[pending.request_id] = pending
        if not group:
            return pending, []
        return pending, [Send(group, wire_message(kind, kind, pending.request))]

    def expire(self, request_id: str) -> list[Effect]:
        """End a request whose time is over. Nothing happens when it ended before."""
        pending = self._pending.pop(request_id, None)
        if pending is None:
            return []
        response = make_response(pending.kind, request_id, "timeout")
        return [Finish(request_id, response), self._cancellation(pending, "Request timed out")]

    def cancel(self, request_id: str) -> list[Effect]:
        """End a request whose caller hung up. Nothing happens when it ended before."""
        pending = self._pending.pop(request_id, None)
        return [] if pending is None else [self._cancellation(pending, "Request was cancelled")]

    def _check_names(self, request: AnyRequest) -> None:
        body = request.Request
        names = {
            "ID": (request.ID, self.limits.max_name),
            "AgentName": (body.AgentName, self.limits.max_name),
            "ReasoningModelName": (body.ReasoningModelName, self.limits.max_name),
            "McpClientName": (body.McpClientName, self.limits.max_name),
            "ProjectDirectory": (body.ProjectDirectory, self.limits.max_directory),
        }
        for name, (value, most) in names.items():
            if len(value.encode()) > most:
                raise Refused("invalid_argument", f"{name} may have at most {most} bytes")

    def _check_room(self, request: AnyRequest) -> None:
        waiting = list(self._waiting(request.UserToken))
        if len(waiting) >= self.limits.max_pending:
            raise Refused("resource_exhausted", f"{self.limits.max_pending} requests wait for this token already")
        size = request.ByteSize()
        if size + sum(pending.size for pending in waiting) > self.limits.max_waiting:
            raise Refused(
                "resource_exhausted",
                f"the requests of a token may have {self.limits.max_waiting} bytes while they wait",
            )
        if size + sum(pending.size for pending in self._pending.values()) > self.limits.max_waiting_in_all:
            raise Refused("resource_exhausted", "too much waits for answers on this server, try again later")

    def _take(self, kind: Kind, request: AnyRequest) -> Pending:
        created_ms = int(self._clock() * 1000)
        request.ID = request.ID or uuid.uuid4().hex
        request.Timestamp = created_ms
        request.Request.Timeout = max(request.Request.Timeout, 0)
        timeout = request.Request.Timeout or DEFAULT_TIMEOUT
        return Pending(kind, request, timeout, created_ms, request.ByteSize())

    # Commands of clients

    def _login(self, client: Client, message: pb.WebsocketMessage) -> list[Effect]:
        if not self.authorize(message.StrParam):
            refusal = _refused_login(
                client, "the server does not accept this token", CLOSE_REFUSED, "token not accepted"
            )
            return [*refusal, WrongToken(client)]
        if len(message.Nickname.encode()) > self.limits.max_name:
            reason = f"the nickname has more than {self.limits.max_name} bytes"
            return _refused_login(client, reason, CLOSE_REFUSED, reason)
        if client.token is None and self._is_full(client.address):
            reason = "too many people are connected"
            return _refused_login(client, reason, CLOSE_TRY_LATER, reason)
        effects: list[Effect] = []
        if client.token is not None and client.token != message.StrParam:
            effects.append(self._presence(client, "disconnected"))
        client.token = message.StrParam
        client.nickname = message.Nickname or f"User_{client.client_id[:8]}"
        granted = pb.UserLoginResponse(client_id=client.client_id, success=True)
        effects.append(Send((client,), pb.WebsocketMessage(Cmd="UserLogin", UserLoginResponse=granted)))
        effects.append(self._presence(client, "connected"))
        return effects

    def _reply(self, kind: Kind, client: Client, message: pb.WebsocketMessage) -> list[Effect]:
        response, echoed = response_of(kind, message), request_of(kind, message)
        pending = self._pending.get(echoed.ID)
        if response is None or pending is None or pending.kind != kind or pending.token != client.token:
            return []  # it answers nothing; or the request ended, or is another group's: nobody must hear of it
        if asked_in(echoed) and asked_in(echoed) != asked_in(pending.request):
            return []  # it answers what its agent asked before under the same id
        del self._pending[pending.request_id]
        answer = type(response)(ID=pending.request_id, IsError=response.IsError, Meta=response.Meta)
        if not response.IsError:  # measured: an error reply reaches the agent without its contents
            answer.contents.extend(response.contents)
        notice = reply_notice(kind, client.nickname, pending.request, response)
        return [Finish(pending.request_id, answer), Send(self._group(pending.token, client), notice)]

    def _check_validity(self, client: Client, request: pb.CheckMessageValidityRequest) -> list[Effect]:
        message = pb.WebsocketMessage(Cmd="CheckMessageValidity")
        message.CheckMessageValidityResponse.SetInParent()
        # Filled where it belongs: a map that is copied into another message takes the square of its size (protobuf).
        validity = message.CheckMessageValidityResponse.validity
        for request_id in request.request_ids:
            validity[request_id] = self._shows_pending(request_id, client)
        return [Send((client,), message)]

    def _list_pending(self, client: Client, request: pb.GetPendingMessagesRequest) -> list[Effect]:
        answer = pb.GetPendingMessagesResponse()
        if request.user_token == client.token:
            for pending in self._waiting(client.token):
                item = answer.pending_messages.add(
                    message_type=pending.kind, created_at=pending.created_ms, timeout=pending.request.Request.Timeout
                )
                if isinstance(pending.request, pb.AskQuestionRequest):
                    item.ask_question_request.CopyFrom(pending.request)
                else:
                    item.work_report_request.CopyFrom(pending.request)
        answer.total_count = len(answer.pending_messages)
        return [Send((client,), pb.WebsocketMessage(Cmd="GetPendingMessages", GetPendingMessagesResponse=answer))]

    def _list_users(self, client: Client, request: pb.GetOnlineUsersRequest) -> list[Effect]:
        others = self._group(client.token, client) if request.user_token == client.token else ()
        users = [online_user(other) for other in others]
        answer = pb.GetOnlineUsersResponse(online_users=users, total_count=len(users))
        return [Send((client,), pb.WebsocketMessage(Cmd="GetOnlineUsers", GetOnlineUsersResponse=answer))]

    def _chat(self, client: Client, request: pb.SendChatMessageRequest) -> list[Effect]:
        if len(request.content.encode()) > self.limits.max_chat:
            # The protocol has no answer to chat: silence would look as if it had arrived.
            return [Close(client, CLOSE_TOO_BIG, f"a chat text may have at most {self.limits.max_chat} bytes")]
        receiver = self._clients.get(request.receiver_client_id)
        if receiver is None or receiver.token != client.token:
            return []
        chat = pb.ChatMessage(
            message_id=uuid.uuid4().hex,
            sender_client_id=client.client_id,
            sender_nickname=client.nickname,
            receiver_client_id=receiver.client_id,
            receiver_nickname=receiver.nickname,
            content=request.content,
            sent_at=int(self._clock()),
        )
        notice = pb.ChatMessageNotification(chat_message=chat)
        message = pb.WebsocketMessage(Cmd="ChatMessageNotification", ChatMessageNotification=notice)
        return [Send((receiver,), message)]

    # Parts

    def _too_big(self, client: Client, frame: bytes) -> str | None:
        """Say why a frame is not even read, or None."""
        if client.token is None and len(frame) > self.limits.max_login_frame:
            return "no message is that large before the login"
        if not has_few_fields(frame, pb.WebsocketMessage.DESCRIPTOR, self.limits.max_fields):
            return f"a message may have at most {self.limits.max_fields} fields"
        return None

    def _is_full(self, address: str) -> bool:
        """Whether one more person, from this address, would be too many."""
        addresses = [client.address for client in self._clients.values() if client.token is not None]
        most = self.limits.max_clients
        return len(addresses) >= most or addresses.count(address) >= share(most)

    def _shows_pending(self, request_id: str, client: Client) -> bool:
        pending = self._pending.get(request_id)
        return pending is not None and pending.token == client.token

    def _waiting(self, token: str) -> Iterable[Pending]:
        return (pending for pending in self._pending.values() if pending.token == token)

    def _group(self, token: str | None, besides: Client | None = None) -> tuple[Client, ...]:
        members = self._clients.values()
        return tuple(member for member in members if member.token == token is not None and member is not besides)

    def _presence(self, client: Client, status: str) -> Send:
        return Send(self._group(client.token, client), presence(client, status, self._clock()))

    def _cancellation(self, pending: Pending, reason: str) -> Send:
        notice = pb.RequestCancelledNotification(
            request_id=pending.request_id, reason=reason, message_type=pending.kind
        )
        message = pb.WebsocketMessage(Cmd="RequestCancelled", RequestCancelledNotification=notice)
        return Send(self._group(pending.token), message)

    def _new_client_id(self, now: float) -> str:
        stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(now))
        while True:
            client_id = f"{stamp}-{secrets.token_hex(3)}"
            if client_id not in self._clients:
                return client_id


def _refused_login(client: Client, words: str, code: int, reason: str) -> list[Effect]:
    """Answer a login with why it fails, then close."""
    answer = pb.UserLoginResponse(success=False, error_message=words)
    return [
        Send((client,), pb.WebsocketMessage(Cmd="UserLogin", UserLoginResponse=answer)),
        Close(client, code, reason),
    ]
