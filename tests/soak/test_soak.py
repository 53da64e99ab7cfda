"""A few of the schedules that `make soak` runs by the hundred."""

import pytest
from soak import run_seed


@pytest.mark.parametrize("servers", ["plain", "quirks", "durable"])
@pytest.mark.parametrize("seed", range(1000, 1006))
def test_nothing_is_lost_doubled_misrouted_or_leaked(seed: int, servers: str) -> None:
    report = run_seed(seed, quirks=servers == "quirks", durable=servers == "durable")
    assert report.problems == []
    assert report.counts["agents answered"] > 0
