"""What this person sends: answers and chat on their way, and what is held by whoever waits for them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial

from ipymultichat.contents import contents_of
from ipymultichat.errors import ConfigError, DeliveryError, WaitTimeoutError, WouldBlockError
from ipymultichat.hub import resolve
from ipymultichat.hub.connections import Connections
from ipymultichat.hub.loop import Loop, asyncio_loop
from ipymultichat.hub.settings import SettingsInUse
from ipymultichat.inbox import Inbox
from ipymultichat.model import ANSWERED, Content, Message, MessageKind, MessageStatus, OnlineUser, Reply, TextContent
from ipymultichat.model.display import card, short_repr
from ipymultichat.session import Session

DISCARDED = "put away by you"
TAKEN_BACK = "taken back by you"


class Delivery:
    """A reply or chat message on its way. Await it in any loop, or leave it: it goes on by itself.

    `await delivery` returns the `Message` once it is proved to have arrived, or raises `DeliveryError`. Interrupting
    the wait does not stop the delivery.

    Attributes:
        message_id: id of the message in the inbox.
    """

    def __init__(self, message: Message, loop: Loop) -> None:
        self.message_id: str = message.id
        self._message = message
        self._loop = loop
        self._outcome: concurrent.futures.Future[Message] = concurrent.futures.Future()

    def __await__(self) -> Generator[object, None, Message]:
        return self._wait().__await__()

    async def _wait(self) -> Message:
        outcome = asyncio.wrap_future(self._outcome, loop=asyncio_loop())
        outcome.add_done_callback(_retrieve)
        # Cancelling the wait must not reach the future that others wait for, too.
        return await asyncio.shield(outcome)

    def done(self) -> bool:
        """Whether it is settled, well or badly."""
        return self._outcome.done()

    def result(self, timeout: float | None = None) -> Message:
        """Wait without a loop (`io="thread"`, or from another thread).

        Args:
            timeout: seconds; None waits for ever.

        Raises:
            DeliveryError: it was not proved to have arrived.
            WaitTimeoutError: it is not settled yet.
            WouldBlockError: the loop that delivers it could not run meanwhile.
        """
        if not self.done() and self._loop.would_block():
            raise WouldBlockError(
                "waiting here would keep the event loop from delivering it: write `await delivery`, "
                "or make the inbox with io='thread'"
            )
        try:
            return self._outcome.result(timeout)
        except concurrent.futures.TimeoutError as error:
            if self._outcome.done():
                raise
            raise WaitTimeoutError(f"the delivery is not settled after {timeout:g} s") from error

    def settle(self, message: Message, failure: str = "") -> None:
        """End it, once.

        Args:
            message: what it is a delivery of, as it stands now.
            failure: why it cannot be said to have arrived; "": it has.
        """
        if self._outcome.done():
            return
        self._message = message
        if failure:
            self._outcome.set_exception(DeliveryError(failure, message=message))
        else:
            self._outcome.set_result(message)

    def __repr__(self) -> str:
        return short_repr(self._message, f"Delivery {'settled' if self.done() else 'on its way'}: ")

    def _repr_html_(self) -> str:
        return card(self._message)


def _retrieve(outcome: asyncio.Future[Message]) -> None:
    """Take a failure that nobody waits for any more, or asyncio would print it; the message has it."""
    if not outcome.cancelled():
        outcome.exception()


class Messages:
    """Moves the messages of one inbox on through what this person does. Methods may be called from any thread.

    Args:
        inbox: where the messages are.
        connections: what delivers them.
        settings: which servers there are, and the person's own nickname.
        lock: the hub's; held while messages change.
        check_open: raises `ClosedError` once the hub is closed.
        users: returns everybody online.
        clock: returns the time now (aware UTC).
    """

    def __init__(
        self,
        inbox: Inbox,
        connections: Connections,
        settings: SettingsInUse,
        *,
        lock: AbstractContextManager[object],
        check_open: Callable[[], None],
        users: Callable[[], Sequence[OnlineUser]],
        clock: Callable[[], datetime],
    ) -> None:
        self._inbox = inbox
        self._connections = connections
        self._settings = settings
        self._lock = lock
        self._check_open = check_open
        self._users = users
        self._clock = clock
        self._deliveries: dict[str, Delivery] = {}

    # something leaves

    def reply(self, message: Message | str, contents: tuple[Content, ...], *, rule: str = "") -> Delivery:
        """Answer a request; its text stays with the message until it is proved to have arrived.

        Args:
            message: which, or its id.
            contents: the answer.
            rule: name of the rule that answers; "": the person does.

        Raises:
            ClosedError, UnknownMessageError, NotAnswerableError, ConfigError: it cannot be sent.
        """
        if not any(not isinstance(part, TextContent) or part.text.strip() for part in contents):
            raise ConfigError("the reply is empty; give a text, a file or an image")
        with self._lock:
            self._check_open()
            current = resolve.answerable(self._inbox, message)
            moved = self._inbox.move(current.id, MessageStatus.SENDING, error="", draft=contents, rule=rule)
            delivery = self._expect(moved or current)
        not_sent = partial(self._not_sent, current.id)
        self._connections.act(current.server_id, not_sent, Session.reply, current.request_id, contents, current.asked)
        return delivery

    def send(self, to: OnlineUser | str, text: str, *, rule: str = "") -> Delivery:
        """Write to somebody: the message is shown at once, as not sent yet.

        Args:
            to: whom; see `Chat.send`.
            text: what.
            rule: name of the rule that writes; "": the person does.

        Raises:
            ClosedError, UnknownUserError, AmbiguousUserError, UnknownServerError, ConfigError: it cannot be sent.
        """
        if not isinstance(text, str) or not text.strip():
            raise ConfigError("the chat message is empty; give a text", value=text)
        contents_of((text,))
        key = uuid.uuid4().hex
        with self._lock:
            self._check_open()
            peers = {(known.server_id, known.nickname) for known in self._inbox.conversations()}
            receiver = resolve.receiver(self._settings.values.servers, self._users(), peers, to)
            message = Message(
                id=f"{receiver.server_id}/chat/out-{key}",
                kind=MessageKind.CHAT,
                server_id=receiver.server_id,
                server_name=self._settings.label_of(receiver.server_id),
                request_id=key,
                text=text,
                created_at=self._clock(),
                status=MessageStatus.SENDING,
                sender=self._settings.values.nickname,
                receiver=receiver.nickname,
                receiver_id=receiver.client_id,
                mine=True,
                contents=(TextContent(text),),
                rule=rule,
            )
            self._inbox.add(message, received_at=message.created_at, unread=False)
            return self._send_chat(message, receiver)

    def send_again(self, message: Message | str) -> Delivery:
        """Send a chat message that failed once more, in its place, to whoever its receiver is by now.

        Raises:
            ClosedError, UnknownMessageError, NotAnswerableError: it cannot be sent.
        """
        with self._lock:
            self._check_open()
            failed = resolve.sendable_again(self._inbox, message)
            peer = OnlineUser(failed.receiver_id, failed.receiver, failed.server_id, failed.server_name)
            receiver = resolve.receiver(self._settings.values.servers, self._users(), set(), peer)
            moved = self._inbox.move(failed.id, MessageStatus.SENDING, error="", receiver_id=receiver.client_id)
            return self._send_chat(moved or failed, receiver)

    def answer(self, message: Message, result: object, rule: str) -> None:
        """Send what a handler returned: as the reply to a request, or back to who wrote a chat message.

        Args:
            message: what it was called with.
            result: what it returned.
            rule: its name.

        Raises:
            MultiChatError: it cannot be sent.
        """
        if message.kind is MessageKind.CHAT:
            peer = OnlineUser(message.sender_id, message.sender, message.server_id, message.server_name)
            self.send(peer, str(result), rule=rule)
        else:
            contents = contents_of(result if isinstance(result, tuple) else (result,))
            self.reply(message, contents, rule=rule)

    def discard(self, message: Message | str) -> Message:
        """Put a message away that failed or waits; its text stays in the log.

        Raises:
            UnknownMessageError, NotAnswerableError: there is nothing to put away.
        """
        with self._lock:
            current = resolve.discardable(self._inbox, message)
            reason = f"{DISCARDED}; {current.error}" if current.error else DISCARDED
            return self._inbox.move(current.id, MessageStatus.CANCELLED, error=reason, discarded=True) or current

    def take_back(self, message: Message | str) -> None:
        """Take an answer back that has not left yet; one that has goes on.

        Raises:
            UnknownMessageError, NotAnswerableError: there is no answer on its way.
        """
        with self._lock:
            self._check_open()
            current = resolve.on_its_way(self._inbox, message)
        nothing = partial(self._not_sent, current.id)
        self._connections.act(current.server_id, nothing, Session.take_back, current.request_id)

    def _send_chat(self, message: Message, receiver: OnlineUser) -> Delivery:
        delivery = self._expect(message)
        not_sent = partial(self._not_sent, message.id)
        arguments = (message.id, receiver.client_id, receiver.nickname, message.text)
        self._connections.act(receiver.server_id, not_sent, Session.send_chat, *arguments)
        return delivery

    def _not_sent(self, message_id: str, reason: str) -> None:
        with self._lock:
            self.failed(message_id, reason)

    # something arrived, or did not; called with the lock held

    def reply_arrived(self, message: Message, contents: tuple[Content, ...]) -> None:
        """An answer is proved to have arrived."""
        reply = Reply(contents, self._settings.values.nickname, self._clock(), mine=True)
        moved = self._inbox.move(message.id, ANSWERED[message.kind], reply=reply, error="", draft=())
        self._settle(moved or message)

    def taken_back(self, message: Message, status: MessageStatus) -> None:
        """An answer was let go before it had left: its request is what it was, or over, and the text stays with it."""
        moved = self._inbox.move(message.id, status, error="")
        self._settle(moved or message, TAKEN_BACK)

    def chat_arrived(self, message_id: str) -> None:
        """A chat message was taken while its receiver was there."""
        moved = self._inbox.move(message_id, MessageStatus.SENT, error="")
        if moved is not None:
            self._settle(moved)

    def failed(
        self, message_id: str, reason: str, *, status: MessageStatus = MessageStatus.FAILED, reply: Reply | None = None
    ) -> None:
        """Something of ours did not arrive, or cannot be said to have; its text stays.

        Args:
            message_id: which message.
            reason: why, in words.
            status: what the message is now: `failed` where another try makes sense, else what it ended as.
            reply: the answer that was taken instead, or None.
        """
        message = self._inbox.find(message_id)
        if message is None:
            return
        if message.status is MessageStatus.SENDING:
            reply = reply or message.reply
            message = self._inbox.move(message_id, status, error=reason, reply=reply) or message
        self._settle(message, reason)

    def expire(self, message_id: str) -> None:
        """The deadline of a request passed, and no server can be asked."""
        message = self._inbox.find(message_id)
        if message is not None and message.status is MessageStatus.PENDING:
            self._inbox.move(message_id, MessageStatus.EXPIRED)

    def all_failed(self, reason: str) -> None:
        """Everything on its way is lost sight of."""
        for message_id in list(self._deliveries):
            self.failed(message_id, reason)

    def _expect(self, message: Message) -> Delivery:
        delivery = self._deliveries[message.id] = Delivery(message, self._connections.loop)
        return delivery

    def _settle(self, message: Message, failure: str = "") -> None:
        delivery = self._deliveries.pop(message.id, None)
        if delivery is not None:
            delivery.settle(message, failure)
