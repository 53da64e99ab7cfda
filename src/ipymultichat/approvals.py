"""Approvals: what a person reads before something is done, and what their answer means.

On the wire an approval is an ordinary question with two choices, so that every client of the protocol can answer it.
Nothing but the choice itself is a consent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from ipymultichat.model import ALLOW, DENY, Option, Question

QUESTION = Question(
    "Allow it?", "Approval", (Option(ALLOW), Option(DENY, "or write what is to be done instead")), custom=True
)
"""What is asked below the text that `approval_text` makes."""

_ANSWERED = re.compile(r"\s*Q: [^\n]*\nA: (.*)", re.DOTALL)


def approval_text(
    action: str, *, tool_name: str = "", arguments: Mapping[str, object] | None = None, diff: str = ""
) -> str:
    """Return what a person reads (Markdown): all there is to know, for no other place shows it in every client.

    Args:
        action: what is to be done, and why (Markdown).
        tool_name: the tool that is called, if it is one.
        arguments: of that call; they go into JSON.
        diff: the change that is made, as a unified diff.
    """
    parts = [action.strip()]
    if tool_name:
        parts.append(f"Tool: {_code(' '.join(tool_name.split()))}")
    if arguments is not None:
        parts.append(_fenced(json.dumps(arguments, indent=2, ensure_ascii=False), "json"))
    if diff:
        parts.append(_fenced(diff, "diff"))
    return "\n\n".join(part for part in parts if part)


def decision_in(text: str) -> tuple[bool, str]:
    """Return whether an answer allows it, and what it says besides."""
    text = text.strip()
    answered = _ANSWERED.match(text)
    if answered is None:
        return text.lower() == ALLOW.lower(), "" if text.lower() == ALLOW.lower() else text or "denied"
    # By somebody whose client shows choices.
    choice, _, rest = answered[1].strip().partition(",")
    if choice.strip() in (ALLOW, DENY):
        return choice.strip() == ALLOW, rest.strip() or ("" if choice.strip() == ALLOW else "denied")
    return False, answered[1].strip()


def _code(text: str) -> str:
    fence = "`" * (_longest_run(text) + 1)
    return f"{fence}{text}{fence}"


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
