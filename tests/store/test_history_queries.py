from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from any_message import messages, texts
from histories import ALL, NOON, WithoutIndex, answered, chat, message, on_disk, opened
from hypothesis import given, settings
from hypothesis import strategies as st

from ipymultichat.model import (
    Conversation,
    Entry,
    ImageContent,
    Message,
    MessageFilter,
    MessageKind,
    MessageStatus,
    Reply,
    TextContent,
)
from ipymultichat.store.body import merged
from ipymultichat.store.database import connect, is_indexed, migrate, transaction
from ipymultichat.store.queries import MessageTable


@pytest.fixture(scope="module", params=[sqlite3.Connection, WithoutIndex], ids=["index", "no index"])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """An open file, with an index of words and without."""
    with opened(tmp_path_factory.mktemp("queries") / "h.sqlite3", request.param) as connection:
        yield connection


@pytest.fixture
def table(tmp_path: Path) -> Iterator[MessageTable]:
    """A table of messages in a file of its own."""
    with opened(tmp_path / "h.sqlite3") as connection:
        yield MessageTable(connection)


def empty(connection: sqlite3.Connection) -> MessageTable:
    """The same table without messages."""
    connection.execute("DELETE FROM messages")
    return MessageTable(connection)


def numbered(*items: Message) -> list[Entry]:
    """Messages in this order."""
    return [Entry((number, number), item, unread=True) for number, item in enumerate(items)]


def ids(entries: list[Entry]) -> list[str]:
    return [entry.message.request_id for entry in entries]


@settings(max_examples=60, deadline=None)
@given(st.lists(messages, max_size=4, unique_by=lambda item: item.id), st.data())
def test_every_message_comes_back_as_it_was(
    file: sqlite3.Connection, items: list[Message], data: st.DataObject
) -> None:
    entries = [Entry((number, number), item, data.draw(st.booleans())) for number, item in enumerate(items)]
    found = empty(file)
    with transaction(file):
        assert found.write(entries) == ([], 0)
    expected = [Entry(entry.order, on_disk(entry.message), entry.unread) for entry in entries]
    assert found.newest(10) == list(found.entries(None)) == found.page(None, 10, ALL)[0] == expected
    assert [found.find(item.id) for item in items] == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(messages, min_size=2, max_size=5))
def test_a_message_written_over_and_over_is_as_the_rules_say(file: sqlite3.Connection, items: list[Message]) -> None:
    found = empty(file)
    expected = None
    for number, item in enumerate(items):
        same = Entry((number, 0), replace(item, id="x"), number % 2 == 0)
        with transaction(file):
            found.write([same])
        expected = merged(expected, same) if expected else Entry(same.order, on_disk(same.message), same.unread)
    assert found.newest(10) == [expected]


words = st.one_of(texts, st.sampled_from(["a", "AB", "ss", "ß", "aßb", "\0a", '"a', "\ud83d", "abc abc"]))
people = st.sampled_from(["", "", "", "ada", "\0", "bob"])
folders = st.sampled_from(["", "", "/home/ada", "/home/ada/x", "C:\\Ada", "x", "/", "/home/ada/"])
filters = st.builds(
    MessageFilter,
    search=st.just("") | words,
    text=st.just("") | words | words.map(lambda text: re.compile(re.escape(text))),
    kind=st.sampled_from(["", "", *map(str, MessageKind)]),
    status=st.sampled_from(["", "", "", *map(str, MessageStatus)]),
    server_id=st.sampled_from(["", "", "s", "\ud83d"]),
    sender=people,
    peer=people,
    agent=st.sampled_from(["", "", "", "Opus", "a\ud83d"]),
    project=folders,
    pending=st.booleans(),
)
found_in = st.builds(
    message,
    text=words,
    kind=st.sampled_from(MessageKind),
    status=st.sampled_from(MessageStatus),
    server_id=st.sampled_from(["s", "\ud83d", "t"]),
    sender=people,
    receiver=people,
    mine=st.booleans(),
    agent_name=st.sampled_from(["", "Opus", "a\ud83d"]),
    project_directory=folders,
    reply=st.none() | st.builds(Reply, st.tuples(st.builds(TextContent, words)), texts, st.just(NOON), st.booleans()),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(found_in, max_size=8), filters, st.integers(1, 4), st.booleans())
def test_a_page_is_what_the_same_filter_finds_in_a_list(
    file: sqlite3.Connection, items: list[Message], wanted: MessageFilter, limit: int, narrow: bool
) -> None:
    if narrow and items:  # look for what is there
        text = items[0].text
        wanted = MessageFilter(search=text[len(text) // 3 :].swapcase(), kind=wanted.kind, project=wanted.project)
    entries = [
        Entry((number // 3, number), replace(item, id=str(number)), unread=True) for number, item in enumerate(items)
    ]
    found = empty(file)
    with transaction(file):
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


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (MessageFilter(search="ROLL"), ["1", "3"]),
        (MessageFilter(search="ro"), ["1", "3"]),
        (MessageFilter(search="100%"), ["4"]),
        (MessageFilter(search='say "hi"'), ["5"]),
        (MessageFilter(search="strasse"), ["6"]),
        (MessageFilter(search="OPUS"), ["2"]),
        (MessageFilter(search="never"), ["7"]),
        (MessageFilter(search="/home/ada"), ["8"]),
        (MessageFilter(search="BOB"), ["9"]),
        (MessageFilter(search="gone"), []),
        (MessageFilter(search="opera"), []),  # though each three letters of it are there
        (MessageFilter(text="roll"), ["1", "3"]),
        (MessageFilter(text="never"), []),  # which is in the answer only
        (MessageFilter(text=re.compile(r"^\w+ back")), ["1"]),
        (MessageFilter(agent="claude"), ["2"]),
        (MessageFilter(project="/home"), ["8"]),
        (MessageFilter(project="ada"), ["8"]),
        (MessageFilter(status="replied"), ["3", "7"]),
        (MessageFilter(sender="bob"), ["9"]),
        (MessageFilter(kind="chat"), ["9", "10"]),
        (MessageFilter(server_id="home"), ["10"]),
        (MessageFilter(server_id="work", peer="bob"), ["9"]),
        (MessageFilter(pending=True, search="roll"), ["1"]),
    ],
)
def test_filters_find_what_fits(table: MessageTable, wanted: MessageFilter, numbers: list[str]) -> None:
    table.write(
        numbered(
            message(1, "Roll back?"),
            message(2, "x", model_name="Opus", agent_name="claude"),
            answered(3, text="roll on", contents=(TextContent("roll on"),)),
            message(4, "done 100%"),
            message(5, 'did you say "hi"? ope per era'),
            message(6, "Straße"),
            answered(7, "Never!"),
            message(8, "y", project_directory="/home/ada"),
            chat(9, "z", sender="bob"),
            chat(10, "z", server_id="home"),
        )
    )
    entries, more = table.page(None, 20, wanted)
    assert (ids(entries), more) == (numbers, False)


def test_pages_go_back_from_the_newest_and_say_whether_there_is_more(table: MessageTable) -> None:
    table.write(numbered(*[message(number) for number in range(8)]))
    found = [table.page(before, limit, ALL) for before, limit in ((None, 3), ((5, 5), 3), ((2, 2), 3), (None, 8))]
    assert [(ids(entries), more) for entries, more in found] == [
        (["5", "6", "7"], True),
        (["2", "3", "4"], True),
        (["0", "1"], False),
        (["0", "1", "2", "3", "4", "5", "6", "7"], False),
    ]


def test_a_page_reads_no_more_than_it_has_to(tmp_path: Path) -> None:
    read = []

    class Counting(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            read.append(sql)
            return super().execute(sql, *values)

    path = tmp_path / "h.sqlite3"
    path.touch()
    with closing(connect(path, 1, Counting)) as connection:
        migrate(connection)
        table = MessageTable(connection)
        picture = (ImageContent(b"x", "image/png"),)
        table.write(numbered(*[message(number, draft=picture) for number in range(100)]))
        read.clear()
        entries, more = table.page(None, 5, MessageFilter(text=re.compile("Deploy")))
    assert (len(entries), more) == (5, True)
    assert sum("attachments" in sql for sql in read) == 6  # each is fetched for itself: one message more than asked for


def test_attachments_change_with_their_message(table: MessageTable) -> None:
    picture, other = ImageContent(b"\x00\xff" * 1000, "image/png"), ImageContent(b"other", "image/gif")
    first = message(
        1,
        contents=(TextContent("see"), picture),
        reply=Reply((picture, TextContent("yes")), "me", NOON, mine=True),
        draft=(other, TextContent("no")),
    )
    second = replace(first, reply=Reply((other,), "me", NOON, mine=True), draft=())
    for item in (first, second, replace(second, contents=())):
        table.write([Entry((1, 1), item, unread=True)])
        assert table.newest(1)[0].message == on_disk(item)


def test_the_newest_come_with_everything_that_is_not_over(table: MessageTable) -> None:
    table.write(
        numbered(message(1), chat(2, status=MessageStatus.FAILED), answered(3), answered(4), answered(5)),
    )
    assert ids(table.newest(2)) == ["1", "2", "4", "5"]


def test_a_place_that_is_taken_is_left_to_whoever_has_it(table: MessageTable) -> None:
    moved, misfits = table.write([Entry((5, 1), message(number), unread=True) for number in range(3)])
    assert [(entry.message.request_id, entry.order) for entry in moved] == [("1", (5, 2)), ("2", (5, 3))]
    assert misfits == 0
    assert [(entry.message.request_id, entry.order) for entry in table.newest(9)] == [
        ("0", (5, 1)),
        ("1", (5, 2)),
        ("2", (5, 3)),
    ]


def test_one_message_that_no_row_can_hold_does_not_stop_the_others(
    table: MessageTable, caplog: pytest.LogCaptureFixture
) -> None:
    table.write(numbered(message(0, "old")))
    entries = numbered(
        message(0, "new"),
        message(1),
        message(2, created_at=None),
        message(3, draft=(ImageContent(None, "image/png"),)),  # type: ignore[arg-type]  # seen after its row is written
        message(4),
    )
    entries.append(Entry((2**70, 1), message(5), unread=True))
    assert table.write(entries) == ([], 3)
    assert [(entry.message.request_id, entry.message.text) for entry in table.newest(9)] == [
        ("0", "new"),
        ("1", "Deploy?"),
        ("4", "Deploy?"),
    ]
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 3


def test_a_row_that_makes_no_sense_is_left_out_and_can_be_written_again(file: sqlite3.Connection) -> None:
    table = empty(file)
    table.write(numbered(message(1), message(2), message(3), message(4, draft=(ImageContent(b"x", "image/png"),))))
    file.execute("UPDATE messages SET status = 'odd' WHERE row = 1")
    file.execute("UPDATE messages SET body = '{' WHERE row = 2")
    file.execute("DELETE FROM attachments")
    assert ids(table.newest(9)) == ["3"]
    table.write(numbered(message(1, "new"), message(2, "new")))
    assert [entry.message.text for entry in table.newest(9)] == ["new", "new", "Deploy?"]


def test_a_damaged_letter_hides_no_message(file: sqlite3.Connection) -> None:
    table = empty(file)
    table.write(numbered(message(1, "caf-")))
    body = file.execute("SELECT CAST(body AS BLOB) FROM messages").fetchone()[0]
    file.execute("UPDATE messages SET body = CAST(? AS TEXT)", (body.replace(b"caf-", b"caf\xff"),))
    (entry,) = table.newest(9)
    assert entry.message.text == "caf\ufffd"


def test_what_was_written_at_once_and_one_by_one_is_found_by_the_index_of_words(table: MessageTable) -> None:
    table.write(numbered(*[message(number, f"text {number}") for number in range(200)]))
    table.write([Entry((300, 1), message("a", "text a"), True), Entry((300, 1), message("b", "text b"), True)])
    for key in ("0", "74", "75", "199", "a", "b"):
        assert key in ids(table.page(None, 999, MessageFilter(search=f"text {key}"))[0])


def test_a_changed_text_is_found_by_what_it_is_now_only(file: sqlite3.Connection) -> None:
    table = empty(file)
    table.write(numbered(message(1, "before")))
    table.write(numbered(message(1, "afterwards")))
    assert ids(table.page(None, 9, MessageFilter(search="afterwards"))[0]) == ["1"]
    assert table.page(None, 9, MessageFilter(search="before")) == ([], False)


def test_the_index_of_words_is_used_where_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite3"
    path.touch()
    with closing(connect(path, 1)) as connection:
        migrate(connection)
        if not is_indexed(connection):
            pytest.skip("this SQLite keeps no index of words")
        table = MessageTable(connection)
        table.write(numbered(message(1, "Roll back?")))
        connection.execute("INSERT INTO words(words) VALUES ('delete-all')")
        assert table.page(None, 9, MessageFilter(search="roll")) == ([], False)
        assert ids(table.page(None, 9, MessageFilter(search="ro"))[0]) == ["1"]  # too short for it


def test_clearing_forgets_what_is_over_and_what_is_said_to_be(file: sqlite3.Connection) -> None:
    table = empty(file)
    table.write(
        numbered(message(1, "one"), answered(2), chat(3), message(4, "four"), chat(5, status=MessageStatus.FAILED))
    )
    with transaction(file):
        table.clear(["work/request/4"])
    assert ids(table.newest(9)) == ["1", "5"]
    assert ids(table.page(None, 9, MessageFilter(search="one"))[0]) == ["1"]
    assert table.page(None, 9, MessageFilter(search="four")) == ([], False)


def test_a_new_label_is_on_all_messages_of_its_server(table: MessageTable) -> None:
    table.write(numbered(message(1), message(2, server_id="home", server_name="Home"), message(3)))
    table.rename({"work": "Office"})
    assert [entry.message.server_name for entry in table.newest(9)] == ["Office", "Home", "Office"]


def test_messages_are_read_up_to_an_order_of_all_a_server_or_a_chat(table: MessageTable) -> None:
    table.write(numbered(message(0), chat(1), chat(2, sender="bob"), chat(3), chat(4, server_id="home")))

    def unread() -> list[str]:
        return ids([entry for entry in table.newest(9) if entry.unread])

    table.mark_read({("work", "ada"): (2, 2)})
    assert unread() == ["0", "2", "3", "4"]
    table.mark_read({("work", ""): (2, 2)})
    assert unread() == ["3", "4"]
    table.mark_read({("", ""): (9, 9)})
    assert unread() == []


def test_conversations_name_everybody_with_the_newest_first(table: MessageTable) -> None:
    mine = chat(5, sender="", receiver="cy", mine=True)
    table.write(numbered(chat(1), chat(2, sender="bob"), chat(3), message(4), mine))
    table.mark_read({("", ""): (0, 0)})
    assert table.conversations() == [
        Conversation("work", "cy", 1, 4),
        Conversation("work", "ada", 1, 2),
        Conversation("work", "bob", 1, 1),
    ]


def test_all_entries_are_read_while_more_is_written(table: MessageTable) -> None:
    table.write([Entry((5, number), answered(number), unread=True) for number in range(450)])
    walk = table.entries(None)
    first = next(walk)
    table.write([Entry((6, 0), answered(1000), unread=True)])
    assert ids([first, *walk]) == [*map(str, range(450)), "1000"]
    assert ids(list(table.entries((5, 3)))) == ["0", "1", "2"]
