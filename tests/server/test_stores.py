"""What every store must hold to."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ipymultichat.server.stores.opening import make_store
from ipymultichat.server.stores.port import Store
from ipymultichat.server.stores.record import DETACHED, Record

NOW = 1_750_000_000_000
ADA, BOB = ("ada", "client-ada"), ("bob", "client-bob")


@pytest.fixture
async def store(any_store: str) -> AsyncIterator[Store]:
    opened = make_store(any_store)
    await opened.open("p1", NOW, NOW + 1000)
    yield opened
    await opened.close()


def record(request_id: str = "q1", *, at: int = NOW, digest: str = "d1", waiter: str = "p1", team: str = "t") -> Record:
    return Record(
        team=team,
        request_id=request_id,
        kind="AskQuestion",
        request=b"asked \0\xff",
        digest=digest,
        created_ms=at,
        deadline_ms=at + 60_000,
        version=at,
        waiter=waiter,
    )


async def test_a_request_that_is_taken_in_can_be_read_as_it_was(store: Store) -> None:
    asked = record("ünïcode \0 id")
    assert await store.ask(asked, insert=True) == asked
    assert await store.read(asked.key) == asked
    assert await store.read(("other", asked.request_id)) is None
    assert await store.open_records() == [asked]


async def test_the_same_id_and_content_joins_what_waits(store: Store) -> None:
    await store.ask(record(waiter="p0"), insert=True)
    joined = await store.ask(record(at=NOW + 500), insert=True)
    assert joined is not None
    assert (joined.waiter, joined.state, joined.created_ms) == ("p1", "waiting", NOW)
    assert joined.version > NOW


async def test_the_same_id_with_other_content_changes_nothing(store: Store) -> None:
    first = record()
    await store.ask(first, insert=True)
    assert await store.ask(record(digest="d2"), insert=True) == first
    await store.answer(first.key, "d1", b"yes", ADA, NOW)
    found = await store.ask(record(digest="d2"), insert=True)
    assert found is not None
    assert (found.digest, found.fetched_ms) == ("d1", None)


async def test_an_id_belongs_to_its_team(store: Store) -> None:
    await store.ask(record(digest="d1"), insert=True)
    other = await store.ask(record(digest="d2", team="u"), insert=True)
    assert other is not None
    assert other.digest == "d2"


async def test_nothing_new_is_taken_in_unless_it_may_be(store: Store) -> None:
    assert await store.ask(record(), insert=False) is None
    assert await store.read(record().key) is None
    await store.ask(record(), insert=True)
    joined = await store.ask(record(waiter="p9"), insert=False)
    assert joined is not None
    assert joined.waiter == "p9"


async def test_a_recorded_answer_is_returned_to_whoever_asks_the_same_again(store: Store) -> None:
    await store.ask(record(), insert=True)
    await store.answer(record().key, "d1", b"yes", ADA, NOW + 1)
    for later in (10, 20):
        again = await store.ask(record(at=NOW + later), insert=False)
        assert again is not None
        assert (again.state, again.response, again.answered_by, again.answerer) == ("answered", b"yes", *ADA)
        assert again.fetched_ms == NOW + 10  # when it was fetched first


async def test_the_first_answer_wins_and_the_second_learns_whose_it_was(store: Store) -> None:
    await store.ask(record(), insert=True)
    first, second = await asyncio.gather(
        store.answer(record().key, "d1", b"yes", ADA, NOW), store.answer(record().key, "d1", b"no", BOB, NOW)
    )
    assert first is not None
    assert first == second
    assert (first.response, first.answered_by) in [(b"yes", "ada"), (b"no", "bob")]


async def test_an_answer_to_something_else_or_to_nothing_counts_for_nothing(store: Store) -> None:
    await store.ask(record(), insert=True)
    assert await store.answer(("t", "unknown"), "d1", b"yes", ADA, NOW) is None
    found = await store.answer(record().key, "d0", b"yes", ADA, NOW)
    assert found is not None
    assert found.state == "waiting"


async def test_a_request_ends_once(store: Store) -> None:
    await store.ask(record(), insert=True)
    ended = await store.end(record().key, "cancelled", NOW + 5)
    assert ended is not None
    assert (ended.state, ended.ended_ms) == ("cancelled", NOW + 5)
    assert await store.end(record().key, "cancelled", NOW + 6) is None
    found = await store.answer(record().key, "d1", b"yes", ADA, NOW + 7)
    assert found is not None
    assert found.state == "cancelled"


async def test_an_id_whose_request_ended_without_an_answer_may_be_used_for_anything(store: Store) -> None:
    first = record()
    await store.ask(first, insert=True)
    await store.end(first.key, "timeout", NOW)
    assert await store.ask(record(digest="d2"), insert=False) is None
    again = await store.ask(record(digest="d2"), insert=True)
    assert again is not None
    assert (again.state, again.digest, again.ended_ms) == ("waiting", "d2", None)
    assert again.version > first.version + 1


async def test_only_the_one_who_waits_can_leave_and_whoever_comes_back_ends_that(store: Store) -> None:
    await store.ask(record(), insert=True)
    assert await store.leave(record().key, "p2", NOW + 9) is None
    left = await store.leave(record().key, "p1", NOW + 9)
    assert left is not None
    assert (left.waiter, left.away_until_ms, left.due_ms) == ("", NOW + 9, NOW + 9)
    back = await store.join(record().key, "p1")
    assert back is not None
    assert (back.waiter, back.away_until_ms, back.due_ms) == ("p1", None, NOW + 60_000)


async def test_an_answer_is_kept_when_nobody_waits_for_it(store: Store) -> None:
    for request_id in ("here", "away", "missed"):
        await store.ask(record(request_id), insert=True)
    await store.leave(("t", "away"), "p1", NOW + 9)
    for request_id in ("here", "away", "missed"):
        await store.answer(("t", request_id), "d1", b"yes", ADA, NOW)
    missed = await store.keep(("t", "missed"))
    assert missed is not None
    assert missed.kept
    assert await store.keep(("t", "missed")) is None
    assert {found.request_id for found in await store.open_records()} == {"away", "missed"}


async def test_a_request_that_was_left_with_its_id_waits_for_its_whole_time_and_its_answer_is_kept(
    store: Store, any_store: str
) -> None:
    await store.ask(record(), insert=True)
    await store.join(record().key, DETACHED)
    if store.durable:
        await store.close()
        await store.open("p2", NOW, NOW + 1)
    assert await store.due(NOW + 59_999) == []
    answered = await store.answer(record().key, "d1", b"yes", ADA, NOW)
    assert answered is not None
    assert (answered.state, answered.kept) == ("answered", True)


async def test_what_is_due_ends_once_and_as_what_it_is(store: Store) -> None:
    for request_id in ("old", "away", "young"):
        await store.ask(record(request_id, at=NOW + 60_000 * (request_id == "young")), insert=True)
    await store.leave(("t", "away"), "p1", NOW + 9)
    assert [found.request_id for found in await store.due(NOW + 9)] == ["away"]
    both = await asyncio.gather(store.due(NOW + 60_000), store.due(NOW + 60_000))
    assert [(found.request_id, found.state) for found in both[0] + both[1]] == [("old", "timeout")]
    away = await store.read(("t", "away"))
    assert away is not None
    assert away.state == "cancelled"
    assert await store.versions() == {("t", "young"): NOW + 60_000}


async def test_what_is_over_is_forgotten_by_age_and_by_size(store: Store) -> None:
    for number, request_id in enumerate(("a", "b", "c", "gone")):
        await store.ask(record(request_id), insert=True)
        if request_id == "gone":
            await store.end(("t", "gone"), "timeout", NOW)
        else:
            await store.answer(("t", request_id), "d1", b"x" * 100, ADA, NOW + number)
    await store.ask(record("waits"), insert=True)
    assert await store.forget(NOW + 1, NOW, 10_000) == [("t", "a")]
    assert await store.read(("t", "gone")) is not None
    assert await store.forget(NOW, NOW + 1, 150) == [("t", "b")]
    assert await store.read(("t", "gone")) is None
    assert await store.read(("t", "c")) is not None
    assert await store.read(("t", "waits")) is not None


async def test_everything_can_be_moved_to_another_store(store: Store) -> None:
    for number in range(120):
        await store.ask(record(f"q{number}", at=NOW + number // 7), insert=True)
    await store.answer(("t", "q5"), "d1", b"yes", ADA, NOW)
    moved = [found async for found in store.records()]
    assert len(moved) == 120
    other = make_store("memory:")
    await other.open("p1", NOW, NOW)
    assert await other.put(moved) == 120
    assert await other.put([replace(moved[0], digest="d9")]) == 0
    assert [found async for found in other.records()] == moved
    await other.close()


async def test_a_closed_store_says_so(any_store: str) -> None:
    closed = make_store(any_store)
    await closed.open("p1", NOW, NOW)
    await closed.close()
    await closed.close()
    with pytest.raises(Exception, match="is closed"):
        await closed.read(("t", "q1"))
