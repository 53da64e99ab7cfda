"""A question or report as a store keeps it: one row with a life."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Literal

from ipymultichat.wire import agentassist_pb2 as pb

Kind = Literal["AskQuestion", "WorkReport"]
"""The two requests that wait for a person; also their `Cmd` and `message_type` on the wire."""

AnyRequest = pb.AskQuestionRequest | pb.WorkReportRequest
AnyResponse = pb.AskQuestionResponse | pb.WorkReportResponse

State = Literal["waiting", "answered", "timeout", "cancelled"]

Key = tuple[str, str]
"""The team that is asked, and the request's id."""


DETACHED = "detached"
"""The waiter of a request whose agent has gone with its id, and will ask for the answer with it."""


@dataclass(frozen=True)
class Record:
    """What is known of one request. The fields are the columns of the table, in its order.

    Attributes:
        team: who is asked, see `Tokens`; never the token itself, which no store ever sees.
        request_id: the id its agent gave it.
        kind: question or report.
        request: the request as pushed to people, serialized, without its token; b"" where only its life matters.
        digest: of what it asks, see `digest_of`.
        created_ms: when it came, milliseconds since the epoch.
        deadline_ms: when its agent waits no longer, likewise.
        version: grows with every change of this request; begins at `created_ms`, so that it grows as well when an id
            is used again.
        state: where in its life it is.
        waiter: the server process with a caller that waits for it, or had one when it ended; "" while its agent is
            away, `DETACHED` while it waits for nothing but to be asked for.
        away_until_ms: when a request whose agent is away is given up.
        response: a person's answer as it came, serialized.
        answered_by: the nickname of the person.
        answerer: the client id of the person.
        ended_ms: when it ended.
        kept: whether the answer came while the agent was away, so that it is kept for it.
        fetched_ms: when somebody who asked with the id was handed the recorded answer first.
    """

    team: str
    request_id: str
    kind: Kind
    request: bytes = field(repr=False)
    digest: str
    created_ms: int
    deadline_ms: int
    version: int
    state: State = "waiting"
    waiter: str = ""
    away_until_ms: int | None = None
    response: bytes = field(default=b"", repr=False)
    answered_by: str = ""
    answerer: str = ""
    ended_ms: int | None = None
    kept: bool = False
    fetched_ms: int | None = None

    @property
    def key(self) -> Key:
        """What tells it from all others."""
        return self.team, self.request_id

    @property
    def due_ms(self) -> int:
        """When it ends unless somebody answers, milliseconds since the epoch."""
        return self.deadline_ms if self.away_until_ms is None else min(self.deadline_ms, self.away_until_ms)

    def without_request(self) -> Record:
        """Return the same without the bytes of the request."""
        return replace(self, request=b"")

    def parsed_request(self) -> AnyRequest:
        """Return the request as a message, without a token."""
        if self.kind == "AskQuestion":
            return pb.AskQuestionRequest.FromString(self.request)
        return pb.WorkReportRequest.FromString(self.request)

    def parsed_response(self) -> AnyResponse:
        """Return the answer as the person sent it."""
        if self.kind == "AskQuestion":
            return pb.AskQuestionResponse.FromString(self.response)
        return pb.WorkReportResponse.FromString(self.response)


def digest_of(kind: Kind, request: AnyRequest) -> str:
    """Return a hash of what is asked, by whom and about what: all that a person sees besides the time there is."""
    body = type(request.Request)()
    body.CopyFrom(request.Request)  # type: ignore[arg-type]
    body.ClearField("Timeout")
    return hashlib.sha256(kind.encode() + b"\0" + body.SerializeToString(deterministic=True)).hexdigest()
