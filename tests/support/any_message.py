"""Any message there can be, for hypothesis."""

from dataclasses import replace
from datetime import timezone

from hypothesis import strategies as st

from ipymultichat.model import (
    AudioContent,
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

# every character there is, with more of those that make trouble than there are
characters = st.one_of(st.characters(), st.sampled_from("aAbßẞİ\u0131éÉ \0\ud83d\ude00\n\"'%_*-"))
texts = st.text(characters, max_size=12)
times = st.datetimes(timezones=st.just(timezone.utc))
parts = st.one_of(
    st.builds(TextContent, texts),
    st.builds(ImageContent, st.binary(max_size=9), texts),
    st.builds(AudioContent, st.binary(max_size=9), texts),
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
messages = st.builds(
    Message,
    id=texts,
    kind=st.sampled_from(MessageKind),
    server_id=texts,
    server_name=texts,
    request_id=texts,
    text=texts,
    created_at=times,
    status=st.sampled_from(MessageStatus),
    project_directory=texts,
    agent_name=texts,
    model_name=texts,
    client_name=texts,
    sender=texts,
    receiver=texts,
    sender_id=texts,
    receiver_id=texts,
    mine=st.booleans(),
    deadline=st.none() | times,
    options=st.lists(questions, max_size=2).map(tuple),
    contents=contents,
    reply=st.none() | st.builds(Reply, contents, texts, times, st.booleans()),
    error=texts,
    draft=contents,
    live=st.booleans(),
).flatmap(lambda item: st.sampled_from([item, replace(item, contents=(TextContent(item.text),))]))
