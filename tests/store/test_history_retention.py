import sqlite3
from contextlib import closing

import pytest
from histories import NOON, answered, chat, eventually, kept, living, message

from ipymultichat.model import ImageContent, MessageFilter, MessageStatus, Reply, TextContent
from ipymultichat.store import Retention, history_path, schema, shelf

DAY = 86_400


class Clock:
    """Seconds since the epoch, as a test wants them."""

    def __init__(self, now=0.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def numbers(now):
    entries, _more = now.history.page(None, 10_000, MessageFilter()).result(10)
    return [int(entry.message.request_id) for entry in entries]


def one_a_day(now, days):
    for day in range(days):
        now.place(answered(day), (day * DAY * 1000, day))
    now.flush()


def idle(now):
    """Wait until nothing more leaves."""
    writer = now.history._writer
    eventually(lambda: writer._keeper.rest() and writer.backlog.empty())


def size():
    """Bytes of the file that are in use, and those of the file."""
    with closing(sqlite3.connect(history_path("default"))) as connection:
        pages, free, page = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * page, pages * page


def big(number):
    picture = ImageContent(bytes([number % 256]) * 50 * 1024, "image/png")
    return message(number, status=MessageStatus.REPLIED, reply=Reply((picture,), "me", NOON, mine=True))


def test_messages_older_than_wanted_leave_at_the_start(clock):
    with living() as now:
        one_a_day(now, 10)
    clock.now = 10 * DAY
    with living(clock=clock, retention=Retention(days=3.5)) as now:
        idle(now)
        assert numbers(now) == [7, 8, 9]


def test_nothing_leaves_by_age_unless_wanted(clock):
    clock.now = 10_000 * DAY
    with living(clock=clock, retention=Retention()) as now:
        one_a_day(now, 10)
        idle(now)
        assert len(numbers(now)) == 10


def test_what_is_not_over_never_leaves(clock):
    clock.now = 1_000 * DAY
    with living(clock=clock, retention=Retention(days=1, mebibytes=1)) as now:
        now.place(message(1), (0, 1))
        now.place(chat(2, status=MessageStatus.FAILED), (0, 2))
        now.place(message(3, status=MessageStatus.SENDING), (0, 3))
        now.place(answered(4), (0, 4))
        now.flush()
        now.history.set_retention(Retention(days=2, mebibytes=1))
        idle(now)
        assert numbers(now) == [1, 2, 3]


def test_age_is_looked_at_once_an_hour_even_when_the_clock_is_set_back(clock):
    with living(clock=clock, retention=Retention(days=1)) as now:
        one_a_day(now, 3)
        idle(now)
        assert len(numbers(now)) == 3
        clock.now = 2.5 * DAY
        now.put(message(100))
        now.flush()
        idle(now)
        assert numbers(now) == [100, 2]
        clock.now = 2.2 * DAY
        now.place(answered(101), (DAY * 1000, 1))
        now.flush()
        idle(now)
        assert numbers(now) == [100, 2]


def test_another_wish_is_met_at_once(clock):
    clock.now = 10 * DAY
    with living(clock=clock) as now:
        one_a_day(now, 10)
        now.history.set_retention(Retention(days=2.5))
        idle(now)
        assert numbers(now) == [8, 9]


def test_the_oldest_leave_when_the_file_grows_too_large_and_the_room_is_given_back(clock):
    with living(clock=clock, retention=Retention(mebibytes=2)) as now:
        for start in range(0, 120, 20):
            now.put(*[big(number) for number in range(start, start + 20)])
            now.flush()
            idle(now)
            assert size()[0] <= 2 * 2**20
        left = numbers(now)
        assert left == list(range(120))[-len(left) :]
        assert len(left) > 25
    assert size()[1] < 2.1 * 2**20


def test_a_file_that_is_not_too_large_keeps_everything(clock):
    with living(clock=clock, retention=Retention(mebibytes=8)) as now:
        now.put(*[big(number) for number in range(100)])
        now.flush()
        idle(now)
        assert len(numbers(now)) == 100


def test_without_a_limit_the_file_grows(clock):
    with living(clock=clock, retention=Retention(mebibytes=0)) as now:
        now.put(*[big(number) for number in range(100)])
        now.flush()
        idle(now)
        assert len(numbers(now)) == 100


def test_texts_leave_with_what_the_index_has_of_them(clock):
    with living(clock=clock, retention=Retention(mebibytes=0)) as now:
        now.put(*[answered(n, text=f"{n} " + " ".join(str(n * k) for k in range(200))) for n in range(1_500)])
        now.flush()
        before = size()[0]
        assert before > 2 * 2**20
        now.history.set_retention(Retention(mebibytes=1))
        idle(now)
        left = numbers(now)
        assert left == list(range(1_500))[-len(left) :]
        share = 2**20 / before
        assert 0.7 * share < len(left) / 1_500 < 1.1 * share
        assert size()[0] < 1.2 * 2**20
        with closing(schema.connect(history_path("default"), 5)) as connection:
            connection.execute("INSERT INTO words(words) VALUES ('integrity-check')")


def test_clearing_gives_the_room_back(clock):
    with living(clock=clock) as now:
        now.put(*[big(number) for number in range(50)])
        now.flush()
        now.entries.clear()
        now.history.clear()
        now.flush()
        idle(now)
    assert size()[1] < 200_000


def test_where_everything_waits_it_is_not_looked_for_room_at_every_message(clock, monkeypatch):
    looks = []
    monkeypatch.setattr(shelf.Shelf, "drop_oldest", lambda self, weight, limit: looks.append(weight) or 0)
    with living(clock=clock, retention=Retention(mebibytes=1)) as now:
        now.put(*[message(n, draft=(TextContent("x" * 100_000),)) for n in range(20)])
        now.flush()
        idle(now)
        assert len(looks) == 1
        for number in range(20, 30):
            now.put(message(number))
            now.flush()
            idle(now)
        assert len(looks) == 1
        assert len(numbers(now)) == 30


def test_reading_goes_on_while_messages_leave(clock):
    clock.now = 5_000 * DAY
    with living(clock=clock, retention=Retention(mebibytes=0)) as now:
        one_a_day(now, 2_000)
        now.history.set_retention(Retention(days=1))
        seen = set()

        def gone():
            count = len(numbers(now))
            seen.add(count)
            return not count

        eventually(gone)
        assert len(seen) > 2
    assert kept() == []
