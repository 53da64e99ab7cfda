"""What the servers report, turned into entries of the inbox."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from ipymultichat.errors import DeliveryError
from ipymultichat.hub.delivery import Delivery
from ipymultichat.inbox import Inbox
from ipymultichat.model import (
    Content,
    Entry,
    Message,
    MessageKind,
    MessageStatus,
    OnlineUser,
    Reply,
    TextContent,
)
from ipymultichat.session import events as s
from ipymultichat.wire.events import ChatReceived, Request, RequestAnswered, User

_ANSWERED = (MessageStatus.REPLIED, MessageStatus.CONFIRMED)
_ENDED = (*_ANSWERED, MessageStatus.EXPIRED, MessageStatus.CANCELLED)
_ENDED_ON_THE_WAY = "the kernel ended before it was proved to have arrived"
_AWAY = "answered elsewhere, or given up, while this connection was down"


class Intake:
    """Applies session events of all servers to one inbox; called with the hub's lock held.

    Args:
        inbox: where messages go.
        label: returns a server's label.
        nickname: returns the person's own.
        clock: returns the time now (aware UTC).
        changed: called with the id of every message that was added or changed.
        users_changed: called when somebody came or left.
        arrived: called with every new message from a server; also with a failed request that still waits because an
            earlier kernel ended while it was sending the answer, which is its `draft`.
        trouble: called with a server's id and a line about something odd.
    """

    def __init__(
        self,
        inbox: Inbox,
        *,
        label: Callable[[str], str],
        nickname: Callable[[], str],
        clock: Callable[[], datetime],
        changed: Callable[[str], None],
        users_changed: Callable[[], None],
        arrived: Callable[[Message], None],
        trouble: Callable[[str, str], None],
    ) -> None:
        self._inbox = inbox
        self._label = label
        self._nickname = nickname
        self._clock = clock
        self._changed = changed
        self._users_changed = users_changed
        self._arrived = arrived
        self._trouble = trouble
        self._ids: dict[tuple[str, str], str] = {}
        self._deliveries: dict[str, Delivery] = {}
        self._earlier_replies: dict[str, Reply] = {}
        # Whose answer an earlier kernel was sending when it ended.
        self._cut_short: set[str] = set()
        self.recalled: set[str] = set()
        """Requests known from the history only: no server has said yet whether they still wait."""
        self.users: dict[str, dict[str, OnlineUser]] = {}

    def apply(self, server_id: str, event: s.SessionEvent) -> None:
        """Apply what the session of one server reports; what only concerns the connection is none of it."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(self, server_id, event)

    # what servers report

    def _request(self, server_id: str, request: Request, *, live: bool) -> None:
        """A question or report, pushed or found in the pending list."""
        known = self._inbox.find(self._id(server_id, request.request_id))
        if known is not None and not _is_another(known, request):
            # It waits on the server, whatever was thought of it; only what was proved to be ours stays.
            ours = known.status is MessageStatus.SENDING or (known.reply is not None and known.reply.mine)
            if known.status in _ENDED and not ours:
                if known.reply is not None:
                    self._earlier_replies[known.id] = known.reply
                known = self._update(known.id, status=MessageStatus.PENDING, reply=None, error="") or known
            cut_short = known.id in self._cut_short and known.status is MessageStatus.FAILED
            if known.id in self.recalled and (cut_short or known.status is MessageStatus.PENDING):
                self._arrived(known)
            self._cut_short.discard(known.id)
            self.recalled.discard(known.id)
            return
        message_id = f"{server_id}/request/{request.request_id}"
        if known is not None:
            message_id = f"{message_id}/{uuid.uuid4().hex[:8]}"
            self._ids[server_id, request.request_id] = message_id
        now = self._clock()
        created = request.created_at or now
        self._add(
            Message(
                id=message_id,
                kind=request.kind,
                server_id=server_id,
                server_name=self._label(server_id),
                request_id=request.request_id,
                text=request.text,
                created_at=created,
                status=MessageStatus.PENDING,
                project_directory=request.project_directory,
                agent_name=request.agent_name,
                model_name=request.model_name,
                client_name=request.client_name,
                deadline=created + timedelta(seconds=request.timeout),
                options=request.questions,
                contents=(TextContent(request.text),),
                live=live,
            )
        )

    def _pending_listed(self, server_id: str, event: s.PendingListed) -> None:
        """The list after a login: new ones in, and what is not in it any more has ended."""
        for request in event.requests:
            self._request(server_id, request, live=False)
        waits = {request.request_id for request in event.requests} | event.live
        for message in list(self._inbox.of_server(server_id)):
            if message.status is MessageStatus.PENDING and message.request_id not in waits:
                self._end(message, _AWAY)
        for ids in (self.recalled, self._cut_short):
            ids.difference_update([message_id for message_id in ids if message_id.startswith(f"{server_id}/")])

    def _answered_elsewhere(self, server_id: str, answer: RequestAnswered) -> None:
        """Somebody else replied."""
        message = self._find(server_id, answer.request_id)
        if message is not None and message.status in (MessageStatus.PENDING, MessageStatus.FAILED):
            self._update(message.id, status=_answered(message), reply=self._reply(answer), error="")

    def _gone(self, server_id: str, request_id: str) -> None:
        """A check found that a request waits no longer."""
        message = self._find(server_id, request_id)
        if message is not None and message.status is MessageStatus.PENDING:
            self._end(message, "answered elsewhere, or given up")

    def _withdrawn(self, server_id: str, request_id: str, reason: str) -> None:
        """The agent hung up, or ran out of time."""
        message = self._find(server_id, request_id)
        if message is not None and message.status in (MessageStatus.PENDING, MessageStatus.FAILED):
            self._update(message.id, status=self._withdrawn_status(message), error=reason)

    def _reply_verified(self, server_id: str, event: s.ReplyVerified) -> None:
        """Our reply arrived."""
        message = self._find(server_id, event.request_id)
        if message is None:
            return
        reply = Reply(event.contents, self._nickname(), self._clock(), mine=True)
        changed = self._update(message.id, status=_answered(message), reply=reply, error="", draft=())
        self._settle(message.id, changed or message, "")

    def _reply_failed(self, server_id: str, event: s.ReplyFailed) -> None:
        """Our reply cannot be said to have arrived."""
        message = self._find(server_id, event.request_id)
        if message is None:
            return
        reply, status = message.reply, MessageStatus.FAILED
        if event.rival is not None and event.gone:
            status, reply = _answered(message), self._reply(event.rival)
        elif event.withdrawn is not None:
            status = self._withdrawn_status(message)
        self.fail(message, event.reason, status=status, reply=reply, draft=event.contents)

    def _chat_arrived(self, server_id: str, chat: ChatReceived) -> None:
        """Somebody wrote to us."""
        now = self._clock()
        self._add(
            Message(
                id=f"{server_id}/chat/{chat.message_id or uuid.uuid4().hex}",
                kind=MessageKind.CHAT,
                server_id=server_id,
                server_name=self._label(server_id),
                request_id=chat.message_id,
                text=chat.text,
                created_at=_refined(chat.sent_at, now),
                status=MessageStatus.RECEIVED,
                sender=chat.sender,
                receiver=chat.receiver or self._nickname(),
                sender_id=chat.sender_id,
                receiver_id=chat.receiver_id,
                contents=(TextContent(chat.text),),
            )
        )

    def chat_settled(self, message_id: str, reason: str) -> None:
        """Our chat message was sent (`reason` is "") or failed."""
        message = self._inbox.find(message_id)
        if message is None:
            return
        if reason:
            self.fail(message, reason)
        else:
            self._settle(message_id, self._update(message_id, status=MessageStatus.SENT, error="") or message, "")

    def users_listed(self, server_id: str, users: Iterable[User]) -> None:
        """Everybody else on one server."""
        there = {user.client_id: self._user(server_id, user) for user in users}
        if there != self.users.get(server_id, {}):
            self.users[server_id] = there
            self._users_changed()

    def _user_changed(self, server_id: str, user: User, *, online: bool) -> None:
        """One person came or left."""
        there = self.users.setdefault(server_id, {})
        if online:
            there[user.client_id] = self._user(server_id, user)
        else:
            there.pop(user.client_id, None)
        self._users_changed()

    def recall(self, entries: Iterable[Entry]) -> list[Entry]:
        """Bring entries of the history up to the present; returns them, to be restored to the inbox."""
        return [Entry(entry.order, self._recalled(entry.message), entry.unread) for entry in entries]

    def _recalled(self, message: Message) -> Message:
        request = message.kind is not MessageKind.CHAT
        if request:
            self.recalled.add(message.id)
            if message.id != self._id(message.server_id, message.request_id):
                self._ids[message.server_id, message.request_id] = message.id
        label = self._label(message.server_id)
        changes: dict[str, Any] = {} if label == message.server_id else {"server_name": label}
        if message.status is MessageStatus.SENDING:
            changes |= {"status": MessageStatus.FAILED, "error": _ENDED_ON_THE_WAY}
            if request:
                self._cut_short.add(message.id)
        elif message.status is MessageStatus.PENDING and message.deadline and message.deadline <= self._clock():
            changes["status"] = MessageStatus.EXPIRED
        return replace(message, **changes)

    def relabel(self, server_id: str) -> None:
        """A server has another label now."""
        users = self.users.get(server_id, {}).values()
        self.users_listed(server_id, [User(u.client_id, u.nickname, u.connected_at) for u in users])
        self._inbox.rename(server_id, self._label(server_id))

    # what the person does

    def sending(self, message: Message, contents: tuple[Content, ...]) -> Delivery:
        """A reply leaves: keep its text with the message until it is proved."""
        self._update(message.id, status=MessageStatus.SENDING, error="", draft=contents)
        return self._expect(message.id)

    def chat_leaves(self, server_id: str, receiver: OnlineUser, text: str) -> tuple[Message, Delivery]:
        """A chat message leaves: show it, as not sent yet."""
        key = uuid.uuid4().hex
        message = Message(
            id=f"{server_id}/chat/out-{key}",
            kind=MessageKind.CHAT,
            server_id=server_id,
            server_name=self._label(server_id),
            request_id=key,
            text=text,
            created_at=self._clock(),
            status=MessageStatus.SENDING,
            sender=self._nickname(),
            receiver=receiver.nickname,
            receiver_id=receiver.client_id,
            mine=True,
            contents=(TextContent(text),),
        )
        self._inbox.add(message, received_at=message.created_at, unread=False)
        self._changed(message.id)
        return message, self._expect(message.id)

    def chat_leaves_again(self, message: Message, receiver: OnlineUser) -> Delivery:
        """A chat message that failed leaves once more, to whoever its receiver is by now."""
        self._update(message.id, status=MessageStatus.SENDING, error="", receiver_id=receiver.client_id)
        return self._expect(message.id)

    def fail(
        self,
        message: Message,
        reason: str,
        *,
        status: MessageStatus = MessageStatus.FAILED,
        reply: Reply | None = None,
        draft: tuple[Content, ...] = (),
    ) -> None:
        """Something of ours did not arrive; its text stays."""
        changed = self._update(message.id, status=status, error=reason, reply=reply, draft=draft or message.draft)
        self._settle(message.id, changed or message, reason)

    def expire(self, message_id: str) -> None:
        """The deadline passed, and no server can be asked."""
        self._update(message_id, status=MessageStatus.EXPIRED)

    def fail_deliveries(self, reason: str) -> None:
        """End every wait: the inbox closes."""
        for message_id in list(self._deliveries):
            self.fail(self._inbox.get(message_id), reason)

    # helpers

    def _id(self, server_id: str, request_id: str) -> str:
        return self._ids.get((server_id, request_id), f"{server_id}/request/{request_id}")

    def _find(self, server_id: str, request_id: str) -> Message | None:
        return self._inbox.find(self._id(server_id, request_id))

    def _user(self, server_id: str, user: User) -> OnlineUser:
        return OnlineUser(user.client_id, user.nickname, server_id, self._label(server_id), user.connected_at)

    def _reply(self, answer: RequestAnswered) -> Reply:
        return Reply(answer.contents, answer.nickname, self._clock(), mine=False)

    def _withdrawn_status(self, message: Message) -> MessageStatus:
        # Servers send the same push for a time-out and for a hang-up; a second's grace covers the way here.
        over = message.deadline is not None and self._clock() >= message.deadline - timedelta(seconds=1)
        return MessageStatus.EXPIRED if over else MessageStatus.CANCELLED

    def _end(self, message: Message, otherwise: str) -> None:
        if message.deadline is not None and self._clock() >= message.deadline:
            self._update(message.id, status=MessageStatus.EXPIRED)
        else:
            # A connection that comes and goes may show as waiting, for a moment, what a colleague has answered.
            reply = self._earlier_replies.pop(message.id, None) or Reply((), "", self._clock(), mine=False)
            self._update(message.id, status=_answered(message), reply=reply, error=otherwise)

    def _add(self, message: Message) -> None:
        if self._inbox.add(message, received_at=self._clock()):
            self._changed(message.id)
            self._arrived(message)

    def _update(self, message_id: str, **changes: object) -> Message | None:
        changed = self._inbox.update(message_id, **changes)
        if changed is not None:
            self._changed(message_id)
        return changed

    def _expect(self, message_id: str) -> Delivery:
        delivery = self._deliveries[message_id] = Delivery(message_id)
        return delivery

    def _settle(self, message_id: str, message: Message, reason: str) -> None:
        delivery = self._deliveries.pop(message_id, None)
        if delivery is not None and reason:
            delivery.fail(DeliveryError(reason, message=message))
        elif delivery is not None:
            delivery.succeed(message)

    _handlers: ClassVar[dict[type, Callable[[Intake, str, Any], None]]] = {
        s.RequestArrived: lambda self, server_id, event: self._request(server_id, event.request, live=True),
        s.StillPending: lambda self, server_id, event: self._request(server_id, event.request, live=False),
        s.PendingListed: lambda self, server_id, event: self._pending_listed(server_id, event),
        s.AnsweredElsewhere: lambda self, server_id, event: self._answered_elsewhere(server_id, event.answer),
        s.Gone: lambda self, server_id, event: self._gone(server_id, event.request_id),
        s.Withdrawn: lambda self, server_id, event: self._withdrawn(server_id, event.request_id, event.reason),
        s.ReplyVerified: lambda self, server_id, event: self._reply_verified(server_id, event),
        s.ReplyFailed: lambda self, server_id, event: self._reply_failed(server_id, event),
        s.ChatArrived: lambda self, server_id, event: self._chat_arrived(server_id, event.chat),
        s.ChatSent: lambda self, _server_id, event: self.chat_settled(event.ref, ""),
        s.ChatFailed: lambda self, _server_id, event: self.chat_settled(event.ref, event.reason),
        s.UsersListed: lambda self, server_id, event: self.users_listed(server_id, event.users),
        s.UserChanged: lambda self, server_id, event: self._user_changed(server_id, event.user, online=event.online),
        s.Trouble: lambda self, server_id, event: self._trouble(server_id, event.text),
    }


def _answered(message: Message) -> MessageStatus:
    return MessageStatus.REPLIED if message.kind is MessageKind.QUESTION else MessageStatus.CONFIRMED


def _is_another(known: Message, request: Request) -> bool:
    """Whether an agent used the id of an ended request for a new one."""
    same = known.text == request.text and request.created_at in (None, known.created_at)
    return known.status in _ENDED and not same


def _refined(sent_at: datetime | None, now: datetime) -> datetime:
    """Chat is stamped to the second: within that second, the time of arrival keeps the order."""
    if sent_at is None:
        return now
    return min(max(now, sent_at), sent_at + timedelta(milliseconds=999))
