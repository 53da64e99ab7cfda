"""What becomes of a history some pages of which are damaged."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from histories import (
    NOON,
    QUICK,
    Living,
    answered,
    chat,
    eventually,
    kept,
    living,
    message,
    on_disk,
    opened,
    with_connection,
)

from ipymultichat.errors import StoreError
from ipymultichat.model import ImageContent, MessageFilter, MessageStatus, Reply, TextContent
from ipymultichat.store.database import connect, is_indexed
from ipymultichat.store.history import history_path
from ipymultichat.store.opening import set_aside
from ipymultichat.store.pages import Pages

PAGE = 4096
LEAF, INNER = 0x0D, 0x05
MANY = 600


@pytest.fixture
def path() -> Path:
    """Where the history will be."""
    found = history_path("default")
    found.parent.mkdir(parents=True)
    return found


def text(number: int) -> str:
    """A text that fills a part of a page, and is found there by its capitals."""
    return f"Message {number}. " + "It goes on. " * 40


def fill(count: int = MANY) -> None:
    """Have a history of so many messages, all over but the last."""
    with living() as now:
        now.put(*[answered(number, text=text(number)) for number in range(count - 1)], message(count - 1))
    settle()


def settle() -> None:
    """Have everything in the file itself, nothing in the log beside it."""
    with closing(sqlite3.connect(history_path("default"))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def pages(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return [data[start : start + PAGE] for start in range(0, len(data), PAGE)]


def leaf_with(path: Path, words: str) -> int:
    """The index of the page of the table that has these words."""
    return next(n for n, page in enumerate(pages(path)) if page[0] == LEAF and words.encode() in page)


def spoil(path: Path, *numbers: int, junk: bytes = b"\xa5" * PAGE) -> None:
    """Damage pages, by index."""
    with path.open("r+b") as file:
        for number in numbers:
            file.seek(number * PAGE)
            file.write(junk)


def exported(now: Living) -> list[str]:
    return [entry.message.request_id for entry in now.history.entries()]


def spoil_old_page(path: Path) -> set[str]:
    """Damage one page in the middle; returns the request ids of what stood there."""
    number = leaf_with(path, '"Message 300. ')
    page = pages(path)[number]
    spoil(path, number)
    return {str(n) for n in range(MANY) if f'"Message {n}. '.encode() in page}


def asides(path: Path) -> list[Path]:
    return sorted(path.parent.glob("default.corrupt-*.sqlite3"))


def test_an_export_over_a_damaged_page_has_everything_else_and_says_what_was_lost(path: Path) -> None:
    fill()
    lost = spoil_old_page(path)
    damaged = path.read_bytes()
    with living() as now:
        assert exported(now) == [str(n) for n in range(MANY) if str(n) not in lost]
        (trouble,) = now.troubles
        (aside,) = asides(path)
        assert f"was damaged: {MANY - len(lost)} messages were saved, {len(lost)} could not be read" in trouble
        assert "(of 1970-01-01)" in trouble
        assert trouble.endswith(f"the damaged file is {aside.name}")
        assert aside.read_bytes() == damaged
        assert 0 < len(lost) < 10


def test_paging_back_into_a_damaged_page_goes_on_and_so_does_writing(path: Path) -> None:
    fill()
    lost = spoil_old_page(path)
    with living() as now:
        now.count = MANY
        now.put(message("new"))
        assert len(now.stored()) >= MANY - len(lost)
        now.put(message("newer"))
        now.flush()
        assert now.stored()[-2:] == ["new", "newer"]
        assert now.history.usable
    assert len(kept()) == MANY - len(lost) + 2


def test_the_check_beside_the_work_finds_damage_that_nobody_has_met(path: Path) -> None:
    fill()
    lost = spoil_old_page(path)
    with living(timing=replace(QUICK, check=0)) as now:
        eventually(lambda: now.troubles)
        assert f"{len(lost)} could not be read" in now.troubles[0]
        assert len(now.stored()) == MANY - len(lost)


def test_a_history_in_order_is_checked_without_a_word(path: Path) -> None:
    fill(5)
    with living(timing=replace(QUICK, check=0)) as now:
        eventually(lambda: not checkers())
        assert now.troubles == []
        assert now.history.usable


def checkers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "ipymultichat-history-check"]


def test_what_memory_holds_of_a_damaged_page_is_written_again(path: Path) -> None:
    with living() as now:
        now.put(*[answered(number, text=text(number)) for number in range(MANY)])
        now.flush()
        settle()
        lost = spoil_old_page(path)
        spared = lost.pop()
        for number in lost:
            del now.entries[f"work/request/{number}"]
        with living() as other:  # its own cache does not know the pages
            assert exported(other)
        eventually(lambda: len(now.troubles) == 1)
        now.flush()
        assert set(now.stored()) == {str(n) for n in range(MANY)} - lost
        assert spared in now.stored()


@pytest.mark.parametrize(
    "which",
    [
        pytest.param(lambda path: [0], id="the first page"),
        pytest.param(lambda path: [n for n, page in enumerate(pages(path)) if page[0] == INNER], id="inner pages"),
        pytest.param(lambda path: [1], id="the map of pages"),
        pytest.param(lambda path: [n for n, page in enumerate(pages(path)) if page[0] in (2, 10)], id="indexes"),
    ],
)
@pytest.mark.parametrize("junk", [b"\xa5" * PAGE, b"\x00" * PAGE], ids=["noise", "zeros"])
def test_where_no_page_with_messages_is_damaged_none_is_lost(
    path: Path, which: Callable[[Path], list[int]], junk: bytes
) -> None:
    fill()
    before = kept()
    settle()
    spoil(path, *which(path), junk=junk)
    with living() as now:
        assert len(exported(now)) == MANY
        assert now.stored(MessageFilter(search="message 17.")) == ["17"]
    assert kept() == before


def test_what_waits_is_on_its_way_or_was_begun_survives_with_its_drafts(path: Path) -> None:
    items = (
        message(1, draft=(TextContent("half a thought"),)),
        message(2, status=MessageStatus.SENDING, draft=(TextContent("on its way"),)),
        message(3, text="long " * 5_000, draft=(ImageContent(b"\x89" * 9_000, "image/png"),)),
        chat(4, status=MessageStatus.FAILED, error="gone"),
    )
    with living() as now:
        now.put(*items)
    settle()
    spoil(path, 0)
    with living() as now:
        now.flush()
    assert [entry.message for entry in kept(limit=0)] == [on_disk(item) for item in items]


def test_what_stood_only_in_the_log_beside_the_file_is_saved_too(path: Path) -> None:
    with living() as now:
        now.put(message(1))
        now.flush()
        settle()
        now.put(message(2))
        now.flush()
        now.entries.clear()  # it could not write them again
        spoil(path, 0)
        with living() as other:
            assert other.stored() == ["1", "2"]


def test_what_was_deleted_does_not_come_back(path: Path) -> None:
    fill()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("DELETE FROM messages WHERE status = 'replied'")
    settle()
    spoil(path, 0)
    assert b"Message 17. " in path.read_bytes()
    with living() as now:
        assert now.stored() == [str(MANY - 1)]


@pytest.mark.parametrize("read", [exported, Living.stored], ids=["exported", "paged"])
def test_a_message_whose_text_alone_is_damaged_is_said_and_all_others_are_there(
    path: Path, read: Callable[[Living], list[str]]
) -> None:
    fill(20)
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"Message 7. ', b"\x00Message 7. "))  # SQLite sees nothing wrong in it
    with living() as now:
        assert read(now) == [str(number) for number in range(20) if number != 7]
        assert read(now)
        (trouble,) = now.troubles
        assert "has messages that cannot be read, as what is kept of them is damaged" in trouble


def test_an_attachment_that_cannot_be_read_is_empty_and_its_message_is_there(path: Path) -> None:
    picture = ImageContent(b"\x89" * 3_000, "image/png")
    with living() as now:
        now.put(answered(1, reply=Reply((TextContent("see"), picture), "me", NOON, mine=True)))
    settle()
    number = next(n for n, page in enumerate(pages(path)) if page[0] == LEAF and b"\x89" * 2_000 in page)
    spoil(path, number)
    with living() as now:
        assert exported(now) == ["1"]
        assert "none was lost, and 1 attachments are empty now" in now.troubles[0]
        (entry,) = now.history.entries()
        assert entry.message.reply
        assert entry.message.reply.contents == (TextContent("see"), ImageContent(b"", "image/png"))


def test_a_damaged_index_of_words_is_made_anew_at_once_and_no_message_is_lost(path: Path) -> None:
    with living() as now:
        now.put(*[message(number, f"text {number}") for number in range(50)])
    with closing(connect(path, 1)) as connection:
        if not is_indexed(connection):
            pytest.skip("this SQLite keeps no index of words")
        connection.execute("UPDATE words_data SET block = x'' WHERE id > 10")
    with living() as now:
        assert now.stored(MessageFilter(search="text 7")) == ["7"]
        assert len(now.stored()) == 50
        (trouble,) = now.troubles
        assert "had a damaged index, which was made anew; no message was lost" in trouble
    assert asides(path) == []


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"\x00" * 5_000])
def test_a_file_that_is_no_history_is_set_aside_and_a_new_one_begun(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with living() as now:
        now.put(message(1))
        now.flush()
        assert now.stored() == ["1"]
    (aside,) = asides(path)
    assert aside.read_bytes() == content
    assert len(now.troubles) == 1
    assert f"was damaged: it now stands in {aside.name}" in now.troubles[0]
    assert len(kept()) == 1


def test_what_belongs_to_a_damaged_file_is_set_aside_with_it(tmp_path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"x.sqlite3{suffix}").write_text(suffix)
    name = set_aside(tmp_path / "x.sqlite3")
    assert {found.name: found.read_text() for found in tmp_path.iterdir()} == {
        name + suffix: suffix for suffix in ("", "-wal", "-shm")
    }


def test_two_kernels_that_find_a_damaged_file_repair_it_once_and_both_go_on(path: Path) -> None:
    fill()
    lost = spoil_old_page(path)
    with living() as first, living() as second:
        first.put(message("first"))
        second.put(message("second"))
        assert len(exported(first)) >= MANY - len(lost)
        assert len(second.stored()) >= MANY - len(lost)
        eventually(lambda: second.troubles)
        first.flush()
        second.flush()
        assert {"first", "second"} <= set(first.stored())
    assert len(asides(path)) == 1
    assert len(kept()) == MANY - len(lost) + 2


class NoRoom(sqlite3.Connection):
    """A connection to a disk with no room for a second file."""

    full = True

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run a statement."""
        if self.full and sql == "PRAGMA foreign_keys = OFF":
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(sql, *values)


def test_a_file_that_cannot_be_repaired_yet_is_repaired_later_and_nothing_new_is_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill()
    lost = spoil_old_page(path)
    before = path.read_bytes()
    with living(timing=replace(QUICK, repair=0.05), connect=with_connection(NoRoom)) as now:
        now.put(message("new"))
        now.history.page(None, 1_000, MessageFilter(search="it"))
        with pytest.raises(StoreError, match="it is damaged"):
            exported(now)
        eventually(lambda: now.troubles)
        assert "is damaged, and the disk is full; it is tried again" in now.troubles[0]
        assert path.read_bytes()[:PAGE] == before[:PAGE]
        assert sorted(found.name for found in path.parent.glob("*.new*")) == []
        monkeypatch.setattr(NoRoom, "full", False)
        eventually(lambda: len(now.troubles) == 2)
        now.flush()
        assert len(now.stored()) == MANY - len(lost) + 1


def test_a_kernel_killed_while_the_saved_file_takes_its_place_loses_nothing(path: Path) -> None:
    fill(5)
    path.rename(f"{path}.new")
    assert len(kept()) == 5


class Remembered(sqlite3.Connection):
    """A connection that can be looked at afterwards."""

    made: ClassVar[list[sqlite3.Connection]] = []

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.made.append(self)


def test_a_file_that_is_damaged_again_and_again_is_given_up_said_and_closed(path: Path) -> None:
    fill()
    with living(connect=with_connection(Remembered)) as now:
        for turn in range(5):
            assert now.history.usable
            settle()
            spoil_old_page_again(path, turn)
            assert exported(now)
        spoil_old_page_again(path, 9)
        with pytest.raises(StoreError):
            exported(now)
        eventually(lambda: not now.history.usable)
    assert "is damaged again and again: nothing more is written to it" in now.troubles[-1]
    assert Remembered.made
    for connection in Remembered.made:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


def spoil_old_page_again(path: Path, turn: int) -> None:
    spoil(path, leaf_with(path, f'"Message {100 + 40 * turn}. '))


VALUES: list[tuple[Any, ...]] = [
    (None, 0, 1),
    (-1, 127, -128),
    (2**15, -(2**23), 2**31 - 1),
    (2**47 - 1, -(2**63), 2**63 - 1),
    (1.5, "é\0x", b""),
    ("x" * 5_000, b"y" * 60_000, "z"),
    ("", b"\x00", "w" * 4_050),
]


def test_pages_are_read_as_sqlite_reads_them(tmp_path: Path) -> None:
    with opened(tmp_path / "h.sqlite3") as connection:
        connection.execute("CREATE TABLE odd (a, b, c)")
        connection.execute("CREATE INDEX by_c ON odd (c, a, b, c, a, b)")
        connection.executemany("INSERT INTO odd VALUES (?, ?, ?)", VALUES * 20)
        connection.execute("INSERT INTO odd (rowid, a, b, c) VALUES (-5, 'negative', 0, 0)")
        expected = connection.execute("SELECT rowid, a, b, c FROM odd").fetchall()
    with closing(Pages(tmp_path / "h.sqlite3")) as found:
        rows = [(record.row, *record.values) for record in found.records((3,), ())]
        listed = [record.values[-1] for record in found.records((), (7,))]
    assert sorted(map(repr, rows)) == sorted(map(repr, expected))
    assert sorted(map(str, listed)) == sorted(str(row[0]) for row in expected)
