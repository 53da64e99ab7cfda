"""The living hubs of this process: one per profile, however often a cell runs."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from threading import RLock

from ipymultichat.hub.hub import Hub
from ipymultichat.store import MEMORY

_lock = RLock()
_living: dict[str, Hub] = {}
_holders: dict[int, set[int]] = {}


def acquire(profile: str, holder: object, make: Callable[[], Hub]) -> tuple[Hub, bool]:
    """Join the living hub of a profile, or make it.

    Args:
        profile: ":memory:" gives a new one every time.
        holder: who holds it, until `release`.
        make: makes the hub.

    Returns:
        The hub, and whether it was made now.
    """
    with _lock:
        hub = None if profile == MEMORY else _living.get(profile)
        made = hub is None or hub.closed
        if hub is None or made:
            hub = make()
            if profile != MEMORY:
                _living[profile] = hub
        _holders.setdefault(id(hub), set()).add(id(holder))
        return hub, made


def release(hub: Hub, holder: object) -> None:
    """Leave a hub; the last one closes it."""
    with _lock:
        holders = _holders.get(id(hub), set())
        holders.discard(id(holder))
        if holders:
            return
        _holders.pop(id(hub), None)
        if _living.get(hub.profile) is hub:
            del _living[hub.profile]
    hub.close()


@atexit.register
def _write_what_is_left() -> None:
    """The kernel ends, and does not wait for the threads that write: what came last is written now."""
    for hub in list(_living.values()):
        hub.history.close()
