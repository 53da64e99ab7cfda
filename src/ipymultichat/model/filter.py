"""Which messages somebody wants to see."""

from __future__ import annotations

from dataclasses import dataclass

from ipymultichat.model.enums import MessageKind, MessageStatus
from ipymultichat.model.message import Message

UNSETTLED = (MessageStatus.PENDING, MessageStatus.SENDING, MessageStatus.FAILED)
"""What is not over yet: it waits, is on its way, or can be tried again."""


@dataclass(frozen=True)
class MessageFilter:
    """Conditions on messages; an empty one does not count.

    Attributes:
        text: stands in the body, the answer or a name, in whatever case.
        kind: a word of `MessageKind`.
        server_id: which server.
        peer: nickname of the other person of a chat.
        pending: only requests that are not settled.
    """

    text: str = ""
    kind: str = ""
    server_id: str = ""
    peer: str = ""
    pending: bool = False

    def fits(self, message: Message) -> bool:
        """Whether a message meets every condition."""
        return (
            (not self.kind or message.kind == self.kind)
            and (not self.server_id or message.server_id == self.server_id)
            and (not self.peer or message.peer == self.peer)
            and (not self.pending or (message.kind is not MessageKind.CHAT and message.status in UNSETTLED))
            and (not self.text or self.text.casefold() in searchable(message))
        )


def searchable(message: Message) -> str:
    """Everything of a message that a search for text looks at, folded to one case."""
    names = (message.agent_name, message.model_name, message.client_name, message.sender, message.receiver)
    words = (message.text, message.project_directory, *names)
    return "\n".join((*words, message.reply.text if message.reply else "")).casefold()
