"""What an agent gets back, or the error in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ipymultichat.errors import AgentError, AgentTimeoutError, NoHumanOnlineError, RequestCancelledError
from ipymultichat.model import Content, text_of
from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire.contents import content_from_wire

AnyResponse = pb.AskQuestionResponse | pb.WorkReportResponse

_CANCELLED = ("cancelled", "canceled")


@dataclass(frozen=True)
class Answer:
    """A person's answer; `str(answer)` is its text.

    Attributes:
        contents: its parts, in order.
        meta: what came with it (the `Meta` map of the response).
    """

    contents: tuple[Content, ...]
    meta: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def text(self) -> str:
        """The text parts, joined with newlines; "" where there are none."""
        return text_of(self.contents)

    def __str__(self) -> str:
        return self.text


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
        return Answer(tuple(content_from_wire(part) for part in response.contents), meta)
    reason = meta.get("error", "")
    if reason == "timeout":
        raise AgentTimeoutError(f"nobody answered within {timeout:g} s", meta=meta)
    if reason == "no_clients":
        raise NoHumanOnlineError("no person is connected to the server with this token", meta=meta)
    if reason in _CANCELLED:
        raise RequestCancelledError("the server gave the request up before anyone answered", meta=meta)
    raise AgentError(f"the request was answered with an error: {reason or 'no reason given'}", meta=meta)
