import time

import pytest
from waiting import until

from ipymultichat.net.pauses import PauseDetector


def detector() -> tuple[PauseDetector, list[float], list[tuple[float, bool]]]:
    """A running one, the times at which it looked at the clock, and what it noticed."""
    looks: list[float] = []
    gaps: list[tuple[float, bool]] = []

    def clock() -> float:
        looks.append(time.time())
        return looks[-1]

    return PauseDetector(lambda seconds, slept: gaps.append((seconds, slept)), clock), looks, gaps


async def test_a_blocked_loop_is_noticed_with_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipymultichat.net.pauses._TICK", 0.01)
    monkeypatch.setattr("ipymultichat.net.pauses._BLOCKED", 0.1)
    watch, looks, gaps = detector()
    await until(lambda: len(looks) > 4)
    gaps.clear()  # the tests beside this one may have held up the loop
    time.sleep(0.3)  # noqa: ASYNC251  (this is the blocking cell)
    await until(lambda: gaps)
    watch.stop()
    seconds, slept = gaps[0]
    assert seconds > 0.2
    assert not slept


async def test_a_loop_that_runs_is_not_spoken_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipymultichat.net.pauses._TICK", 0.001)
    watch, looks, gaps = detector()
    await until(lambda: len(looks) > 20)
    watch.stop()
    assert gaps == []


async def test_a_sleeping_machine_is_noticed_by_its_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipymultichat.net.pauses._TICK", 0.01)
    asleep = 0.0
    gaps: list[tuple[float, bool]] = []
    watch = PauseDetector(lambda seconds, slept: gaps.append((seconds, slept)), lambda: time.time() + asleep)
    asleep = 3600.0
    await until(lambda: gaps)
    watch.stop()
    ((seconds, slept),) = gaps
    assert slept
    assert seconds == pytest.approx(3600, abs=60)
