"""Approvals: what a person reads before something is done, and what their answer means.

On the wire an approval is an ordinary question with two choices, so that every client of the protocol can answer it.
Nothing but the choice itself is a consent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ipymultichat.model import ALLOW, DENY, Approval, Option, Question

QUESTION = Question(
    "Allow it?", "Approval", (Option(ALLOW), Option(DENY, "or write what is to be done instead")), custom=True
)
"""What is asked below the text that `approval_of` makes."""

_EDITED = re.compile(r"(`{3,})json\n(.*?)\n\1\s*(.*)", re.DOTALL)

_ANSWERED = re.compile(r"\s*Q: [^\n]*\nA: (.*)", re.DOTALL)


def approval_of(
    action: str, *, tool_name: str = "", arguments: Mapping[str, object] | None = None, diff: str = ""
) -> tuple[str, Approval | None]:
    """Return what a person reads, and the same in parts for inboxes that show them.

    Args:
        action: what is to be done, and why (Markdown).
        tool_name: the tool that is called, if it is one.
        arguments: of that call; they go into JSON.
        diff: the change that is made, as a unified diff.

    Returns:
        Markdown that says all there is to know, for not every client shows parts; and the parts, or None where they are
        too long for that.

    Raises:
        TypeError, ValueError: the arguments do not go into JSON.
    """
    given = "" if arguments is None else json.dumps(arguments, indent=2, ensure_ascii=False)
    text = [action.strip()]
    if tool_name:
        text.append(f"Tool: {_code(' '.join(tool_name.split()))}")
    if given:
        text.append(_fenced(given, "json"))
    if diff:
        text.append(_fenced(diff, "diff"))
    parts = Approval(tool_name, given, diff, action)
    return "\n\n".join(filter(None, text)), parts if parts.fits else None


def decision_in(text: str) -> tuple[bool, str, dict[str, Any] | None]:
    """Return whether an answer allows it, what it says besides, and the arguments where the person changed them."""
    text = text.strip()
    answered = _ANSWERED.match(text)
    if answered is None:
        allowed = text.lower() == ALLOW.lower()
        return allowed, "" if allowed else text or "denied", None
    # By somebody whose client shows choices.
    choice, _, rest = answered[1].strip().partition(",")
    if choice.strip() == ALLOW:
        return True, *_edited(rest.strip())
    return False, (rest.strip() or "denied") if choice.strip() == DENY else answered[1].strip(), None


def _edited(words: str) -> tuple[str, dict[str, Any] | None]:
    """Return what was said with a consent, and the arguments that come first in it as a fenced JSON object."""
    fenced = _EDITED.fullmatch(words)
    try:
        given = json.loads(fenced[2]) if fenced else None
    except (ValueError, RecursionError):
        return words, None
    return (fenced[3], given) if fenced and isinstance(given, dict) else (words, None)


def _code(text: str) -> str:
    fence = "`" * (_longest_run(text) + 1)
    return f"{fence}{text}{fence}"


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
