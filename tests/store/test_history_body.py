from __future__ import annotations

import json

import pytest
from any_message import messages
from histories import answered, kept, living, message, on_disk
from hypothesis import given

from ipymultichat.model import AgentState, Entry, ImageContent, Message, MessageFilter, MessageStatus, TextContent
from ipymultichat.store.body import COLUMNS, MAX_SEARCHED, READ, Row, entry_of, merged, row_of

DRAFT = (TextContent("my long answer"),)


def written(item: Message) -> tuple[dict[str, object], list[bytes]]:
    """The columns of a message, and its attachments."""
    values, attachments = row_of(Entry((5, 1), item, unread=True))
    return dict(zip(COLUMNS, values, strict=True)), attachments


def read(columns: dict[str, object], attachments: list[bytes]) -> Entry:
    row: Row = tuple(columns[name] for name in READ)
    return entry_of(row, attachments.__getitem__)


@given(messages)
def test_every_message_comes_back_as_it_was(item: Message) -> None:
    columns, attachments = written(item)
    assert read(columns, attachments) == Entry((5, 1), on_disk(item), unread=True)


@given(messages)
def test_the_body_is_plain_json_without_what_has_a_column(item: Message) -> None:
    columns, _attachments = written(item)
    body = str(columns["body"])
    assert body.isascii()
    assert not {"id", "kind", "status", "server_id", "server_name", "live"} & set(json.loads(body))
    assert all(columns[name] is not None for name in COLUMNS)


def test_the_body_holds_only_what_differs_from_the_default() -> None:
    columns, _attachments = written(message(1, "Deploy?"))
    body = {"request_id": "1", "text": "Deploy?", "created_at": "2024-05-17T12:00:00+00:00"}
    assert json.loads(str(columns["body"])) == body


def test_a_message_without_contents_is_not_one_whose_contents_are_its_text() -> None:
    bare = message(1, contents=())
    assert read(*written(bare)).message.contents == ()


def test_bytes_stand_beside_the_body_and_count_for_the_size() -> None:
    picture = ImageContent(b"\x00" * 10_000, "image/png")
    plain, _none = written(message(1))
    columns, attachments = written(message(1, draft=(picture, picture)))
    assert attachments == [picture.data, picture.data]
    assert len(str(columns["body"])) < 300
    assert 20_000 <= int(str(columns["size"])) - int(str(plain["size"])) < 20_500


def test_a_field_that_another_version_wrote_is_left_out_and_one_it_did_not_know_has_its_default() -> None:
    columns, attachments = written(message(1, agent_name="opus", error="gone"))
    body = json.loads(str(columns["body"]))
    del body["error"]
    columns["body"] = json.dumps({**body, "from_tomorrow": [1, 2]})
    assert read(columns, attachments).message == on_disk(message(1, agent_name="opus"))


def both(old: Message, new: Message, *, old_unread: bool = True, new_unread: bool = True) -> Entry:
    """What stands for a message of the file once another one was written over it."""
    return merged(Entry((1, 1), on_disk(old), old_unread), Entry((2, 2), new, new_unread))


def test_the_later_of_two_kernels_wins_and_the_order_stays() -> None:
    found = both(message(1, "old"), message(1, "new", status=MessageStatus.EXPIRED))
    assert found == Entry((1, 1), on_disk(message(1, "new", status=MessageStatus.EXPIRED)), unread=True)


@pytest.mark.parametrize(
    "other",
    [
        message(1),
        message(1, status=MessageStatus.CANCELLED, error="gone"),
        answered(1, "somebody else's", mine=False),
    ],
)
def test_a_proved_reply_of_ours_stays_with_its_outcome(other: Message) -> None:
    assert both(answered(1, "mine"), other).message == on_disk(answered(1, "mine"))


def test_what_became_of_a_proved_reply_stays_with_it() -> None:
    kept = answered(1, "mine", agent_state=AgentState.KEPT)
    assert both(kept, message(1, agent_state=AgentState.AWAY)).message == on_disk(kept)


def test_a_later_proved_reply_replaces_one() -> None:
    assert both(answered(1, "mine"), answered(1, "mine too")).message == on_disk(answered(1, "mine too"))


def test_what_was_typed_is_dropped_only_by_a_proved_reply() -> None:
    failed = message(1, status=MessageStatus.FAILED, draft=DRAFT)
    assert both(failed, message(1, status=MessageStatus.EXPIRED)).message.draft == DRAFT
    assert both(failed, answered(1, mine=False)).message.draft == DRAFT
    assert both(failed, message(1, draft=(TextContent("other"),))).message.draft == (TextContent("other"),)
    assert both(failed, answered(1)).message.draft == ()
    assert both(answered(1), failed).message.draft == DRAFT


@pytest.mark.parametrize(
    ("old", "new", "unread"),
    [(False, True, False), (True, False, False), (True, True, True), (False, False, False)],
)
def test_what_one_kernel_saw_is_seen(old: bool, new: bool, unread: bool) -> None:
    assert both(message(1), message(1), old_unread=old, new_unread=new).unread is unread


def test_a_search_looks_at_the_beginning_of_a_very_long_text_and_at_all_else_of_its_message() -> None:
    text = "first " + "." * MAX_SEARCHED + " last"
    item = answered(1, answer=text.replace("first", "replied"), text=text, agent_name="Claude", project_directory="/p")
    with living() as now:
        now.put(item)
        now.flush()
        found = {word: now.stored(MessageFilter(search=word)) for word in ("first", "last", "claude", "/p", "replied")}
        assert found == {"first": ["1"], "last": [], "claude": ["1"], "/p": ["1"], "replied": ["1"]}
    assert [entry.message for entry in kept()] == [on_disk(item)]
