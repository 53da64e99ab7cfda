"""What an agent gets back, or the error in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ipymultichat.errors import AgentError, AgentTimeoutError, NoHumanOnlineError, RequestCancelledError
from ipymultichat.model import Content, text_of
from ipymultichat.model.invisible import escape_invisible
from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire.contents import content_from_wire

if TYPE_CHECKING:
    from typing_extensions import Self

AnyResponse = pb.AskQuestionResponse | pb.WorkReportResponse

MAX_WORDS = 2_000
"""Characters of a reason or an explanation that are shown."""

_CANCELLED = ("cancelled", "canceled")


class Answer(str):
    """A person's answer: a string, which is all that most agents want, with everything that came with it.

    Attributes:
        contents: its parts, in order; the string is their text, joined with newlines.
        meta: the `Meta` map of the response.
        by: the nickname of who answered, where the server says it; else "".
    """

    __slots__ = ("by", "contents", "meta")

    contents: tuple[Content, ...]
    meta: Mapping[str, str]
    by: str

    def __new__(cls, contents: tuple[Content, ...], meta: Mapping[str, str] | None = None, by: str = "") -> Self:
        """Make an answer of its parts."""
        answer = super().__new__(cls, text_of(contents))
        answer.contents = contents
        answer.meta = dict(meta or {})
        answer.by = by
        return answer

    @property
    def text(self) -> str:
        """The answer as a plain string; "" where it has no text."""
        return str.__str__(self)


@dataclass(frozen=True)
class Decision:
    """Whether something may be done; true where it may.

    Attributes:
        allowed: whether a person has chosen to allow it.
        message: what they wrote besides, such as why not.
        by: their nickname, where the server says it; else "".
        arguments: those it may be done with, where the person has changed them; else None.
    """

    allowed: bool
    message: str = ""
    by: str = ""
    arguments: Mapping[str, Any] | None = None

    def __bool__(self) -> bool:
        return self.allowed


def read_answer(response: AnyResponse, timeout: float) -> Answer:
    """Turn a response into an answer.

    Args:
        response: as it came; with `IsError` its contents are empty and `Meta` says why (measured).
        timeout: seconds that were granted, for the message.

    Raises:
        AgentTimeoutError: nobody answered in time.
        NoHumanOnlineError: nobody is connected.
        RequestCancelledError: the server gave the request up.
        AgentError: any other error reply, such as a person's refusal.
    """
    meta = dict(response.Meta)
    if not response.IsError:
        by = escape_invisible(meta.pop("by", "")[:MAX_WORDS])
        return Answer(tuple(content_from_wire(part) for part in response.contents), meta, by)
    reason = meta.get("error", "")
    if reason == "timeout":
        raise AgentTimeoutError(f"nobody answered within {timeout:g} s", meta=meta)
    if reason == "no_clients":
        raise NoHumanOnlineError("no person is connected to the server with this token", meta=meta)
    if reason in _CANCELLED:
        raise RequestCancelledError("the server gave the request up before anyone answered", meta=meta)
    shown = escape_invisible(reason[:MAX_WORDS]) or "no reason given"
    raise AgentError(f"the request was answered with an error: {shown}", meta=meta)
