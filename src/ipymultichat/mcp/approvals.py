"""Approvals: an ordinary question with two choices on its way to people, a decision on its way back.

Every client of the protocol can answer it. That a question is one can be told by its id, also after a restart.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from mcp_types import CallToolResult, TextContent

from ipymultichat import model
from ipymultichat.mcp.arguments import Approve
from ipymultichat.mcp.port import Outcome
from ipymultichat.mcp.results import result_of, structured_of, words_of

PREFIX = "approve-"
"""How the ids of approvals begin."""

ALLOW, DENY = "Allow", "Deny"

QUESTION = model.Question(
    "Allow it?",
    "Approval",
    (model.Option(ALLOW), model.Option(DENY, "or write what is to be done instead")),
    custom=True,
)

OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "behavior": {"type": "string", "enum": ["allow", "deny"], "description": "Whether it may be done."},
        "message": {"type": "string", "description": "What the person wrote besides, or why there is no decision."},
        "arguments": {"type": "object", "description": "The arguments it may be done with."},
        "updatedInput": {"type": "object", "description": "The same, for a call with `input`."},
        "status": {"type": "string", "description": "As of `ask_question`."},
        "id": {"type": "string", "description": "The question's id."},
    },
    "required": ["behavior", "message", "status", "id"],
}

_ANSWERED = re.compile(r"\s*Q: [^\n]*\nA: (.*)", re.DOTALL)


def new_id() -> str:
    """Return an id for an approval."""
    return PREFIX + uuid.uuid4().hex


def text_for(arguments: Approve) -> str:
    """Return what a person reads: all there is to know, for no other place shows it."""
    parts = [arguments.action.strip()]
    if arguments.tool_name:
        parts.append(f"Tool: {_code(' '.join(arguments.tool_name.split()))}")
    if arguments.given is not None:
        parts.append(_fenced(json.dumps(arguments.given, indent=2, ensure_ascii=False), "json"))
    if arguments.diff:
        parts.append(_fenced(arguments.diff, "diff"))
    return "\n\n".join(part for part in parts if part)


def outcome_result(outcome: Outcome, arguments: Approve | None = None) -> CallToolResult:
    """Return what the caller of a tool gets, of an approval or any other question.

    Args:
        outcome: what became of it.
        arguments: of the call, where it is an approval and this is its own call.
    """
    if not outcome.request_id.startswith(PREFIX):
        return result_of(outcome)
    allowed, message = _decision(outcome)
    decision: dict[str, Any] = {"behavior": "allow" if allowed else "deny", "message": message}
    if allowed and arguments is not None and arguments.given is not None:
        decision["arguments" if arguments.input is None else "updatedInput"] = arguments.given
    structured = {**structured_of(outcome), **decision}
    return CallToolResult(
        content=[TextContent(text=json.dumps(decision, ensure_ascii=False))], structured_content=structured
    )


def _decision(outcome: Outcome) -> tuple[bool, str]:
    """Return whether something is allowed, and what was said: nothing but the choice itself is a consent."""
    if outcome.status != "answered":
        return False, words_of(outcome)
    text = model.text_of(outcome.contents).strip()
    answered = _ANSWERED.match(text)
    if answered is not None:  # by somebody whose client shows choices
        choice, _, rest = answered[1].strip().partition(",")
        if choice.strip() in (ALLOW, DENY):
            return choice.strip() == ALLOW, rest.strip() or ("" if choice.strip() == ALLOW else "denied")
        return False, answered[1].strip()
    return text.lower() == ALLOW.lower(), "" if text.lower() == ALLOW.lower() else text or "denied"


def _code(text: str) -> str:
    fence = "`" * (_longest_run(text) + 1)
    return f"{fence}{text}{fence}"


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
