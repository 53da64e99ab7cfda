"""Writes `js/src/model.gen.ts`: the message type, its fields and the tables of its life, as Python has them.

`--check` writes nothing and says whether the file that is there is up to date.
"""
# ruff: noqa: INP001  # a script, in no package

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from ipymultichat.model import AgentState, ConnectionState, MessageKind, MessageStatus, Preferences
from ipymultichat.model.forms import FIELDS, HIDDEN
from ipymultichat.model.life import ANSWERED, OPEN, SENDABLE, TRANSITIONS

TARGET = Path(__file__).parent / "src" / "model.gen.ts"

TYPES = {
    "str": "string",
    "bool": "boolean",
    "MessageKind": "Kind",
    "MessageStatus": "Status",
    "AgentState": "AgentState",
    "datetime": "number",
    "datetime | None": "number | null",
    "tuple[Question, ...]": "readonly Question[]",
    "Approval | None": "Approval | null",
    "tuple[Content, ...]": "string",
    "Reply | None": "Reply | null",
    "tuple[str, ...]": "readonly string[]",
    "tuple[Snippet, ...]": "readonly Snippet[]",
}
"""What the browser has for a type of Python, see `browser_form`. A type that is missing here is an error."""

HEAD = """\
// Generated from the model in Python by `python js/generate.py`; change it there.

import type { Approval, Order, Question, Reply, Snippet } from "./protocol";
"""


def preferences() -> str:
    """The preferences that the browser may see, and the names of those that are one text."""
    shown = {field.name: str(field.type) for field in dataclasses.fields(Preferences) if field.metadata["browser"]}
    lines = "".join(f"  readonly {name}: {TYPES[kind]};\n" for name, kind in shown.items())
    texts = json.dumps([name for name, kind in shown.items() if kind == "str"])
    return (
        f"/** How the person likes to answer; kept with the profile. */\nexport interface Preferences {{\n{lines}}}\n\n"
        f"export const TEXT_PREFERENCES = {texts} as const;\n"
    )


def words(name: str, type_name: str, values: Iterable[str]) -> str:
    """A constant list of words, and the type of one of them."""
    array = json.dumps(list(values))
    return f"export const {name} = {array} as const;\nexport type {type_name} = (typeof {name})[number];\n"


def message() -> str:
    """The type of a message, and its fields with the names of their types for `validate.ts`."""
    fields = {
        "order": "Order",
        "length": "number",
        **{name: TYPES[kind] for name, kind in FIELDS.items() if name not in HIDDEN},
    }
    lines = "".join(f"  readonly {name}: {kind};\n" for name, kind in fields.items())
    table = "".join(f"  {name}: {json.dumps(kind)},\n" for name, kind in fields.items())
    return (
        f"export interface Message {{\n{lines}}}\n\n"
        f"/** Every field of a message and its type. */\nexport const MESSAGE_FIELDS = {{\n{table}}} as const;\n"
    )


def transitions() -> str:
    """The table of a message's life."""
    rows = ""
    for kind, table in TRANSITIONS.items():
        # In the order of the enum: a set has another order in every process.
        lines = (f"    {status}: {listed(table[status])},\n" for status in MessageStatus if status in table)
        rows += f"  {kind}: {{\n{''.join(lines)}  }},\n"
    type_name = "Readonly<Record<Kind, Readonly<Partial<Record<Status, readonly Status[]>>>>>"
    return f"/** Which status may follow which. */\nexport const TRANSITIONS: {type_name} = {{\n{rows}}};\n"


def statuses(name: str, doc: str, table: Mapping[MessageKind, Collection[MessageStatus]]) -> str:
    """A set of statuses for each kind."""
    rows = "".join(f"  {kind}: new Set({listed(found)}),\n" for kind, found in table.items())
    return f"/** {doc} */\nexport const {name}: Readonly<Record<Kind, ReadonlySet<Status>>> = {{\n{rows}}};\n"


def listed(found: Collection[MessageStatus]) -> str:
    """Statuses as a TypeScript array, in the order of the enum."""
    return json.dumps([status.value for status in MessageStatus if status in found])


def answered() -> str:
    """The status of a request that has its answer."""
    rows = "".join(f"  {kind}: {json.dumps(status.value)},\n" for kind, status in ANSWERED.items())
    doc = "What a request is once it has its answer; chat has none."
    return f"/** {doc} */\nexport const ANSWERED: Readonly<Partial<Record<Kind, Status>>> = {{\n{rows}}};\n"


def generate() -> str:
    """The whole file."""
    return "\n".join(
        (
            HEAD,
            words("KINDS", "Kind", (kind.value for kind in MessageKind)),
            words("STATUSES", "Status", (status.value for status in MessageStatus)),
            words("AGENT_STATES", "AgentState", (state.value for state in AgentState)),
            words("SERVER_STATES", "ServerState", (state.value for state in ConnectionState)),
            message(),
            transitions(),
            statuses("OPEN", "Statuses of what is not over.", OPEN),
            statuses("SENDABLE", "Statuses in which an answer, or a chat message again, can be sent.", SENDABLE),
            answered(),
            preferences(),
        )
    )


def main() -> int:
    """Write, or compare; returns 1 when what is there is stale."""
    text = generate()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text, "utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text("utf-8") == text:
        return 0
    sys.stderr.write(f"stale generated code: {TARGET.name}; run `python js/generate.py`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
