"""Approvals: an ordinary question with two choices on its way to people, a decision on its way back.

Every client of the protocol can answer it. That a question is one can be told by its id, also after a restart.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from mcp_types import CallToolResult, ContentBlock, TextContent

from ipymultichat import model
from ipymultichat.approvals import approval_of, decision_in
from ipymultichat.mcp.arguments import Approve
from ipymultichat.mcp.port import Outcome
from ipymultichat.mcp.results import result_of, structured_of, words_of

PREFIX = "approve-"
"""How the ids of approvals begin."""


def new_id() -> str:
    """Return an id for an approval."""
    return PREFIX + uuid.uuid4().hex


def asked_by(arguments: Approve) -> tuple[str, model.Approval | None]:
    """Return what a person reads, and the same in parts."""
    return approval_of(arguments.action, tool_name=arguments.tool_name, arguments=arguments.given, diff=arguments.diff)


def outcome_result(outcome: Outcome, arguments: Approve | None = None) -> CallToolResult:
    """Return what the caller of a tool gets, of an approval or any other question.

    Args:
        outcome: what became of it.
        arguments: of the call, where it is an approval and this is its own call.
    """
    if not outcome.request_id.startswith(PREFIX):
        return result_of(outcome)
    allowed, message, given = _decision(outcome)
    if given is None and arguments is not None:
        given = arguments.given
    decision: dict[str, Any] = {"behavior": "allow" if allowed else "deny", "message": message}
    if allowed and given is not None:
        decision["updatedInput" if arguments is not None and arguments.prompted else "arguments"] = given
    structured = {**structured_of(outcome), **decision}
    content: list[ContentBlock] = [TextContent(text=json.dumps(decision, ensure_ascii=False))]
    # Claude Code takes the words of a permission prompt, and of no result with a structured half.
    if arguments is not None and arguments.prompted:
        return CallToolResult(content=content)
    return CallToolResult(content=content, structured_content=structured)


def _decision(outcome: Outcome) -> tuple[bool, str, dict[str, Any] | None]:
    """Return whether something is allowed, what was said, and the arguments where the person changed them.

    Nothing but the choice itself is a consent.
    """
    if outcome.status != "answered":
        return False, words_of(outcome), None
    return decision_in(model.text_of(outcome.contents))
