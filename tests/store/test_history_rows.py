from contextlib import closing
from dataclasses import replace

import pytest
from any_message import messages, texts
from histories import NOON, answered, kept, living, message, on_disk
from hypothesis import given, settings
from hypothesis import strategies as st

from ipymultichat.model import Entry, MessageFilter, MessageKind, MessageStatus, Reply, TextContent
from ipymultichat.store import schema
from ipymultichat.store.archive import Archive
from ipymultichat.store.rows import merged

DRAFT = (TextContent("my long answer"),)


@pytest.fixture(scope="module", params=[True, False], ids=["index", "no index"])
def file(request, tmp_path_factory):
    """An open file, with an index of words and without."""
    path = tmp_path_factory.mktemp("rows") / "h.sqlite3"
    path.touch()
    with closing(schema.connect(path, 1)) as connection, pytest.MonkeyPatch.context() as patch:
        if not request.param:
            patch.setattr(schema, "knows_words", lambda _connection: False)
        schema.migrate(connection)
        yield connection


def empty(connection):
    """An archive without messages."""
    connection.execute("DELETE FROM messages")
    return Archive(connection)


@settings(max_examples=60, deadline=None)
@given(st.lists(messages, max_size=4, unique_by=lambda item: item.id), st.data())
def test_every_message_comes_back_as_it_was(file, items, data):
    entries = [Entry((number, number), item, data.draw(st.booleans())) for number, item in enumerate(items)]
    found = empty(file)
    with found.transaction():
        assert found.write(entries) == ([], 0)
    back = found.newest(10)
    assert back == [Entry(entry.order, on_disk(entry.message), entry.unread) for entry in entries]
    assert [found.find(item.id).message for item in items] == [on_disk(item) for item in items]


@settings(max_examples=60, deadline=None)
@given(st.lists(messages, min_size=2, max_size=5))
def test_a_message_written_over_and_over_is_as_the_rules_say(file, items):
    found, expected = empty(file), None
    for number, item in enumerate(items):
        same = Entry((number, 0), replace(item, id="x"), number % 2 == 0)
        with found.transaction():
            found.write([same])
        expected = merged(expected, same) if expected else Entry(same.order, on_disk(same.message), same.unread)
    assert found.newest(10) == [expected]


words = st.one_of(texts, st.sampled_from(["a", "AB", "ss", "ß", "aßb", "\0a", '"a', "\ud83d", "abc abc"]))
filters = st.builds(
    MessageFilter,
    text=words,
    kind=st.sampled_from(["", *map(str, MessageKind)]),
    server_id=st.sampled_from(["", "", "s", "\ud83d"]),
    peer=st.sampled_from(["", "", "ada", "\0"]),
    pending=st.booleans(),
)
found_in = st.builds(
    message,
    text=words,
    kind=st.sampled_from(MessageKind),
    status=st.sampled_from(MessageStatus),
    server_id=st.sampled_from(["s", "\ud83d", "t"]),
    sender=st.sampled_from(["ada", "\0", "bob"]),
    receiver=st.sampled_from(["ada", "\0", "bob"]),
    mine=st.booleans(),
    reply=st.none() | st.builds(Reply, st.tuples(st.builds(TextContent, words)), texts, st.just(NOON), st.booleans()),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(found_in, max_size=8), filters, st.integers(1, 4), st.booleans())
def test_a_page_is_what_the_same_filter_finds_in_a_list(file, items, wanted, limit, narrow):
    if narrow and items:  # look for what is there
        text = items[0].text
        wanted = MessageFilter(text=text[len(text) // 3 :].swapcase(), kind=wanted.kind)
    entries = [
        Entry((number // 3, number), replace(item, id=str(number)), unread=True) for number, item in enumerate(items)
    ]
    found = empty(file)
    with found.transaction():
        found.write(entries)
    before, left = None, [on_disk(entry.message) for entry in entries if wanted.fits(entry.message)]
    while True:
        page, more = found.page(before, limit, wanted)
        assert [entry.message for entry in page] == left[-limit:]
        left = left[:-limit]
        assert more == bool(left)
        if not more:
            break
        before = page[0].order


def test_a_row_that_makes_no_sense_is_left_out_and_can_be_written_again():
    with living() as now:
        now.put(message(1), message(2))
    with closing(schema.connect(now.history._path, 1)) as connection:
        connection.execute("UPDATE messages SET status = 'odd', options = '{' WHERE request_id = '1'")
    assert [entry.message.request_id for entry in kept()] == ["2"]
    with living() as now:
        now.put(message(1, "new"))
    assert [entry.message.text for entry in kept()] == ["new", "Deploy?"]


def test_a_damaged_letter_hides_no_message():
    with living() as now:
        now.put(message(1, "caf-"))
    with closing(schema.connect(now.history._path, 1)) as connection:
        connection.execute("UPDATE messages SET text = CAST(x'636166ff' AS TEXT)")
    assert [entry.message.text for entry in kept()] == ["caf\ufffd"]


def both(old, new, *, old_unread=True, new_unread=True):
    return merged(Entry((1, 1), on_disk(old), old_unread), Entry((2, 2), new, new_unread))


def test_the_later_of_two_kernels_wins_and_the_place_stays():
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
def test_a_proved_reply_of_ours_stays_with_its_outcome(other):
    assert both(answered(1, "mine"), other).message == on_disk(answered(1, "mine"))


def test_a_later_proved_reply_replaces_one():
    assert both(answered(1, "mine"), answered(1, "mine too")).message == on_disk(answered(1, "mine too"))


def test_what_was_typed_is_dropped_only_by_a_proved_reply():
    failed = message(1, status=MessageStatus.FAILED, draft=DRAFT)
    assert both(failed, message(1, status=MessageStatus.EXPIRED)).message.draft == DRAFT
    assert both(failed, answered(1, mine=False)).message.draft == DRAFT
    assert both(failed, message(1, draft=(TextContent("other"),))).message.draft == (TextContent("other"),)
    assert both(failed, answered(1)).message.draft == ()
    assert both(answered(1), failed).message.draft == DRAFT


@pytest.mark.parametrize(("old", "new", "unread"), [(0, 1, False), (1, 0, False), (1, 1, True), (0, 0, False)])
def test_what_one_kernel_saw_is_seen(old, new, unread):
    assert both(message(1), message(1), old_unread=bool(old), new_unread=bool(new)).unread is unread
