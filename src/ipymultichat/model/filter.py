"""Which messages somebody wants to see: one set of conditions for handlers, streams, waits, searches and pages."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ipymultichat.model.life import MessageKind
from ipymultichat.model.message import Message


@dataclass(frozen=True)
class MessageFilter:
    """Conditions on messages; an empty one does not count.

    Attributes:
        kind: a word of `MessageKind`.
        server_id: which server.
        sender: nickname of who wrote a chat message.
        agent: name of the agent that asks.
        project: the agent's project: its directory, one above it, or the directory's own name.
        text: stands in the body, in whatever case; or a compiled pattern that is found in it.
        status: a word of `MessageStatus`.
        search: stands in the body, the answer or a name, in whatever case; what the search box of the widget looks for.
        peer: nickname of the other person of a chat.
        pending: only requests that are not over.
    """

    kind: str = ""
    server_id: str = ""
    sender: str = ""
    agent: str = ""
    project: str = ""
    text: str | re.Pattern[str] = ""
    status: str = ""
    search: str = ""
    peer: str = ""
    pending: bool = False

    def fits(self, message: Message) -> bool:
        """Whether a message meets every condition."""
        return (
            (not self.kind or message.kind == self.kind)
            and (not self.server_id or message.server_id == self.server_id)
            and (not self.status or message.status == self.status)
            and (not self.peer or message.peer == self.peer)
            and (not self.pending or (message.kind is not MessageKind.CHAT and message.open))
            and (not self.sender or message.sender == self.sender)
            and (not self.agent or message.agent_name == self.agent)
            and (not self.project or _within(message.project_directory, self.project))
            and (not self.text or _holds(message.text, self.text))
            and (not self.search or self.search.casefold() in searchable(message))
        )


def searchable(message: Message) -> str:
    """Everything of a message that a search looks at, folded to one case."""
    names = (message.agent_name, message.model_name, message.client_name, message.sender, message.receiver)
    words = (message.text, message.project_directory, *names)
    return "\n".join((*words, message.reply.text if message.reply else "")).casefold()


def _within(directory: str, project: str) -> bool:
    project = project.rstrip("/\\") or project
    name = re.split(r"[/\\]", directory.rstrip("/\\"))[-1]
    return project in (directory, name) or directory.startswith((f"{project}/", f"{project}\\"))


def _holds(text: str, wanted: str | re.Pattern[str]) -> bool:
    if isinstance(wanted, re.Pattern):
        return wanted.search(text) is not None
    return wanted.casefold() in text.casefold()
