"""The faults of the real server, on demand, so that clients can be tested against them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from google.protobuf.message import DecodeError

from ipymultichat.server import Faults, LocalServer
from ipymultichat.server.effects import (
    Client,
    Drop,
    Effect,
    Pending,
    Send,
    presence,
    reply_notice,
    request_of,
    response_of,
)
from ipymultichat.server.faults import Room
from ipymultichat.server.state import ServerState
from ipymultichat.server.stores.record import Kind
from ipymultichat.wire import agentassist_pb2 as pb

REPLIES: dict[str, Kind] = {"AskQuestionReply": "AskQuestion", "WorkReportReply": "WorkReport"}


@dataclass(frozen=True)
class Quirks:
    """Which measured faults to reproduce; every one is off by default.

    Attributes:
        burst_loss: a reply within `burst_ms` of the last accepted one, of any client, is dropped: the request goes on
            waiting, though the reply is announced to the others.
        slow_drop: an answered request is still listed as pending for `slow_drop_ms`.
        short_queue: only `queue_frames` frames wait per client; chat beyond that is lost without a word, any other
            push beyond it cuts the client off.
        crash_on_missing_response: a reply frame without its response message cuts the client off.
        leaks: reply notices and cancellations go to every socket, logged in or not, and `CheckMessageValidity`
            answers for requests of any token.
        late_broadcast: a reply to an unknown or ended request is announced as if it had counted.
        early_presence: presence of another user comes before the login answer.
        silent_users: `GetOnlineUsers` gets no answer on the empty token.
        drop_malformed: a malformed frame cuts the client off without a close frame.
        burst_ms: see `burst_loss`, milliseconds.
        slow_drop_ms: see `slow_drop`, milliseconds.
        queue_frames: see `short_queue`.
    """

    burst_loss: bool = False
    slow_drop: bool = False
    short_queue: bool = False
    crash_on_missing_response: bool = False
    leaks: bool = False
    late_broadcast: bool = False
    early_presence: bool = False
    silent_users: bool = False
    drop_malformed: bool = False
    burst_ms: int = 20
    slow_drop_ms: int = 30
    queue_frames: int = 10

    @classmethod
    def all(cls) -> "Quirks":
        """Return every fault at once, as the real server has them."""
        return cls(**{item.name: True for item in fields(cls) if item.default is False})


class QuirkyServer(LocalServer):
    """A `LocalServer` with faults; everything besides `quirks` is as for that one."""

    def __init__(self, quirks: Quirks, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.faults = QuirkyFaults(quirks)


class QuirkyFaults(Faults):
    """The faults of one server.

    Args:
        quirks: which ones.
        clock: seconds since the epoch.
    """

    def __init__(self, quirks: Quirks, clock: Callable[[], float] = time.time) -> None:
        self._quirks = quirks
        self._clock = clock
        self._accepted_at = float("-inf")
        self._lingering: dict[str, tuple[Pending, float]] = {}

    def receive(self, state: ServerState, client: Client, frame: bytes) -> list[Effect]:
        if client not in state.clients:
            return []
        try:
            message = pb.WebsocketMessage.FromString(frame)
        except (DecodeError, UnicodeDecodeError):
            return [Drop(client)] if self._quirks.drop_malformed else state.receive(client, frame)
        if client.token is not None and message.Cmd in REPLIES:
            return self._reply(state, client, frame, REPLIES[message.Cmd], message)
        if self._quirks.silent_users and client.token == "" and message.Cmd == "GetOnlineUsers":
            return []
        effects = state.receive(client, frame)
        if message.Cmd == "UserLogin":
            return [*self._early_presence(state, client), *effects]
        if effects and message.Cmd == "CheckMessageValidity":
            self._amend_validity(state, client, effects)
        elif effects and message.Cmd == "GetPendingMessages":
            self._amend_listing(client, message.GetPendingMessagesRequest, effects)
        return effects

    def distort(self, state: ServerState, effects: list[Effect]) -> list[Effect]:
        return [self._leak(state, effect) if isinstance(effect, Send) else effect for effect in effects]

    def room(self, message: Send, waiting: int) -> Room:
        if not self._quirks.short_queue or waiting < self._quirks.queue_frames:
            return "queue"
        return "lose" if message.message.Cmd == "ChatMessageNotification" else "cut off"

    def _reply(
        self, state: ServerState, client: Client, frame: bytes, kind: Kind, message: pb.WebsocketMessage
    ) -> list[Effect]:
        request, response = request_of(kind, message), response_of(kind, message)
        if response is None:
            return [Drop(client)] if self._quirks.crash_on_missing_response else state.receive(client, frame)
        pending = next((p for p in state.waiting if p.request_id == request.ID), None)
        if pending is None or (pending.kind, pending.team) != (kind, client.team):
            if not self._quirks.late_broadcast:
                return state.receive(client, frame)
            notice = reply_notice(kind, client.nickname, request, response, request.UserToken)
            return self._notice(state, client, notice, request.UserToken)
        if self._quirks.burst_loss and self._clock() - self._accepted_at < self._quirks.burst_ms / 1000:
            token = client.token or ""
            notice = reply_notice(kind, client.nickname, pending.request, response, token)
            return self._notice(state, client, notice, token)
        self._accepted_at = self._clock()
        if self._quirks.slow_drop:
            self._lingering[request.ID] = (pending, self._clock() + self._quirks.slow_drop_ms / 1000)
        return state.receive(client, frame)

    @staticmethod
    def _notice(state: ServerState, client: Client, notice: pb.WebsocketMessage, token: str) -> list[Effect]:
        group = tuple(other for other in state.clients if other.token == token and other is not client)
        return [Send(group, notice)]

    def _leak(self, state: ServerState, effect: Send) -> Send:
        leaking = effect.message.Cmd == "RequestCancelled" or effect.message.Cmd.endswith("ReplyNotification")
        if not self._quirks.leaks or not leaking:
            return effect
        # Whoever replied is the only one of the group who is told nothing.
        echoed = effect.message.AskQuestionRequest.UserToken or effect.message.WorkReportRequest.UserToken
        repliers = {client for client in state.clients if client.token == echoed and client not in effect.to}
        to_all = effect.message.Cmd == "RequestCancelled"
        return replace(effect, to=tuple(client for client in state.clients if to_all or client not in repliers))

    def _early_presence(self, state: ServerState, client: Client) -> list[Effect]:
        others = [other for other in state.clients if other.token == client.token is not None and other is not client]
        if not self._quirks.early_presence or not others:
            return []
        return [Send((client,), presence(others[-1], "connected", self._clock()))]

    def _amend_validity(self, state: ServerState, client: Client, effects: list[Effect]) -> None:
        validity = answer_in(effects).CheckMessageValidityResponse.validity
        for pending in (*state.waiting, *self._still_lingering()):
            if pending.request_id in validity and (self._quirks.leaks or pending.team == client.team):
                validity[pending.request_id] = True

    def _amend_listing(self, client: Client, request: pb.GetPendingMessagesRequest, effects: list[Effect]) -> None:
        listing = answer_in(effects).GetPendingMessagesResponse
        for pending in self._still_lingering():
            if pending.team == client.team and client.token == request.user_token:
                item = listing.pending_messages.add(message_type=pending.kind, created_at=pending.record.created_ms)
                if isinstance(pending.request, pb.AskQuestionRequest):
                    item.ask_question_request.CopyFrom(pending.request)
                    item.ask_question_request.UserToken = client.token
                else:
                    item.work_report_request.CopyFrom(pending.request)
                    item.work_report_request.UserToken = client.token
                item.timeout = pending.request.Request.Timeout
        listing.total_count = len(listing.pending_messages)

    def _still_lingering(self) -> list[Pending]:
        now = self._clock()
        self._lingering = {key: entry for key, entry in self._lingering.items() if entry[1] > now}
        return [pending for pending, _ in self._lingering.values()]


def answer_in(effects: list[Effect]) -> pb.WebsocketMessage:
    """Return the answer, the first of the effects, to be changed."""
    effect = effects[0]
    assert isinstance(effect, Send)
    return effect.message
