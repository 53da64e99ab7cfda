"""Real server processes, killed while agents wait; `make kills` does the same for longer."""

import kills
import pytest


@pytest.mark.timeout(120)
async def test_a_server_killed_amid_forty_questions_loses_none_and_doubles_none() -> None:
    tally = await kills.killed_on_sqlite(40)
    assert tally.problems() == []
    assert len(tally.answers) == 40


@pytest.mark.timeout(180)
async def test_servers_killed_behind_a_balancer_and_a_database_that_falls_lose_nothing_and_tell_no_lie() -> None:
    tally = await kills.killed_on_postgres(agents=15, seconds=5, database_falls=1)
    assert tally.problems() == []
    assert len(tally.answers) >= 15
