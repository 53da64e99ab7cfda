"""Strategies for frames: plausible ones about a few ids, arbitrary messages, mutations, noise."""

from __future__ import annotations

from typing import Any

import frames as f
from hypothesis import strategies as st

from ipymultichat.wire import agentassist_pb2 as pb

IDS = st.sampled_from(["q1", "q2", "q3", "foreign", ""])
PEOPLE = st.sampled_from([("ada-1", "ada"), ("bob-1", "bob"), ("me-1", "me"), ("", "")])
TEXT = st.text(max_size=12)
NUMBER = st.integers(-(2**31), 2**31 - 1)
LONG = st.integers(-(2**63), 2**63 - 1)

plausible = st.one_of(
    st.builds(f.login, st.sampled_from(["me-1", "me-2", ""]), st.sampled_from([True, True, True, False])),
    st.builds(f.question, IDS, TEXT),
    st.builds(lambda ids: f.pending(*(f.ask(key) for key in ids)), st.lists(IDS, max_size=3)),
    st.builds(lambda people: f.users(*people), st.lists(PEOPLE, max_size=3)),
    st.builds(lambda answers: f.validity(**answers), st.dictionaries(IDS.filter(bool), st.booleans(), max_size=2)),
    st.builds(f.answered, IDS, TEXT, TEXT),
    st.builds(f.cancelled, IDS, TEXT),
    st.builds(f.chat, TEXT, PEOPLE, TEXT, st.integers(-(2**40), 2**40)),
    st.builds(
        lambda who, status: f.presence(who[0], who[1], status),
        PEOPLE,
        st.sampled_from(["connected", "disconnected", ""]),
    ),
    st.builds(
        lambda state, ids: f.agent_state(state, *ids),
        st.sampled_from(["away", "back", "kept", "fetched", ""]),
        st.lists(IDS, max_size=3),
    ),
    st.builds(f.notice, TEXT),
)

COMMANDS = [
    "UserLogin",
    "AskQuestion",
    "WorkReport",
    "GetPendingMessages",
    "GetOnlineUsers",
    "CheckMessageValidity",
    "AskQuestionReplyNotification",
    "WorkReportReplyNotification",
    "RequestCancelled",
    "ChatMessageNotification",
    "UserConnectionStatusNotification",
    "RequestState",
    "Notice",
]


def _messages(descriptor: Any, depth: Any = 0) -> Any:
    """Any message of a type: some of its fields, each with any value that its type can hold."""
    scalars = {
        descriptor.fields_by_name["Cmd"].TYPE_STRING: TEXT,
        descriptor.fields_by_name["Cmd"].TYPE_BOOL: st.booleans(),
        descriptor.fields_by_name["Cmd"].TYPE_INT32: NUMBER,
        descriptor.fields_by_name["Cmd"].TYPE_INT64: LONG,
        descriptor.fields_by_name["Cmd"].TYPE_BYTES: st.binary(max_size=8),
    }

    def one(kind: Any, level: Any) -> Any:
        fields = {}
        for field in kind.fields:
            if field.message_type is None:
                value = scalars[field.type]
            elif field.message_type.GetOptions().map_entry or level > 4:
                continue
            else:
                value = one(field.message_type, level + 1)
            repeated = isinstance(getattr(field.message_type or kind, "name", ""), str) and _is_repeated(field)
            fields[field.name] = st.lists(value, max_size=2) if repeated else value
        return st.fixed_dictionaries({}, optional=fields)

    return one(descriptor, depth)


def _is_repeated(field: Any) -> Any:
    return field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED


def _frame(command: Any, fields: Any) -> Any:
    fields = {**fields, "Cmd": command}
    return pb.WebsocketMessage(**fields).SerializeToString()


arbitrary = st.builds(_frame, st.one_of(st.sampled_from(COMMANDS), TEXT), _messages(pb.WebsocketMessage.DESCRIPTOR))


@st.composite
def mutated(draw: Any) -> Any:
    """A valid frame with a few bytes changed, cut out or doubled."""
    raw = bytearray(draw(st.one_of(plausible, arbitrary)))
    for _ in range(draw(st.integers(1, 4))):
        if not raw:
            break
        at = draw(st.integers(0, len(raw) - 1))
        change = draw(st.sampled_from(["set", "cut", "double", "end"]))
        if change == "set":
            raw[at] = draw(st.integers(0, 255))
        elif change == "cut":
            del raw[at : at + draw(st.integers(1, 8))]
        elif change == "double":
            raw[at:at] = raw[at : at + 16]
        else:
            del raw[at:]
    return bytes(raw)


anything = st.one_of(plausible, plausible, arbitrary, mutated(), st.binary(max_size=40))
