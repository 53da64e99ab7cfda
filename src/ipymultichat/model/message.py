"""One entry of the inbox, the parts it is made of, and its place in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from ipymultichat.errors import TransitionError
from ipymultichat.model.display import card, lines, short_repr
from ipymultichat.model.frozen import frozen
from ipymultichat.model.life import OPEN, SENDABLE, TRANSITIONS, AgentState, MessageKind, MessageStatus, state_after

logger: logging.Logger = logging.getLogger("ipymultichat.messages")


@frozen
class TextContent:
    """Text, Markdown where the reader renders it."""

    text: str


@frozen
class ImageContent:
    """An image: raw bytes (base64 on the wire), their MIME type, and the name of the file, or ""."""

    data: bytes
    mime_type: str
    name: str = ""


@frozen
class AudioContent:
    """Sound: raw bytes (base64 on the wire), their MIME type, and the name of the file, or ""."""

    data: bytes
    mime_type: str
    name: str = ""


@frozen
class ResourceContent:
    """Any file: a URI that names it, a MIME type, raw bytes."""

    uri: str
    mime_type: str
    data: bytes

    @property
    def name(self) -> str:
        """The name of the file: the last part of its URI, as it was given."""
        return self.uri.rstrip("/").rpartition("/")[2]


@frozen
class UnknownContent:
    """A part of a type this version does not know, kept only as its number on the wire."""

    type: int


Content = TextContent | ImageContent | AudioContent | ResourceContent | UnknownContent
"""A part of a message or an answer (`McpResultContent` on the wire)."""


def text_of(contents: tuple[Content, ...]) -> str:
    """Join the text parts with newlines, leaving everything else out."""
    return "\n".join(part.text for part in contents if isinstance(part, TextContent))


@frozen
class Option:
    """One choice of a structured question."""

    label: str
    description: str = ""


@frozen
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


ALLOW, DENY = "Allow", "Deny"
"""Labels of the two options of a question that asks for an approval."""

MAX_PART = 64 * 2**10
"""Characters of a part of an approval; with a longer one, the text says what is to be allowed."""


@frozen
class Approval:
    """What an agent is about to do, in parts; the text of its question says it all as well.

    Attributes:
        tool_name: the tool it is about to call, or "".
        arguments: those of that call, a JSON object, or "".
        diff: the change it is about to make, as a unified diff, or "".
        action: what is to be done, and why (Markdown), or "".
    """

    tool_name: str = ""
    arguments: str = ""
    diff: str = ""
    action: str = ""

    @property
    def fits(self) -> bool:
        """Whether its parts are short enough to be shown as such."""
        return max(map(len, (self.arguments, self.diff, self.action))) <= MAX_PART


@frozen
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


Asked = tuple[MessageKind, str, tuple[Question, ...], Approval | None, str, str, str, str]
"""Everything of a request that a person sees before answering it; an answer belongs to this, not to an id alone."""

asked_of: Callable[[object], Asked] = attrgetter(
    "kind", "text", "options", "approval", "project_directory", "agent_name", "model_name", "client_name"
)
"""Returns that of a `Message`, or of a request as it came over the wire."""


@frozen
class Message:
    """A question, a report or a chat message, tagged with its server.

    A new field needs a line here with its default, and one in this docstring; its type decides how it is kept,
    exported and shown to the browser (`forms`).

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
        approval: what its question asks to allow, in parts, or None; `options` then are `ALLOW` and `DENY`.
        contents: the body as parts.
        reply: the answer, or None.
        error: why delivery failed, why it ended, or why its rule failed, in words, or "".
        rule: name of the rule (a handler of `on_message`) that answered it, tried to, or wrote it; "" for a person.
        draft: the answer that could not be delivered, kept for another try.
        agent_state: what the server says of the agent that asked, see `AgentState`; compares equal to its plain string.
        discarded: put away by this person: it stays so, whoever still lists it.
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
    approval: Approval | None = None
    contents: tuple[Content, ...] = ()
    reply: Reply | None = None
    error: str = ""
    rule: str = ""
    draft: tuple[Content, ...] = ()
    agent_state: AgentState = AgentState.NONE
    discarded: bool = False
    live: bool = True

    def moved(self, status: MessageStatus, **changes: object) -> Message:
        """Return this message in another status: the only way to one.

        Args:
            status: the new status; `TRANSITIONS` says which may follow.
            **changes: other fields that change with it.

        Raises:
            TransitionError: this status does not follow the one it has.
        """
        if status not in TRANSITIONS[self.kind].get(self.status, ()):
            raise TransitionError(f"a {self.kind} that is {self.status} cannot become {status}")
        if self.agent_state:
            changes.setdefault("agent_state", state_after(self.agent_state, status))
        logger.debug("%s: %s %.80r: %s → %s", self.server_name, self.kind, self.id, self.status, status)
        return replace(self, status=status, **changes)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return short_repr(self)

    def _repr_html_(self) -> str:
        return card(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002  as IPython calls it
        printer.text(lines(self, printer.max_width))

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
        word = "Approval" if self.approval else "Question" if self.kind is MessageKind.QUESTION else "Report"
        return f"{word} from {self.agent_name or 'agent'} on {self.server_name}"

    @property
    def asked(self) -> Asked:
        """What the person saw of a request."""
        return asked_of(self)

    @property
    def answerable(self) -> bool:
        """Whether a reply makes sense now: a request that waits, or whose last answer failed."""
        return self.kind is not MessageKind.CHAT and self.status in SENDABLE[self.kind]

    @property
    def open(self) -> bool:
        """Whether it is not over: it waits, is on its way, or can be tried again."""
        return self.status in OPEN[self.kind]


Order = tuple[int, int]
"""A message's place in the log: a timestamp in milliseconds since the epoch, then a sequence number of its arrival."""


@dataclass(slots=True)
class Entry:
    """A message, its place in the log, and whether it still has to be seen."""

    order: Order
    message: Message
    unread: bool

    def __lt__(self, other: Entry) -> bool:
        return self.order < other.order


@frozen
class Conversation:
    """Chat with one person, whatever their client id.

    Attributes:
        server_id: their server.
        nickname: their name there.
        unread: how many messages have not been in view.
        last: milliseconds since the epoch of the newest message.
    """

    server_id: str
    nickname: str
    unread: int
    last: int
