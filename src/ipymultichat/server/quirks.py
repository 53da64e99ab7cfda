"""The faults of the real server, on demand, so that clients can be tested against them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

from ipymultichat.model import Secret
from ipymultichat.server.effects import AnyRequest, AnyResponse, Client, Drop, Effect, Kind, Pending, Send
from ipymultichat.server.limits import Limits
from ipymultichat.server.state import ServerState
from ipymultichat.wire import agentassist_pb2 as pb


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
    def all(cls) -> Quirks:
        """Return every fault at once, as the real server has them."""
        return cls(**{item.name: True for item in fields(cls) if item.default is False})

    @property
    def max_frames(self) -> int | None:
        """Frames that may wait per client, or None for no such bound."""
        return self.queue_frames if self.short_queue else None


class QuirkyState(ServerState):
    """A `ServerState` with faults.

    Args:
        clock: seconds since the epoch.
        token: as for `ServerState`.
        limits: as for `ServerState`.
        quirks: which faults.
    """

    def __init__(self, *, clock: Callable[[], float], token: Secret | None, limits: Limits, quirks: Quirks) -> None:
        super().__init__(clock=clock, token=token, limits=limits)
        self._quirks = quirks
        self._accepted_at = float("-inf")
        self._lingering: dict[str, tuple[Pending, float]] = {}

    def _accept(self, pending: Pending, client: Client, response: AnyResponse) -> list[Effect]:
        now = self._clock()
        if self._quirks.burst_loss and now - self._accepted_at < self._quirks.burst_ms / 1000:
            return [self._reply_notice(pending.kind, client, pending.request, response)]
        self._accepted_at = now
        if self._quirks.slow_drop:
            self._lingering[pending.request_id] = (pending, now + self._quirks.slow_drop_ms / 1000)
        return super()._accept(pending, client, response)

    def _waiting(self, token: str) -> Iterable[Pending]:
        yield from super()._waiting(token)
        yield from (pending for pending in self._still_lingering() if pending.token == token)

    def _shows_pending(self, request_id: str, client: Client) -> bool:
        visible = [*self._pending.values(), *self._still_lingering()]
        return any(
            pending.request_id == request_id and (self._quirks.leaks or pending.token == client.token)
            for pending in visible
        )

    def _still_lingering(self) -> list[Pending]:
        now = self._clock()
        self._lingering = {key: entry for key, entry in self._lingering.items() if entry[1] > now}
        return [pending for pending, _ in self._lingering.values()]

    def _notified(self, token: str, besides: Client | None = None) -> tuple[Client, ...]:
        if not self._quirks.leaks:
            return super()._notified(token, besides)
        return tuple(client for client in self._clients.values() if client is not besides)

    def _stray_reply(self, kind: Kind, client: Client, request: AnyRequest, response: AnyResponse) -> list[Effect]:
        if not self._quirks.late_broadcast:
            return super()._stray_reply(kind, client, request, response)
        return [self._reply_notice(kind, client, request, response)]

    def _reply_without_response(self, client: Client) -> list[Effect]:
        return [Drop(client)] if self._quirks.crash_on_missing_response else super()._reply_without_response(client)

    def _malformed(self, client: Client) -> list[Effect]:
        return [Drop(client)] if self._quirks.drop_malformed else super()._malformed(client)

    def _login(self, client: Client, message: pb.WebsocketMessage) -> list[Effect]:
        effects = super()._login(client, message)
        others = self._group(client.token, client)
        if not self._quirks.early_presence or not others:
            return effects
        return [Send((client,), self._presence(others[-1], "connected").message), *effects]

    def _list_users(self, client: Client, request: pb.GetOnlineUsersRequest) -> list[Effect]:
        return [] if self._quirks.silent_users and not client.token else super()._list_users(client, request)
