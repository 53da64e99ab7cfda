from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from histories import NOON, answered, chat, message, opened

from ipymultichat.model import Entry, ImageContent, Message, MessageStatus, Reply, Retention, TextContent
from ipymultichat.store.database import connect, is_indexed, migrate, transaction
from ipymultichat.store.pruning import Pruner, bytes_in_use
from ipymultichat.store.queries import MessageTable

DAY = 86_400
MEBIBYTE = 2**20


class Clock:
    """Seconds since the epoch, as a test wants them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class File:
    """An open history and its messages, written and pruned when a test says so."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.table = MessageTable(connection)
        self.clock = Clock()
        self.steady = Clock()
        self.keep()

    def keep(self, days: float = 0, mebibytes: int = 0) -> None:
        """Have a pruner that keeps so much."""
        self.pruner = Pruner(Retention(days=days, mebibytes=mebibytes), self.clock, self.steady)
        self.told: list[str] = []

    def wait(self, seconds: float) -> None:
        """Let time pass, by both clocks."""
        self.clock.now += seconds
        self.steady.now += seconds

    def write(self, *items: Message) -> None:
        """Add messages; a number makes the order."""
        entries = [Entry((int(item.request_id), 0), item, unread=False) for item in items]
        with transaction(self.connection):
            self.table.write(entries)
            self.pruner.written(self.connection, cleared=False)

    def one_a_day(self, days: int) -> None:
        """Add one message for each of the first days since the epoch."""
        self.table.write([Entry((day * DAY * 1000, day), answered(day), unread=False) for day in range(days)])

    def prune(self) -> int:
        """Prune until there is nothing to do; returns in how many steps."""
        steps = 0
        while self.pruner.rest() <= 0:
            self.told += filter(None, [self.pruner.step(self.connection)])
            steps += 1
        return steps

    def numbers(self) -> list[int]:
        return [int(entry.message.request_id) for entry in self.table.entries(None)]

    def bytes(self) -> int:
        """How large the file is, used or not."""
        sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        return int(self.connection.execute(sql).fetchone()[0])


@pytest.fixture
def file(tmp_path: Path) -> Iterator[File]:
    """An empty history."""
    with opened(tmp_path / "h.sqlite3") as connection:
        yield File(connection)


def big(number: int) -> Message:
    """An answer with a picture of 50 KiB."""
    picture = ImageContent(bytes([number % 256]) * 50 * 1024, "image/png")
    return answered(number, reply=Reply((picture,), "me", NOON, mine=True))


def test_messages_older_than_wanted_are_deleted_at_the_start(file: File) -> None:
    file.one_a_day(10)
    file.clock.now = 10 * DAY
    file.keep(days=3.5)
    file.prune()
    assert file.numbers() == [7, 8, 9]


def test_nothing_is_deleted_on_the_word_of_a_clock_that_jumped_ahead(file: File) -> None:
    file.one_a_day(40)
    file.clock.now = 39.5 * DAY
    file.keep(days=30)
    file.prune()
    assert file.numbers() == list(range(10, 40))
    file.clock.now += 5 * 365 * DAY
    file.prune()
    file.wait(3_600)
    file.prune()
    assert file.numbers() == list(range(10, 40))
    (told,) = file.told
    assert told.startswith("keeps for now what is older than 30 days: hardly a message bears out that it is 1975-02-08")


def test_a_clock_that_is_ahead_from_the_start_deletes_nothing_either(file: File) -> None:
    file.one_a_day(40)
    file.clock.now = 2_000 * DAY
    file.keep(days=30)
    file.prune()
    assert len(file.numbers()) == 40


def test_what_is_too_old_is_deleted_once_messages_of_three_days_have_come(file: File) -> None:
    file.one_a_day(40)
    file.clock.now = 2_000 * DAY
    file.keep(days=30)
    for day in (2_000, 2_001, 2_002):
        file.prune()
        assert 0 in file.numbers()
        file.clock.now = day * DAY + 10
        file.steady.now = (day - 2_000) * DAY / 10  # the machine sleeps most of the time
        file.table.write([Entry((day * DAY * 1000, day), answered(day), unread=False)])
    file.wait(3_600)
    file.prune()
    assert file.numbers() == [2_000, 2_001, 2_002]


def test_what_is_too_old_is_deleted_once_the_clock_has_run_on_for_three_days(file: File) -> None:
    file.one_a_day(40)
    file.keep(days=30)
    file.clock.now = 2_000 * DAY
    file.prune()
    file.wait(3 * DAY - 10)
    file.prune()
    assert len(file.numbers()) == 40
    file.wait(3_600)
    file.prune()
    assert file.numbers() == []


def test_a_clock_that_was_doubted_and_set_right_can_be_doubted_again(file: File) -> None:
    file.one_a_day(40)
    file.keep(days=30)
    for _turn in range(2):
        file.clock.now = 2_000 * DAY
        file.prune()
        file.clock.now = 39 * DAY
        file.prune()
    assert len(file.told) == 2


def test_nothing_is_deleted_for_its_age_unless_wanted(file: File) -> None:
    file.one_a_day(10)
    file.clock.now = 10_000 * DAY
    file.keep(days=0)
    file.prune()
    assert len(file.numbers()) == 10


def test_what_is_not_over_is_never_deleted(file: File) -> None:
    waiting = (message(1), chat(2, status=MessageStatus.FAILED), message(3, status=MessageStatus.SENDING))
    file.write(*waiting, answered(4), message(5, draft=(TextContent("x" * 2 * MEBIBYTE),)))
    file.clock.now = 1_000 * DAY
    file.keep(days=1, mebibytes=1)
    file.prune()
    assert file.numbers() == [1, 2, 3, 5]


def test_age_is_looked_at_once_an_hour_even_when_the_clock_is_set_back(file: File) -> None:
    file.keep(days=1)
    file.one_a_day(3)
    assert file.prune()
    assert file.numbers() == [0, 1, 2]
    file.clock.now = 2.5 * DAY
    assert file.prune()
    assert file.numbers() == [2]
    file.clock.now += 3_599
    assert file.prune() == 0
    assert 0 < file.pruner.rest() <= 1
    file.clock.now += 1
    assert file.prune()
    file.clock.now -= DAY
    assert file.prune()


def test_other_retention_counts_at_once(file: File) -> None:
    file.one_a_day(10)
    file.clock.now = 10 * DAY
    file.prune()
    file.pruner.set_retention(Retention(days=2.5))
    file.prune()
    assert file.numbers() == [8, 9]


def test_the_oldest_are_deleted_when_the_file_grows_too_large_and_the_room_is_given_back(file: File) -> None:
    file.keep(mebibytes=2)
    for start in range(0, 120, 20):
        file.write(*[big(number) for number in range(start, start + 20)])
        file.prune()
        assert bytes_in_use(file.connection) <= 2 * MEBIBYTE
    left = file.numbers()
    assert left == list(range(120))[-len(left) :]
    assert len(left) > 25
    assert file.bytes() < 2.1 * MEBIBYTE


@pytest.mark.parametrize("limit", [8, 0], ids=["a limit that is not reached", "no limit"])
def test_a_file_that_is_not_too_large_keeps_everything(file: File, limit: int) -> None:
    file.keep(mebibytes=limit)
    file.write(*[big(number) for number in range(100)])
    file.prune()
    assert len(file.numbers()) == 100


def test_texts_leave_with_what_the_index_has_of_them(file: File) -> None:
    for start in range(0, 1_500, 500):
        numbers = range(start, start + 500)
        file.write(*[answered(n, text=f"{n} " + " ".join(str(n * k) for k in range(200))) for n in numbers])
    before = bytes_in_use(file.connection)
    assert before > 2 * MEBIBYTE
    file.keep(mebibytes=1)
    file.prune()
    left = file.numbers()
    assert left == list(range(1_500))[-len(left) :]
    share = MEBIBYTE / before
    assert 0.7 * share < len(left) / 1_500 < 1.1 * share
    assert bytes_in_use(file.connection) < 1.2 * MEBIBYTE
    if is_indexed(file.connection):
        file.connection.execute("INSERT INTO words(words) VALUES ('integrity-check')")


def test_clearing_gives_the_room_back(file: File) -> None:
    file.write(*[big(number) for number in range(50)])
    file.prune()
    with transaction(file.connection):
        file.table.clear([])
        file.pruner.written(file.connection, cleared=True)
    file.prune()
    assert file.bytes() < 200_000


def test_where_everything_waits_it_is_not_pruned_at_every_message(file: File) -> None:
    file.keep(mebibytes=1)
    file.write(*[message(number, draft=(TextContent("x" * 100_000),)) for number in range(20)])
    assert file.prune()
    for number in range(20, 30):
        file.write(message(number))
        assert file.prune() == 0
    assert len(file.numbers()) == 30


def test_much_is_deleted_in_steps_between_which_others_can_read(file: File) -> None:
    file.one_a_day(2_000)
    file.keep(days=1)
    file.wait(5_000 * DAY)
    left = []
    while file.pruner.rest() <= 0:
        file.pruner.step(file.connection)
        left.append(len(file.numbers()))
    assert left[:10] == list(range(1_800, -1, -200))


class Failing(sqlite3.Connection):
    """A connection to a file that another program holds."""

    fails = False

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run a statement."""
        if self.fails and sql == "BEGIN IMMEDIATE":
            raise sqlite3.OperationalError("database is locked")
        return super().execute(sql, *values)


def test_what_could_not_be_deleted_is_deleted_an_hour_later(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite3"
    path.touch()
    with closing(connect(path, 1, Failing)) as connection:
        migrate(connection)
        file = File(connection)
        file.one_a_day(3)
        file.keep(days=1)
        file.wait(10 * DAY)
        assert isinstance(connection, Failing)
        connection.fails = True
        with pytest.raises(sqlite3.OperationalError):
            file.pruner.step(connection)
        assert file.pruner.rest() > 3_500
        connection.fails = False
        file.clock.now += 3_600
        file.prune()
        assert file.numbers() == []
