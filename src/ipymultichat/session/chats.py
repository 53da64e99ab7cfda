"""Chat messages that are said to be sent only when they were.

Chat has no acknowledgement: a receiver who is gone loses it without a word. What can be known: frames of one
connection are handled in order, so a user list asked for right after the message tells whether its receiver was
still there when the server handled it. One message is in flight at a time, which also paces them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ipymultichat.errors import EncodeError
from ipymultichat.model import Secret
from ipymultichat.session.events import ChatFailed, ChatSent
from ipymultichat.session.session_io import Answer, SessionIO
from ipymultichat.wire import commands as c
from ipymultichat.wire import events as e

_DOUBT = "; it may have arrived"


@dataclass
class _Outgoing:
    ref: str
    receiver_id: str
    receiver: str
    text: str
    sent: bool = False


class Chats:
    """The chat messages of one server on their way.

    Args:
        io: the session's input and output.
    """

    def __init__(self, io: SessionIO) -> None:
        self._io = io
        self._queue: deque[_Outgoing] = deque()
        self._running = False
        self.token: Secret = Secret("")

    def add(self, ref: str, receiver: e.User, text: str, now: float) -> None:
        """Queue one message; `ref` comes back in `ChatSent` or `ChatFailed`."""
        self._queue.append(_Outgoing(ref, receiver.client_id, receiver.nickname, text))
        self._advance(now)

    def disconnected(self) -> None:
        """Fail what is on its way: nobody can tell whether it arrived, and sending twice is worse than asking."""
        self.abandon("the connection broke")

    def abandon(self, reason: str) -> None:
        """Fail everything."""
        self._running = False
        while self._queue:
            item = self._queue.popleft()
            doubt = _DOUBT if item.sent else ""
            self._io.emit(ChatFailed(item.ref, f"{reason}{doubt}"))

    def _advance(self, now: float) -> None:
        if not self._queue or self._running or not self._io.online:
            return
        item = self._queue[0]
        try:
            self._io.send(c.SendChat(item.receiver_id, item.text))
        except EncodeError as error:
            self._queue.popleft()
            self._io.emit(ChatFailed(item.ref, str(error)))
            self._advance(now)
            return
        self._running = item.sent = True
        self._io.call(c.GetUsers(self.token), e.UsersAnswered, lambda answer, at: self._done(item, answer, at), now)

    def _done(self, item: _Outgoing, answer: Answer | None, now: float) -> None:
        if not self._queue or self._queue[0] is not item:
            return  # abandoned meanwhile
        self._queue.popleft()
        if not isinstance(answer, e.UsersAnswered):
            self._io.emit(ChatFailed(item.ref, f"the server does not answer whether it arrived{_DOUBT}"))
        elif any(user.client_id == item.receiver_id for user in answer.users):
            self._io.emit(ChatSent(item.ref))
        else:
            self._io.emit(ChatFailed(item.ref, f"{item.receiver} has left{_DOUBT}"))
        self._io.later(now + self._io.timing.chat_gap, self._next)

    def _next(self, now: float) -> None:
        self._running = False
        self._advance(now)
