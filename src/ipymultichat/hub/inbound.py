"""What the servers report, turned into entries of the inbox."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache, partial
from itertools import islice
from typing import Any, ClassVar

from ipymultichat.hub.messages import Messages
from ipymultichat.hub.settings import SettingsInUse
from ipymultichat.inbox import Inbox
from ipymultichat.model import (
    ANSWERED,
    AgentState,
    Entry,
    Message,
    MessageKind,
    MessageStatus,
    OnlineUser,
    Reply,
    TextContent,
    text_of,
)
from ipymultichat.session import events as s
from ipymultichat.session.replies import SUPERSEDED
from ipymultichat.wire.events import Request, RequestAnswered, User

_ENDED = (*ANSWERED.values(), MessageStatus.EXPIRED, MessageStatus.CANCELLED)
_WAITS_OR_FAILED = (MessageStatus.PENDING, MessageStatus.FAILED)
_ENDED_ON_THE_WAY = "the kernel ended before it was proved to have arrived"
_AWAY = "answered elsewhere, or given up, while this connection was down"


class Inbound:
    """Applies session events of all servers to one inbox; called with the hub's lock held.

    Args:
        inbox: where messages go.
        messages: what of this person's is on its way.
        settings: labels of servers, and the person's own nickname.
        clock: returns the time now (aware UTC).
        users_changed: called when somebody came or left.
        arrived: called with every new message from a server.
        resume: called with a request that still waits though an earlier kernel ended while it was sending the answer,
            which is its `draft`.
        trouble: called with a line about something odd.
    """

    def __init__(
        self,
        inbox: Inbox,
        messages: Messages,
        settings: SettingsInUse,
        *,
        clock: Callable[[], datetime],
        users_changed: Callable[[], None],
        arrived: Callable[[Message], None],
        resume: Callable[[Message], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._inbox = inbox
        self._messages = messages
        self._settings = settings
        self._clock = clock
        self._users_changed = users_changed
        self._arrived = arrived
        self._resume = resume
        self._trouble = trouble
        # Ids of messages whose request id was used before.
        self._ids: dict[tuple[str, str], str] = {}
        self._earlier_replies: dict[str, Reply] = {}
        # Whose answer an earlier kernel was sending when it ended.
        self._cut_short: set[str] = set()
        self.unconfirmed: set[str] = set()
        """Requests known from the history only: no server has said yet whether they still wait."""
        self.users: dict[str, dict[str, OnlineUser]] = {}
        self._listed_users: dict[str, dict[str, OnlineUser]] = {}

    # requests

    def _request_arrived(self, server_id: str, event: s.RequestArrived | s.StillPending) -> None:
        """A question or report that waits: pushed, or found to wait by a check or in the list after a login."""
        request, live = event.request, type(event) is s.RequestArrived
        message_id = self._id_of(server_id, request.request_id)
        known = self._inbox.find(message_id)
        if known is not None and not _is_another(known, request):
            self._known_request(known)
            return
        if known is not None:
            self._superseded(known)
            message_id = f"{_first_id(server_id, request.request_id)}/{uuid.uuid4().hex[:8]}"
            self._ids[server_id, request.request_id] = message_id
        now = self._clock()
        created = request.created_at or now
        message = Message(
            id=message_id,
            kind=request.kind,
            server_id=server_id,
            server_name=self._settings.label_of(server_id),
            request_id=request.request_id,
            text=request.text,
            created_at=created,
            status=MessageStatus.PENDING,
            project_directory=request.project_directory,
            agent_name=request.agent_name,
            model_name=request.model_name,
            client_name=request.client_name,
            deadline=created + _seconds(request.timeout),
            options=request.options,
            approval=request.approval,
            contents=(TextContent(request.text),),
            live=live,
        )
        if self._inbox.add(message, received_at=now):
            self._arrived(message)

    def _superseded(self, known: Message) -> None:
        """The agent asks something else under the id of a request: what the person saw of that one is over."""
        if known.status is MessageStatus.SENDING:
            self._messages.failed(known.id, SUPERSEDED, status=MessageStatus.CANCELLED)
        elif known.open:
            self._inbox.move(known.id, MessageStatus.CANCELLED, error=SUPERSEDED)

    def _known_request(self, known: Message) -> None:
        """A request that is in the log waits on its server, whatever was thought of it."""
        # Only what was proved to be ours, or put away by the person, stays as it is.
        mine = known.reply is not None and known.reply.mine
        if known.status in _ENDED and not mine and not known.discarded:
            if known.reply is not None:
                self._earlier_replies[known.id] = known.reply
            known = self._inbox.move(known.id, MessageStatus.PENDING, reply=None, error="") or known
        if known.id in self.unconfirmed:
            self.unconfirmed.discard(known.id)
            if known.status is MessageStatus.PENDING:
                self._arrived(known)
            elif known.status is MessageStatus.FAILED and known.id in self._cut_short:
                self._resume(known)
        self._cut_short.discard(known.id)

    def _pending_listed(self, server_id: str, event: s.PendingListed) -> None:
        """The list after a login: new ones in, and at its end what was not in it has ended."""
        for request in event.requests:
            self._request_arrived(server_id, s.StillPending(request))
        if event.waits is None:
            return
        ended, told = self._inbox.open_beyond(server_id, event.waits)
        for message in ended:
            self._end(message, _AWAY)
        # A server that tells of agents does so after this list: what it said before that does not hold any more.
        for message in told:
            self._inbox.note_agent(message.id, AgentState.NONE)
        for ids in (self.unconfirmed, self._cut_short):
            ids.difference_update([message_id for message_id in ids if message_id.startswith(f"{server_id}/")])

    def _answered_elsewhere(self, server_id: str, event: s.AnsweredElsewhere) -> None:
        message = self._find(server_id, event.answer.request_id)
        if message is not None and message.status in _WAITS_OR_FAILED:
            self._inbox.move(message.id, ANSWERED[message.kind], reply=self._reply(event.answer), error="")

    def _gone(self, server_id: str, event: s.Gone) -> None:
        message = self._find(server_id, event.request_id)
        if message is not None:
            self._end(message, "answered elsewhere, or given up")

    def _withdrawn(self, server_id: str, event: s.Withdrawn) -> None:
        """The agent hung up, or ran out of time."""
        message = self._find(server_id, event.request_id)
        if message is not None and message.status in _WAITS_OR_FAILED:
            self._inbox.move(message.id, self._withdrawn_status(message), error=event.reason)

    def _agent_changed(self, server_id: str, event: s.AgentChanged) -> None:
        """Word of agents, also of those of other people's requests, which are none of ours."""
        for request_id in event.request_ids:
            message = self._find(server_id, request_id)
            if message is not None:
                self._inbox.note_agent(message.id, event.state)

    def _reply_verified(self, server_id: str, event: s.ReplyVerified) -> None:
        message = self._find(server_id, event.request_id)
        if message is not None:
            self._messages.reply_arrived(message, event.contents)

    def _reply_failed(self, server_id: str, event: s.ReplyFailed) -> None:
        """Our reply cannot be said to have arrived; where the request is gone, that is the end of it."""
        message = self._find(server_id, event.request_id)
        if message is None:
            return
        if event.rival is not None and event.gone:
            answered = ANSWERED[message.kind]
            reply = self._both_replies(event) if event.undecided else self._reply(event.rival)
            self._messages.failed(message.id, event.reason, status=answered, reply=reply)
        elif event.gone or event.withdrawn is not None:
            self._messages.failed(message.id, event.reason, status=self._withdrawn_status(message))
        elif self._is_over(message):
            self._messages.failed(message.id, event.reason, status=MessageStatus.EXPIRED)
        else:
            self._messages.failed(message.id, event.reason)

    def _reply_taken_back(self, server_id: str, event: s.ReplyTakenBack) -> None:
        message = self._find(server_id, event.request_id)
        if message is not None:
            self._messages.taken_back(
                message, MessageStatus.EXPIRED if self._is_over(message) else MessageStatus.PENDING
            )

    # chat and people

    def _chat_arrived(self, server_id: str, event: s.ChatArrived) -> None:
        chat, now = event.chat, self._clock()
        message = Message(
            # Servers choose their ids: another text under a known one is another message.
            id=f"{server_id}/chat/{chat.message_id or uuid.uuid4().hex}/{_digest(chat.sender, chat.text)}",
            kind=MessageKind.CHAT,
            server_id=server_id,
            server_name=self._settings.label_of(server_id),
            request_id=chat.message_id,
            text=chat.text,
            created_at=_refined(chat.sent_at, now),
            status=MessageStatus.RECEIVED,
            sender=chat.sender,
            receiver=chat.receiver or self._settings.values.nickname,
            sender_id=chat.sender_id,
            receiver_id=chat.receiver_id,
            contents=(TextContent(chat.text),),
        )
        if self._inbox.add(message, received_at=now):
            self._arrived(message)

    def _users_listed(self, server_id: str, event: s.UsersListed) -> None:
        """Everybody else on one server, or a part of them; at the end of the list the others have left."""
        part = {user.client_id: self._user(server_id, user) for user in event.users}
        listed = self._listed_users.setdefault(server_id, {})
        listed.update(part)
        if event.last:
            del self._listed_users[server_id]
            if listed != self.users.get(server_id, {}):
                self.users[server_id] = listed
                self._users_changed()

    def _user_changed(self, server_id: str, event: s.UserChanged) -> None:
        there = self.users.setdefault(server_id, {})
        if event.online:
            there[event.user.client_id] = self._user(server_id, event.user)
        else:
            there.pop(event.user.client_id, None)
        self._users_changed()

    # from outside

    def no_users(self, server_id: str) -> None:
        """Nobody is known to be on a server: it is not connected, or not in the list any more."""
        self._listed_users.pop(server_id, None)
        if self.users.pop(server_id, None):
            self._users_changed()

    def some_users(self, first: Iterable[tuple[str, str]], limit: int) -> dict[tuple[str, str], OnlineUser]:
        """A window onto who is online: of some people those who are there, then others, up to a limit.

        Args:
            first: ids of server and client.
            limit: how many people are returned at most.
        """
        chosen: dict[tuple[str, str], OnlineUser] = {}
        for server_id, client_id in first:
            user = self.users.get(server_id, {}).get(client_id)
            if user is not None and len(chosen) < limit:
                chosen[server_id, client_id] = user
        for server_id, there in self.users.items():
            for client_id, user in there.items():
                if len(chosen) >= limit:
                    return chosen
                chosen.setdefault((server_id, client_id), user)
        return chosen

    def find_users(self, text: str, limit: int) -> list[tuple[str, str]]:
        """Ids of server and client of those online whose name holds a text, in whatever case; up to a limit."""
        wanted = text.lower()
        found = (
            (server_id, client_id)
            for server_id, there in self.users.items()
            for client_id, user in there.items()
            if wanted in user.nickname.lower()
        )
        return list(islice(found, limit))

    def recall(self, entries: Iterable[Entry]) -> list[Entry]:
        """Bring entries of the history up to the present; returns them, to be restored to the inbox."""
        return [Entry(entry.order, self._recalled(entry.message), entry.unread) for entry in entries]

    def _recalled(self, message: Message) -> Message:
        request = message.kind is not MessageKind.CHAT
        if request:
            self.unconfirmed.add(message.id)
            if message.id != _first_id(message.server_id, message.request_id):
                self._ids[message.server_id, message.request_id] = message.id
        label = self._settings.label_of(message.server_id)
        if label != message.server_id:
            message = replace(message, server_name=label)
        if message.status is MessageStatus.SENDING:
            if request:
                self._cut_short.add(message.id)
            return message.moved(MessageStatus.FAILED, error=_ENDED_ON_THE_WAY)
        if message.status is MessageStatus.PENDING and message.deadline and message.deadline <= self._clock():
            return message.moved(MessageStatus.EXPIRED)
        return message

    def relabel(self, server_id: str) -> None:
        """A server has another label now."""
        label = self._settings.label_of(server_id)
        there = self.users.get(server_id, {})
        self.users[server_id] = {key: replace(user, server_name=label) for key, user in there.items()}
        self._users_changed()
        self._inbox.rename(server_id, label)

    # helpers

    def _id_of(self, server_id: str, request_id: str) -> str:
        return self._ids.get((server_id, request_id)) or _first_id(server_id, request_id)

    def _find(self, server_id: str, request_id: str) -> Message | None:
        return self._inbox.find(self._id_of(server_id, request_id))

    def _user(self, server_id: str, user: User) -> OnlineUser:
        return OnlineUser(
            user.client_id, user.nickname, server_id, self._settings.label_of(server_id), user.connected_at
        )

    def _reply(self, answer: RequestAnswered) -> Reply:
        return Reply(answer.contents, answer.nickname, self._clock(), mine=False)

    def _both_replies(self, event: s.ReplyFailed) -> Reply:
        """Ours and another's, of which one was taken: the same in the inboxes of both who answered."""
        rival = event.rival
        names = self._settings.values.nickname, rival.nickname if rival else ""
        answers = zip(names, (event.contents, rival.contents if rival else ()), strict=True)
        ordered = sorted(answers, key=lambda answer: (answer[0], text_of(answer[1])))
        parts = [part for name, contents in ordered for part in (TextContent(f"{name}:"), *contents)]
        return Reply(tuple(parts), ", ".join(name for name, _contents in ordered), self._clock(), mine=False)

    def _is_over(self, message: Message, grace: int = 0) -> bool:
        return message.deadline is not None and self._clock() >= message.deadline - _seconds(grace)

    def _withdrawn_status(self, message: Message) -> MessageStatus:
        # Servers send the same push for a time-out and for a hang-up; a second's grace covers the way here.
        return MessageStatus.EXPIRED if self._is_over(message, 1) else MessageStatus.CANCELLED

    def _end(self, message: Message, otherwise: str) -> None:
        """A request is gone without a word about it; what is on its way ends by itself."""
        if message.status is MessageStatus.FAILED:
            self._inbox.move(message.id, self._withdrawn_status(message))  # no other try can reach its agent
        elif message.status is not MessageStatus.PENDING:
            return
        elif reply := self._earlier_replies.pop(message.id, None):
            # A connection that comes and goes may show as waiting, for a moment, what a colleague has answered.
            self._inbox.move(message.id, ANSWERED[message.kind], reply=reply)
        elif self._is_over(message):
            self._inbox.move(message.id, MessageStatus.EXPIRED)
        else:
            self._inbox.move(message.id, MessageStatus.CANCELLED, error=otherwise)

    handlers: ClassVar[dict[type, Callable[[Inbound, str, Any], None]]] = {
        s.RequestArrived: _request_arrived,
        s.StillPending: _request_arrived,
        s.PendingListed: _pending_listed,
        s.AnsweredElsewhere: _answered_elsewhere,
        s.Gone: _gone,
        s.Withdrawn: _withdrawn,
        s.AgentChanged: _agent_changed,
        s.ReplyVerified: _reply_verified,
        s.ReplyFailed: _reply_failed,
        s.ReplyTakenBack: _reply_taken_back,
        s.ChatArrived: _chat_arrived,
        s.ChatSent: lambda self, _server_id, event: self._messages.chat_arrived(event.ref),
        s.ChatFailed: lambda self, _server_id, event: self._messages.failed(event.ref, event.reason),
        s.UsersListed: _users_listed,
        s.UserChanged: _user_changed,
        s.Trouble: lambda self, server_id, event: self._trouble(f"{self._settings.label_of(server_id)}: {event.text}"),
    }
    """What is done about an event of a session; what only concerns the connection is none of it."""


# Agents wait for a few round times, and making one costs more than finding it again.
_seconds = lru_cache(256)(partial(timedelta, 0))


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode(errors="surrogatepass")).hexdigest()[:12]


def _first_id(server_id: str, request_id: str) -> str:
    """The id of the message of a request, unless its own id was used before."""
    return f"{server_id}/request/{request_id}"


def _is_another(known: Message, request: Request) -> bool:
    """Whether an agent used an id again for another request, or for the same one once it had ended."""
    again = known.status in _ENDED and request.created_at not in (None, known.created_at)
    return again or known.asked != request.asked


def _refined(sent_at: datetime | None, now: datetime) -> datetime:
    """Chat is stamped to the second: within that second, the time of arrival keeps the order."""
    if sent_at is None:
        return now
    return min(max(now, sent_at), sent_at + timedelta(milliseconds=999))
