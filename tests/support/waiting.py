"""Waiting for something to become true, without guessing how long it takes."""

import asyncio
import time


async def until(condition, seconds=10.0):
    """Return once `condition()` is true; fails the test when it does not become true in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (result := condition()):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"did not become true within {seconds} s")
        await asyncio.sleep(0.005)
    return result


def wait_until(condition, seconds=10.0):
    """The same for a test without an event loop."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"did not become true within {seconds} s")
        time.sleep(0.01)
    return result


def left_over(before=frozenset()):
    """Tasks of hubs, pools, links and connections that run on, besides those in `before`."""
    return [
        task
        for task in asyncio.all_tasks() - before
        if any(part in task.get_coro().cr_code.co_filename for part in ("/ipymultichat/net/", "/ipymultichat/hub/"))
    ]
