"""Waiting for something to become true, without guessing how long it takes."""

import asyncio
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar

T = TypeVar("T")


async def until(condition: Callable[[], T | None], seconds: float = 10.0) -> T:
    """Return once `condition()` is true; fails the test when it does not become true in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (result := condition()):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"did not become true within {seconds} s")
        await asyncio.sleep(0.005)
    return result


def wait_until(condition: Callable[[], T | None], seconds: float = 10.0) -> T:
    """The same for a test without an event loop."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"did not become true within {seconds} s")
        time.sleep(0.01)
    return result


def left_over(before: AbstractSet[asyncio.Task[Any]] = frozenset()) -> list[asyncio.Task[Any]]:
    """Tasks of hubs, pools, links and connections that run on, besides those in `before`."""
    ours = ("/ipymultichat/net/", "/ipymultichat/hub/")
    return [task for task in asyncio.all_tasks() - before if any(part in _file_of(task) for part in ours)]


def _file_of(task: asyncio.Task[Any]) -> str:
    coroutine: Any = task.get_coro()
    return str(coroutine.cr_code.co_filename)
