"""Which messages somebody wants to see: one set of conditions for handlers, streams, waits, searches and pages."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar, get_type_hints

from ipymultichat.errors import ConfigError, UnknownOptionError
from ipymultichat.model.life import MessageKind, MessageStatus
from ipymultichat.model.message import Message
from ipymultichat.model.server import ServerConfig


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
        search: stands in the body, the answer, an option or a name, in whatever case; what the widget's search box
            looks for.
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


class FurtherConditions(TypedDict, total=False):
    """Conditions that are given by name only.

    Attributes:
        sender: nickname of who wrote a chat message.
        agent: name of the agent that asks.
        project: its project directory, one above it, or the directory's own name.
        text: stands in the body, in whatever case; or a compiled pattern that is found in it.
        status: a word of `MessageStatus`.
    """

    sender: str | None
    agent: str | None
    project: str | None
    text: str | re.Pattern[str] | None
    status: str | None


class Conditions(FurtherConditions, total=False):
    """What `where`, `on_message`, `stream` and `wait_for` take; one that is None does not count.

    Attributes:
        kind: "question", "report" or "chat".
        server: id, label or `ServerConfig`.
    """

    kind: str | None
    server: str | ServerConfig | None


F = TypeVar("F", bound=Callable[..., Any])


def takes_conditions(function: F) -> F:
    """Show the conditions in the signature of a function with `**conditions`, for help and completion."""
    signature = inspect.signature(function)
    given = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    known = {parameter.name for parameter in given}
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in get_type_hints(Conditions).items()
        if name not in known
    ]
    function.__signature__ = signature.replace(parameters=[*given, *added])  # type: ignore[attr-defined]
    return function


def message_filter(conditions: Conditions, server_id: Callable[[str | ServerConfig], str]) -> MessageFilter:
    """The filter that conditions make; one that is None does not count.

    Args:
        conditions: what a person wrote.
        server_id: returns the id of a server that is named by id, label or entry.

    Raises:
        UnknownServerError, AmbiguousServerError: `server` fits none, or several.
        ConfigError: an unknown kind or status, or a value of another type.
        UnknownOptionError: an unknown condition.
    """
    unknown = conditions.keys() - Conditions.__annotations__.keys()
    if unknown:
        name, there = min(unknown), ", ".join(Conditions.__annotations__)
        raise UnknownOptionError(f"there is no condition {name!r}; there are: {there}", value=name)
    wanted = {name: value for name, value in conditions.items() if value is not None}
    chosen = wanted.pop("server", None)
    if isinstance(chosen, (str, ServerConfig)):
        wanted["server_id"] = server_id(chosen)
    elif chosen is not None:
        raise ConfigError(f"server takes an id, a label or a ServerConfig, not {chosen!r}", value=chosen)
    for name, words in (("kind", MessageKind), ("status", MessageStatus)):
        if name in wanted and wanted[name] not in [word.value for word in words]:
            known = ", ".join(word.value for word in words)
            raise ConfigError(f"unknown {name} {wanted[name]!r}; known are {known}", value=wanted[name])
    for name, value in wanted.items():
        if not isinstance(value, str) and not (name == "text" and isinstance(value, re.Pattern)):
            takes = "text or a compiled pattern" if name == "text" else "text"
            raise ConfigError(f"{name} takes {takes}, not {value!r}", value=value)
    return MessageFilter(**wanted)  # type: ignore[arg-type]


def searchable(message: Message, limit: int | None = None) -> str:
    """Everything of a message that a search looks at, folded to one case; `limit` characters of each part at most."""
    names = (message.agent_name, message.model_name, message.client_name, message.sender, message.receiver)
    asked = [word for item in message.options for word in (item.question, *(option.label for option in item.options))]
    words = (message.text, message.project_directory, *names, message.reply.text if message.reply else "", *asked)
    return "\n".join([word[:limit] for word in words]).casefold()


def _within(directory: str, project: str) -> bool:
    project = project.rstrip("/\\") or project
    name = re.split(r"[/\\]", directory.rstrip("/\\"))[-1]
    return project in (directory, name) or directory.startswith((f"{project}/", f"{project}\\"))


def _holds(text: str, wanted: str | re.Pattern[str]) -> bool:
    if isinstance(wanted, re.Pattern):
        return wanted.search(text) is not None
    return wanted.casefold() in text.casefold()
