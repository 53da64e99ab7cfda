"""The protocol state of one server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import ClassVar

from ipymultichat.errors import DecodeError
from ipymultichat.model import Asked, Content, Secret
from ipymultichat.session import events as s
from ipymultichat.session.chats import Chats
from ipymultichat.session.replies import SUPERSEDED, Replies
from ipymultichat.session.session_io import Answer, SessionIO
from ipymultichat.session.timing import MAX_SILENT_CHECKS, Timing
from ipymultichat.wire import SLICED, decode, decode_in_slices, encode
from ipymultichat.wire import commands as c
from ipymultichat.wire import events as e
from ipymultichat.wire.names import MAX_ID

_CHECKED_AT_ONCE = 200
"""How many listed requests a server is asked about at a time."""


def _has_id(request: e.Request) -> bool:
    return 0 < len(request.request_id) <= MAX_ID


class Phase(Enum):
    """Where the conversation with the server stands."""

    CLOSED = "closed"
    LOGIN = "login"
    READY = "ready"


class Session:
    """Speaks the protocol with one server, over any number of connections one after the other.

    It does no I/O: give it what arrived and the time, take frames and events from it. What must outlive a
    connection (requests that wait, replies not yet proved) stays in it. `now` is any clock in seconds that never
    runs backwards.
    """

    def __init__(self, timing: Timing | None = None) -> None:
        self._io = SessionIO(timing or Timing())
        self.next_deadline: Callable[[], float | None] = self._io.next_deadline
        self.take_frames: Callable[[], list[bytes]] = self._io.take_frames
        self.take_events: Callable[[], list[s.SessionEvent]] = self._io.take_events
        self._replies = Replies(self._io, self._forget)
        self._chats = Chats(self._io)
        self._requests: dict[str, e.Request] = {}
        self._users: dict[str, e.User] = {}
        # The lists of which only a part has come so far.
        self._listed_requests: dict[str, e.Request] = {}
        self._listed_users: dict[str, e.User] = {}
        self._live: set[str] = set()
        self._unsynced = 0
        self._lists_pending = True
        self.awaits_pending: bool = False
        """Whether the server was asked on this connection what waits and has not answered yet."""
        self._listed = False
        """Whether the server has ever been asked what waits; before that, nothing can be said not to."""
        self._early: list[tuple[str, tuple[Content, ...], Asked]] = []
        self._token = Secret("")
        self._nickname = self._known_as = ""
        self.phase: Phase = Phase.CLOSED
        self.client_id: str = ""
        self.ignored: int = 0
        """Frames that were not understood: text, malformed, of an unknown command."""

    # what the owner of the socket calls

    def connected(self, token: Secret, nickname: str, now: float, *, lists_pending: bool = True) -> None:
        """A socket is open: log in. Servers replay nothing, so everything is asked for anew after that.

        Args:
            token: names the group to log in to.
            nickname: what others see.
            now: the time.
            lists_pending: whether to ask which requests wait; False where that list is too large to be taken.
        """
        self._token = self._chats.token = token
        self._nickname = self._known_as = nickname
        self.phase = Phase.LOGIN
        self._lists_pending, self.awaits_pending = lists_pending, False
        for state in (self._live, self._listed_requests, self._listed_users):
            state.clear()
        self._io.send(c.Login(token, nickname))
        self._io.later(now + self._io.timing.login, self._login_overdue)

    def rename(self, nickname: str) -> None:
        """Log in a second time, which renames on the same connection; while the first is unanswered, after it.

        Raises:
            EncodeError: the nickname is not valid Unicode.
        """
        encode(c.Login(self._token, nickname))
        self._nickname = nickname
        self._tell_nickname()

    def disconnected(self, now: float) -> None:
        """The socket is gone."""
        self._io.hang_up()
        self._replies.disconnected(now)
        self._chats.disconnected()
        self.phase = Phase.CLOSED
        self.client_id = ""
        self._users.clear()

    def abandon(self, reason: str) -> None:
        """Fail what is on its way: the server leaves the list."""
        self._replies.abandon(reason)
        self._chats.abandon(reason)
        early, self._early = self._early, []
        for request_id, contents, _asked in early:
            self._io.emit(s.ReplyFailed(request_id, contents, reason))

    def receive(self, frame: bytes | str, now: float) -> Iterator[None] | None:
        """One frame arrived. Never raises: what is not understood is counted and reported as `Trouble`.

        Returns:
            None when it was taken in; for a large frame, what takes in a slice of it with every step: it has to be
            gone through before the next frame comes.
        """
        if isinstance(frame, str):
            self._ignore("a text frame")
            return None
        if len(frame) > SLICED:
            return self._receive_in_slices(frame, now)
        try:
            event = decode(frame)
        except DecodeError as error:
            self._ignore(str(error))
            return None
        self._handlers[type(event)](self, event, now)
        return None

    def _receive_in_slices(self, frame: bytes, now: float) -> Iterator[None]:
        try:
            for event in decode_in_slices(frame):
                self._handlers[type(event)](self, event, now)
                yield
        except DecodeError as error:
            self._ignore(str(error))

    def tick(self, now: float) -> None:
        """Time passed; wanted at `next_deadline`."""
        self._io.tick(now)

    # what the person asks for

    def reply(self, request_id: str, contents: tuple[Content, ...], asked: Asked, now: float) -> None:
        """Answer a request; ends in `ReplyVerified` or `ReplyFailed`, over as many connections as it takes.

        Args:
            request_id: its id on the server.
            contents: the answer.
            asked: what the person saw of the request: the answer is never sent to another one with that id.
            now: the time.
        """
        request = self._requests.get(request_id)
        if request is None and not self._listed:
            self._early.append((request_id, contents, asked))
        elif request is None or request.asked != asked:
            reason = "the request no longer waits" if request is None else SUPERSEDED
            self._io.emit(s.ReplyFailed(request_id, contents, reason, gone=True))
        else:
            self._replies.add(request, contents, now)

    def send_chat(self, ref: str, receiver_id: str, receiver: str, text: str, now: float) -> None:
        """Write to somebody online; ends in `ChatSent` or `ChatFailed`, which carry `ref`."""
        if self.phase is not Phase.READY:
            self._io.emit(s.ChatFailed(ref, "the server is not connected"))
        elif receiver_id not in self._users:
            self._io.emit(s.ChatFailed(ref, f"{receiver} is not online"))
        else:
            self._chats.add(ref, self._users[receiver_id], text, now)

    def give_up(self, request_id: str, reason: str, now: float) -> None:
        """End the wait of a reply on its way, if there is one, in `ReplyFailed`."""
        early, self._early = self._early, []
        for key, contents, asked in early:
            if key == request_id:
                self._io.emit(s.ReplyFailed(key, contents, reason))
            else:
                self._early.append((key, contents, asked))
        self._replies.give_up(request_id, reason, now)

    def take_back(self, request_id: str, now: float) -> None:
        """Let go of a reply of which nothing was sent yet, in `ReplyTakenBack`; one that was sent goes on."""
        kept = [early for early in self._early if early[0] != request_id]
        if len(kept) < len(self._early):
            self._early = kept
            self._io.emit(s.ReplyTakenBack(request_id))
        self._replies.take_back(request_id, now)

    def verify(self, request_id: str, now: float) -> None:
        """Ask whether a request still waits; ends in `StillPending` or `Gone`, or nothing while disconnected."""
        self._verify(request_id, now, MAX_SILENT_CHECKS)

    def _verify(self, request_id: str, now: float, tries: int) -> None:
        def on_answer(waits: bool | None, at: float) -> None:
            if waits is None and tries > 1:
                self._verify(request_id, at, tries - 1)
            else:
                self._verified(request_id, waits)

        if self.phase is Phase.READY and request_id in self._requests and request_id not in self._replies:
            self._io.check(request_id, on_answer, now)

    # login and resync

    def _login_overdue(self, _now: float) -> None:
        if self.phase is Phase.LOGIN:
            seconds = f"{self._io.timing.login:g}"
            self._io.emit(s.LoginFailed(f"the server did not answer the login within {seconds} s", refused=False))

    def _on_login(self, event: e.LoginAnswered, now: float) -> None:
        if not event.success:
            reason = event.error or "no reason given"
            self._io.emit(s.LoginFailed(f"the server refused the login: {reason}", refused=True))
            return
        self.client_id = event.client_id
        if self.phase is not Phase.LOGIN:
            return
        self.phase = Phase.READY
        self._io.online = True
        self._replies.connected(now)
        self._io.emit(s.LoggedIn(event.client_id))
        self._tell_nickname()
        self._unsynced = 2
        if self._lists_pending:
            self.awaits_pending = True
            self._io.call(c.GetPending(self._token), e.PendingAnswered, self._pending_answered, now)
        else:
            self._io.emit(s.Trouble("the list of what waits is too large to be taken; new requests are shown"))
            self._after_list(now)
        self._io.call(c.GetUsers(self._token), e.UsersAnswered, self._first_users, now)
        self._replies.advance(now)

    def _tell_nickname(self) -> None:
        if self.phase is Phase.READY and self._nickname != self._known_as:
            self._known_as = self._nickname
            self._io.send(c.Login(self._token, self._nickname))

    def _pending_answered(self, answer: Answer | None, now: float) -> None:
        if answer is None:
            self._io.emit(s.Trouble("the server did not answer which requests wait"))
        self._after_list(now)

    def _after_list(self, now: float) -> None:
        self._listed = True
        early, self._early = self._early, []
        for request_id, contents, asked in early:
            self.reply(request_id, contents, asked, now)
        self._synced()
        self._replies.advance(now)

    def _on_pending(self, event: e.PendingAnswered, now: float) -> None:
        # A list that comes too late for who waited for it is true all the same: frames keep their order.
        if event.last:
            self.awaits_pending = False
        if self.phase is Phase.READY:
            part = {request.request_id: request for request in event.requests if _has_id(request)}
            for request in part.values():
                self._supersede(request, now)
            self._listed_requests.update(part)
            if not event.last:
                # What is replied to before the whole list is there has to be known.
                self._requests.update(part)
                self._io.emit(s.PendingListed(tuple(part.values()), None))
                return
            held, self._listed_requests = self._listed_requests, {}
            kept = {key: self._requests[key] for key in self._replies.request_ids() if key in self._requests}
            live = {key: self._requests[key] for key in self._live}
            self._requests = {**kept, **held, **live}
            self._io.emit(s.PendingListed(tuple(part.values()), frozenset(held) | self._live))
            # Servers list an answered request for a moment longer, and its news went to our last connection, if any.
            self._io.later(now + self._io.timing.recheck, lambda at: self._check_listed(tuple(held), 0, at))
        if event.last:
            self._io.answered(event, now)

    def _check_listed(
        self, request_ids: tuple[str, ...], begin: int, now: float, tries: int = MAX_SILENT_CHECKS
    ) -> None:
        """Ask about some of the listed requests, and when they are answered about the next."""
        held: tuple[str, ...] = ()
        while begin < len(request_ids) and not held:
            end = begin + _CHECKED_AT_ONCE
            held = tuple(key for key in request_ids[begin:end] if key in self._requests and key not in self._replies)
            begin = end

        def on_answer(answer: Answer | None, at: float) -> None:
            if isinstance(answer, e.ValidityAnswered):
                for request_id in [key for key, waits in answer.validity.items() if not waits]:
                    self._verified(request_id, waits=False)
                self._check_listed(request_ids, begin, at)
            elif tries > 1:
                self._check_listed(request_ids, begin - _CHECKED_AT_ONCE, at, tries - 1)

        if held:
            self._io.call(c.CheckValidity(held), e.ValidityAnswered, on_answer, now)

    def _first_users(self, answer: Answer | None, _now: float) -> None:
        if answer is None:
            self._io.emit(s.Trouble("the server did not answer who is online"))
        self._synced()

    def _synced(self) -> None:
        self._unsynced -= 1
        if self._unsynced == 0:
            self._io.emit(s.Resynced())

    # pushes

    def _on_validity(self, event: e.ValidityAnswered, now: float) -> None:
        self._io.answered(event, now)

    def _on_users(self, event: e.UsersAnswered, now: float) -> None:
        if self.phase is Phase.READY:  # also when it is late, see `_on_pending`
            part = {user.client_id: user for user in event.users if user.client_id != self.client_id}
            self._listed_users.update(part)
            self._io.emit(s.UsersListed(tuple(part.values()), event.last))
            if event.last:
                self._users, self._listed_users = self._listed_users, {}
                self._io.answered(e.UsersAnswered(tuple(self._users.values())), now)
        elif event.last:
            self._io.answered(event, now)

    def _on_request(self, event: e.RequestReceived, now: float) -> None:
        request = event.request
        if self.phase is not Phase.READY or not _has_id(request):
            self._ignore("a request without a usable id, or before the login")
            return
        self._supersede(request, now)
        self._requests[request.request_id] = request
        self._live.add(request.request_id)
        self._io.emit(event)

    def _supersede(self, request: e.Request, now: float) -> None:
        """An agent may use an id again: an answer on its way to what it asked before must not reach this one."""
        known = self._requests.get(request.request_id)
        if known is not None and known.asked != request.asked:
            self._replies.superseded(request.request_id, now)

    def _on_answered(self, event: e.RequestAnswered, now: float) -> None:
        # Servers send this to every socket, whatever its token: what we do not hold is none of our business.
        if event.request_id not in self._requests or self._replies.answered_elsewhere(event, now):
            return
        self._io.emit(s.AnsweredElsewhere(event))
        # They also send it for replies that were lost on the server, so it is shown at once and then checked.
        self._io.later(now + self._io.timing.recheck, lambda at: self.verify(event.request_id, at))

    def _on_cancelled(self, event: e.RequestCancelled, now: float) -> None:
        if event.request_id in self._requests:
            self._forget(event.request_id)
            if not self._replies.withdrawn(event.request_id, event.reason, now):
                self._io.emit(s.Withdrawn(event.request_id, event.reason))

    def _verified(self, request_id: str, waits: bool | None) -> None:
        request = self._requests.get(request_id)
        if request is None or waits is None or request_id in self._replies:
            return
        if waits:
            self._io.emit(s.StillPending(request))
        else:
            self._forget(request_id)
            self._io.emit(s.Gone(request_id))

    def _forget(self, request_id: str) -> None:
        self._requests.pop(request_id, None)
        self._live.discard(request_id)

    def _on_chat(self, event: e.ChatReceived, _now: float) -> None:
        if self.phase is Phase.READY and event.sender_id != self.client_id:
            self._io.emit(s.ChatArrived(event))

    def _on_presence(self, event: e.PresenceChanged, _now: float) -> None:
        user = event.user
        if self.phase is not Phase.READY or not user.client_id or user.client_id == self.client_id:
            return
        if event.online:
            self._users[user.client_id] = user
        else:
            self._users.pop(user.client_id, None)
        self._io.emit(s.UserChanged(user, event.online))

    def _pass_on(self, event: e.AgentStateChanged | e.NoticeChanged, _now: float) -> None:
        if self.phase is Phase.READY:
            self._io.emit(event)

    def _on_unknown(self, event: e.UnknownCommand, _now: float) -> None:
        self._ignore(f"the unknown command {event.cmd[:40]!r}")

    def _ignore(self, what: str) -> None:
        self.ignored += 1
        # A server that sends much nonsense must not fill the log: the 1st, 10th, 100th… is reported.
        if self.ignored == 10 ** (len(str(self.ignored)) - 1):
            self._io.emit(s.Trouble(f"ignored {what}" + (f" ({self.ignored} so far)" if self.ignored > 1 else "")))

    _handlers: ClassVar[dict[type, Callable[..., None]]] = {
        e.LoginAnswered: _on_login,
        e.RequestReceived: _on_request,
        e.PendingAnswered: _on_pending,
        e.UsersAnswered: _on_users,
        e.ValidityAnswered: _on_validity,
        e.RequestAnswered: _on_answered,
        e.RequestCancelled: _on_cancelled,
        e.ChatReceived: _on_chat,
        e.PresenceChanged: _on_presence,
        e.AgentStateChanged: _pass_on,
        e.NoticeChanged: _pass_on,
        e.UnknownCommand: _on_unknown,
    }
