"""Everything the embedded server decides, without sockets, tasks or clocks of its own.

Bytes and requests go in; a list of effects comes out, which the shell (`relay`) carries out in order.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Iterable

from google.protobuf.message import DecodeError

from ipymultichat.server.effects import (
    AgentState,
    Client,
    Close,
    Effect,
    Finish,
    Forward,
    Pending,
    Refused,
    Send,
    Settle,
    WrongToken,
    agent_state,
    asked_in,
    cancellation,
    notice,
    online_user,
    outcome,
    presence,
    reply_notice,
    request_of,
    response_of,
    wire_message,
)
from ipymultichat.server.limits import Limits, share
from ipymultichat.server.stores.record import AnyRequest, Kind, Record, digest_of
from ipymultichat.server.tokens import Tokens
from ipymultichat.server.waiting import Waiting
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
        tokens: which tokens are accepted.
        limits: see `Limits`.
        hold: whether requests wait while nobody is online, see `LocalServer`.

    Attributes:
        notice: what people are told of the server as a whole.
    """

    def __init__(self, *, clock: Callable[[], float], tokens: Tokens, limits: Limits, hold: bool = False) -> None:
        self.limits = limits
        self.waiting: Waiting = Waiting(limits)
        self._clock = clock
        self._tokens = tokens
        self._hold = hold
        self._clients: dict[str, Client] = {}
        self._elsewhere: dict[str, Client] = {}
        self.notice: str = ""

    @property
    def clients(self) -> tuple[Client, ...]:
        """All sockets, logged in or not, in the order they came."""
        return tuple(self._clients.values())

    @property
    def now_ms(self) -> int:
        """The time, milliseconds since the epoch."""
        return int(self._clock() * 1000)

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

    def meet(self, people: Iterable[Client]) -> list[Effect]:
        """Take note of everybody who is connected to other processes, and tell of those who came and went."""
        before, self._elsewhere = self._elsewhere, {person.client_id: person for person in people}
        gone = [person for client_id, person in before.items() if client_id not in self._elsewhere]
        come = [
            person
            for client_id, person in self._elsewhere.items()
            if client_id not in before or before[client_id].nickname != person.nickname
        ]
        return [
            *(self._presence(person, "disconnected") for person in gone),
            *(self._presence(person, "connected") for person in come),
        ]

    def hear(self, client_id: str, frame: bytes) -> list[Effect]:
        """Pass on what a person elsewhere has said to a client here."""
        receiver = self._clients.get(client_id)
        return [] if receiver is None else [Send((receiver,), pb.WebsocketMessage.FromString(frame))]

    # Requests of agents

    def team_of(self, token: str) -> str | None:
        """Return the team that a token names, or None where the token is not accepted."""
        return self._tokens.team_of(token) if len(token.encode()) <= self.limits.max_token else None

    def prepare(self, kind: Kind, request: AnyRequest, team: str) -> Record:
        """Return an agent's request, which is the state's from here on, as it begins.

        Raises:
            Refused: a name in it is too long.
        """
        self._check_names(request)
        created_ms = self.now_ms
        request.ID = request.ID or uuid.uuid4().hex
        request.UserToken = ""
        request.Timestamp = created_ms
        request.Request.Timeout = max(request.Request.Timeout, 0)
        timeout = request.Request.Timeout or DEFAULT_TIMEOUT
        return Record(
            team=team,
            request_id=request.ID,
            kind=kind,
            request=request.SerializeToString(),
            digest=digest_of(kind, request),
            created_ms=created_ms,
            deadline_ms=created_ms + timeout * 1000,
            version=created_ms,
        )

    def somebody_for(self, team: str) -> bool:
        """Whether a new request of a team has somebody to be answered by, or is held until somebody comes."""
        return self._hold or self.attended(team)

    def attended(self, team: str) -> bool:
        """Whether somebody of a team is online, here or on another process."""
        return bool(self._group(team)) or any(person.team == team for person in self._elsewhere.values())

    def take(self, record: Record, request: AnyRequest | None = None) -> list[Effect]:
        """Let everybody know what a row says that has changed; nothing happens when that is known.

        Args:
            record: the row.
            request: what is asked, where that is at hand; the state's from here on.
        """
        before = self.waiting.get(record.key)
        was_away = before is not None and before.away
        if not self.waiting.take(record, request):
            return []
        pending = self.waiting.get(record.key)
        if pending is not None:
            if before is pending:
                changed = pending.away is not was_away
                return self._agent_state(record, "away" if pending.away else "back") if changed else []
            renewed = [] if before is None else [self._to_team(record.team, cancellation(before.record))]
            return [*renewed, self._push(pending)]
        effects: list[Effect] = [Finish(record.key, outcome(record))]
        if before is not None and record.state == "answered":
            effects.append(self._told_answer(before, record))
        elif before is not None:
            effects.append(self._to_team(record.team, cancellation(record)))
        if record.kept:
            effects += self._agent_state(record, "kept" if record.fetched_ms is None else "fetched")
        return effects

    def remind(self, words: str) -> list[Effect]:
        """Tell everybody who is logged in how it is with the server as a whole; "" says that all is well again."""
        if words == self.notice:
            return []
        self.notice = words
        everybody = tuple(client for client in self._clients.values() if client.token is not None)
        return [Send(everybody, notice(words))]

    def _push(self, pending: Pending) -> Send:
        group = self._group(pending.team)
        return Send(group, wire_message(pending.kind, pending.kind, pending.request, _token_of(group)))

    def _told_answer(self, pending: Pending, record: Record) -> Send:
        everybody = self._group(record.team)
        others = tuple(client for client in everybody if client.client_id != record.answerer)
        words = reply_notice(
            record.kind, record.answered_by, pending.request, record.parsed_response(), _token_of(everybody)
        )
        return Send(others, words)

    def _agent_state(self, record: Record, state: AgentState) -> list[Effect]:
        return [self._to_team(record.team, agent_state(state, record.request_id))]

    def _to_team(self, team: str, message: pb.WebsocketMessage) -> Send:
        return Send(self._group(team), message)

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

    # Commands of clients

    def _login(self, client: Client, message: pb.WebsocketMessage) -> list[Effect]:
        team = self.team_of(message.StrParam)
        if team is None:
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
        if client.token is not None and client.team != team:
            effects.append(self._presence(client, "disconnected"))
        client.token, client.team = message.StrParam, team
        client.nickname = message.Nickname or f"User_{client.client_id[:8]}"
        granted = pb.UserLoginResponse(client_id=client.client_id, success=True)
        effects.append(Send((client,), pb.WebsocketMessage(Cmd="UserLogin", UserLoginResponse=granted)))
        effects.append(self._presence(client, "connected"))
        if self.notice:
            effects.append(Send((client,), notice(self.notice)))
        return effects

    def _reply(self, kind: Kind, client: Client, message: pb.WebsocketMessage) -> list[Effect]:
        response, echoed = response_of(kind, message), request_of(kind, message)
        pending = self.waiting.get((client.team, echoed.ID))
        if response is None or pending is None or pending.kind != kind:
            return []  # it answers nothing; or the request ended, or is another team's: nobody must hear of it
        if asked_in(echoed) and asked_in(echoed) != asked_in(pending.request):
            return []  # it answers what its agent asked before under the same id
        return [Settle(client, pending.record.key, pending.record.digest, response)]

    def _check_validity(self, client: Client, request: pb.CheckMessageValidityRequest) -> list[Effect]:
        message = pb.WebsocketMessage(Cmd="CheckMessageValidity")
        message.CheckMessageValidityResponse.SetInParent()
        # Filled where it belongs: a map that is copied into another message takes the square of its size (protobuf).
        validity = message.CheckMessageValidityResponse.validity
        for request_id in request.request_ids:
            validity[request_id] = self.waiting.get((client.team, request_id)) is not None
        return [Send((client,), message)]

    def _list_pending(self, client: Client, request: pb.GetPendingMessagesRequest) -> list[Effect]:
        answer = pb.GetPendingMessagesResponse()
        states: dict[AgentState, list[str]] = {"away": [], "kept": [], "fetched": []}
        if request.user_token == client.token:
            for pending in self.waiting.of(client.team):
                item = answer.pending_messages.add(
                    message_type=pending.kind,
                    created_at=pending.record.created_ms,
                    timeout=pending.request.Request.Timeout,
                )
                if isinstance(pending.request, pb.AskQuestionRequest):
                    listed: AnyRequest = item.ask_question_request
                else:
                    listed = item.work_report_request
                listed.MergeFrom(pending.request)  # type: ignore[arg-type]
                listed.UserToken = client.token
                if pending.away:
                    states["away"].append(pending.request_id)
            states["kept"] = self.waiting.kept_for(client.team, fetched=False)
            states["fetched"] = self.waiting.kept_for(client.team, fetched=True)
        answer.total_count = len(answer.pending_messages)
        told = [agent_state(state, *ids) for state, ids in states.items() if ids]
        listing = pb.WebsocketMessage(Cmd="GetPendingMessages", GetPendingMessagesResponse=answer)
        return [Send((client,), message) for message in (listing, *told)]

    def _list_users(self, client: Client, request: pb.GetOnlineUsersRequest) -> list[Effect]:
        users = []
        if request.user_token == client.token:
            elsewhere = (person for person in self._elsewhere.values() if person.team == client.team)
            users = [online_user(other) for other in (*self._group(client.team, client), *elsewhere)]
        answer = pb.GetOnlineUsersResponse(online_users=users, total_count=len(users))
        return [Send((client,), pb.WebsocketMessage(Cmd="GetOnlineUsers", GetOnlineUsersResponse=answer))]

    def _chat(self, client: Client, request: pb.SendChatMessageRequest) -> list[Effect]:
        if len(request.content.encode()) > self.limits.max_chat:
            # The protocol has no answer to chat: silence would look as if it had arrived.
            return [Close(client, CLOSE_TOO_BIG, f"a chat text may have at most {self.limits.max_chat} bytes")]
        there = request.receiver_client_id
        receiver = self._clients.get(there) or self._elsewhere.get(there)
        if receiver is None or receiver.team != client.team:
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
        return [Send((receiver,), message) if there in self._clients else Forward(there, message)]

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

    def _group(self, team: str, besides: Client | None = None) -> tuple[Client, ...]:
        members = self._clients.values()
        return tuple(
            member for member in members if member.token is not None and member.team == team and member is not besides
        )

    def _presence(self, client: Client, status: str) -> Send:
        return Send(self._group(client.team, client), presence(client, status, self._clock()))

    def _new_client_id(self, now: float) -> str:
        stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(now))
        while True:
            client_id = f"{stamp}-{secrets.token_hex(3)}"
            if client_id not in self._clients:
                return client_id


def _token_of(group: tuple[Client, ...]) -> str:
    """Return the token of a team, which its people logged in with."""
    return group[0].token or "" if group else ""


def _refused_login(client: Client, words: str, code: int, reason: str) -> list[Effect]:
    """Answer a login with why it fails, then close."""
    answer = pb.UserLoginResponse(success=False, error_message=words)
    return [
        Send((client,), pb.WebsocketMessage(Cmd="UserLogin", UserLoginResponse=answer)),
        Close(client, code, reason),
    ]
