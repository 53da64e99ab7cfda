"""One entry of the inbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ipymultichat.model.content import Content, text_of
from ipymultichat.model.enums import MessageKind, MessageStatus


@dataclass(frozen=True)
class Option:
    """One choice of a structured question."""

    label: str
    description: str = ""


@dataclass(frozen=True)
class Question:
    """A structured question: choices a person picks from.

    Attributes:
        question: the full text.
        header: a short label, or "".
        options: the choices, in order.
        multiple: several may be chosen.
        custom: a free-text answer is allowed.
    """

    question: str
    header: str = ""
    options: tuple[Option, ...] = ()
    multiple: bool = False
    custom: bool = False


@dataclass(frozen=True)
class Reply:
    """The answer a request got.

    Attributes:
        contents: its parts.
        by: nickname of who answered, "" where the server did not say.
        at: when (aware UTC).
        mine: whether this person's answer was the one.
    """

    contents: tuple[Content, ...]
    by: str
    at: datetime
    mine: bool

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return text_of(self.contents)


@dataclass(frozen=True)
class Message:
    """A question, a report or a chat message, tagged with its server.

    Attributes:
        id: unique in the inbox; the same entry keeps it for good.
        kind, status: see `MessageKind`, `MessageStatus`; they compare equal to their plain strings.
        server_id, server_name: where it came from, and where every reply goes.
        request_id: the server's own id of the request or chat message.
        text: the body (Markdown).
        created_at: when the server took it (aware UTC; chat is stamped to the second).
        deadline: when the agent stops waiting (aware UTC), or None (chat, or a request without a time limit).
        project_directory, agent_name, model_name, client_name: what the agent said of itself, "" where it did not.
        sender, receiver: nicknames (chat); `sender_id`, `receiver_id` are their client ids.
        mine: a chat message this person sent.
        options: the structured questions, if the agent sent them.
        contents: the body as parts.
        reply: the answer, or None.
        error: why delivery failed, in words, or "".
        draft: the answer that could not be delivered, kept for another try.
        live: pushed while connected (False: found in a server's pending list or in the history).
    """

    id: str
    kind: MessageKind
    server_id: str
    server_name: str
    request_id: str
    text: str
    created_at: datetime
    status: MessageStatus
    project_directory: str = ""
    agent_name: str = ""
    model_name: str = ""
    client_name: str = ""
    sender: str = ""
    receiver: str = ""
    sender_id: str = ""
    receiver_id: str = ""
    mine: bool = False
    deadline: datetime | None = None
    options: tuple[Question, ...] = ()
    contents: tuple[Content, ...] = ()
    reply: Reply | None = None
    error: str = ""
    draft: tuple[Content, ...] = ()
    live: bool = True

    @property
    def peer(self) -> str:
        """Nickname of the other person of a chat message; "" for requests."""
        if self.kind is not MessageKind.CHAT:
            return ""
        return self.receiver if self.mine else self.sender

    @property
    def title(self) -> str:
        """One line that names the message, as a screen reader would."""
        if self.kind is MessageKind.CHAT:
            return f"Chat with {self.peer}@{self.server_name}"
        word = "Question" if self.kind is MessageKind.QUESTION else "Report"
        return f"{word} from {self.agent_name or 'agent'} on {self.server_name}"

    @property
    def answerable(self) -> bool:
        """Whether a reply makes sense now: a request that waits, or whose last answer failed."""
        return self.kind is not MessageKind.CHAT and self.status in (MessageStatus.PENDING, MessageStatus.FAILED)
