"""Any message there can be, for hypothesis. A new field of a type that is known here needs no line."""

from __future__ import annotations

from dataclasses import replace
from datetime import timezone

from hypothesis import strategies as st

from ipymultichat.model import (
    AgentState,
    Approval,
    AudioContent,
    Content,
    ImageContent,
    Message,
    MessageKind,
    MessageStatus,
    Option,
    Question,
    Reply,
    ResourceContent,
    TextContent,
    UnknownContent,
)
from ipymultichat.model.forms import FIELDS

# every character there is, with more of those that make trouble than there are
characters = st.one_of(st.characters(), st.sampled_from("aAbßẞİ\u0131éÉ \0\ud83d\ude00\n\"'%_*-"))
texts = st.text(characters, max_size=12)
times = st.datetimes(timezones=st.just(timezone.utc))
parts: st.SearchStrategy[Content] = st.one_of(
    st.builds(TextContent, texts),
    st.builds(ImageContent, st.binary(max_size=9), texts, texts),
    st.builds(AudioContent, st.binary(max_size=9), texts, texts),
    st.builds(ResourceContent, texts, texts, st.binary(max_size=9)),
    st.builds(UnknownContent, st.integers(-(2**31), 2**31 - 1)),
)
contents = st.lists(parts, max_size=3).map(tuple)
questions = st.builds(
    Question,
    texts,
    texts,
    st.lists(st.builds(Option, texts, texts), max_size=2).map(tuple),
    st.booleans(),
    st.booleans(),
)
BY_TYPE: dict[str, st.SearchStrategy[object]] = {
    "str": texts,
    "bool": st.booleans(),
    "MessageKind": st.sampled_from(MessageKind),
    "MessageStatus": st.sampled_from(MessageStatus),
    "AgentState": st.sampled_from(AgentState),
    "datetime": times,
    "datetime | None": st.none() | times,
    "tuple[Question, ...]": st.lists(questions, max_size=2).map(tuple),
    "tuple[Content, ...]": contents,
    "Approval | None": st.none() | st.builds(Approval, texts, texts, texts, texts),
    "Reply | None": st.none() | st.builds(Reply, contents, texts, times, st.booleans()),
}


def _usual(item: Message) -> st.SearchStrategy[Message]:
    """A message as it is, or one whose contents are its text, as they nearly always are."""
    return st.sampled_from([item, replace(item, contents=(TextContent(item.text),))])


messages: st.SearchStrategy[Message] = st.builds(
    Message, **{name: BY_TYPE[kind] for name, kind in FIELDS.items()}
).flatmap(_usual)
