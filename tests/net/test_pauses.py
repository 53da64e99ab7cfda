import asyncio
import time

from waiting import until

from ipymultichat.net.pauses import PauseDetector


async def test_a_blocked_loop_is_noticed_with_its_length(monkeypatch):
    monkeypatch.setattr("ipymultichat.net.pauses._TICK", 0.01)
    monkeypatch.setattr("ipymultichat.net.pauses._BLOCKED", 0.1)
    gaps = []
    watch = PauseDetector(lambda seconds, slept: gaps.append((seconds, slept)))
    await asyncio.sleep(0.05)
    assert gaps == []
    time.sleep(0.3)  # noqa: ASYNC251  (this is the blocking cell)
    await until(lambda: gaps)
    watch.stop()
    ((seconds, slept),) = gaps
    assert 0.2 < seconds < 2
    assert not slept


async def test_a_sleeping_machine_is_noticed_by_its_wall_clock(monkeypatch):
    monkeypatch.setattr("ipymultichat.net.pauses._TICK", 0.01)
    asleep = 0.0
    gaps = []
    watch = PauseDetector(lambda seconds, slept: gaps.append((seconds, slept)), clock=lambda: time.time() + asleep)
    await asyncio.sleep(0.03)
    asleep = 3600.0
    await until(lambda: gaps)
    watch.stop()
    ((seconds, slept),) = gaps
    assert slept
    assert 3590 < seconds < 3610
