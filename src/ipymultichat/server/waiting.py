"""What waits for people, as one process knows it: a copy of the store's rows, and how much of it there may be."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from ipymultichat.server.effects import Pending, Refused
from ipymultichat.server.limits import Limits
from ipymultichat.server.stores.record import AnyRequest, Key, Record

REMEMBERED = 10_000
"""Requests that have ended of which the version is still known: what is older must not bring them back."""


class Waiting:
    """The requests that wait, and the answers that are kept for agents that were away.

    Args:
        limits: see `Limits`.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._pending: dict[Key, Pending] = {}
        self._kept: dict[Key, Record] = {}
        self._ended: dict[Key, int] = {}
        self._counts: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._dues: list[tuple[int, Key]] = []

    def __iter__(self) -> Iterator[Pending]:
        return iter(self._pending.values())

    def __len__(self) -> int:
        return len(self._pending)

    def get(self, key: Key) -> Pending | None:
        """Return a request that waits."""
        return self._pending.get(key)

    def version(self, key: Key) -> int:
        """Return the version of a request that is known; -1 for none."""
        pending = self._pending.get(key)
        return pending.record.version if pending is not None else self._ended.get(key, -1)

    def of(self, team: str) -> Iterator[Pending]:
        """Yield the requests that wait for a team, oldest first."""
        return (pending for pending in self._pending.values() if pending.team == team)

    def kept_for(self, team: str, *, fetched: bool) -> list[str]:
        """Return the ids of the kept answers of a team that were fetched, or were not."""
        kept = (record for record in self._kept.values() if record.team == team)
        return [record.request_id for record in kept if (record.fetched_ms is not None) is fetched]

    def take(self, record: Record, request: AnyRequest | None = None) -> bool:
        """Note what a row says, and what it asks; return False where that is older than what is known."""
        before = self._pending.get(record.key)
        if record.version <= self.version(record.key):
            return False
        if record.state == "waiting":
            self._ended.pop(record.key, None)
            self._kept.pop(record.key, None)
            if before is not None and before.record.digest == record.digest:
                before.record = record.without_request()
            else:
                self._remove(before)
                self._add(record, request or record.parsed_request())
            self._expect(record)
        else:
            self._remove(before)
            self._ended[record.key] = record.version
            if len(self._ended) > REMEMBERED:
                del self._ended[next(iter(self._ended))]
            if record.kept:
                self._kept[record.key] = replace(record, request=b"", response=b"")
        return True

    def forget(self, key: Key) -> None:
        """Forget an answer that the store has deleted."""
        self._kept.pop(key, None)

    def next_due_ms(self) -> int | None:
        """Return when the next request ends by itself, milliseconds since the epoch."""
        while self._dues:
            due_ms, key = self._dues[0]
            pending = self._pending.get(key)
            if pending is not None and pending.record.due_ms == due_ms:
                return due_ms
            heapq.heappop(self._dues)
        return None

    def refusal(self, record: Record) -> Refused | None:
        """Say why there is no room for one more request, or None."""
        most = self.limits
        if self._counts[record.team] >= most.max_pending:
            return Refused("resource_exhausted", f"{most.max_pending} requests wait for this token already")
        size = len(record.request)
        if size + self._bytes[record.team] > most.max_waiting:
            return Refused(
                "resource_exhausted", f"the requests of a token may have {most.max_waiting} bytes while they wait"
            )
        if size + self._bytes.total() > most.max_waiting_in_all:
            return Refused("resource_exhausted", "too much waits for answers on this server, try again later")
        return None

    def reserve(self, record: Record) -> None:
        """Count a request that is on its way into the store; `release` it in any case."""
        self._counts[record.team] += 1
        self._bytes[record.team] += len(record.request)

    def release(self, record: Record) -> None:
        """Count a request on its own no longer."""
        self._uncount(record.team, len(record.request))

    def _expect(self, record: Record) -> None:
        if len(self._dues) > 2 * len(self._pending) + 1000:  # most of them were answered long before
            self._dues = [(pending.record.due_ms, pending.record.key) for pending in self]
            heapq.heapify(self._dues)
        heapq.heappush(self._dues, (record.due_ms, record.key))

    def _add(self, record: Record, request: AnyRequest) -> None:
        self._pending[record.key] = Pending(record.without_request(), request, len(record.request))
        self.reserve(record)

    def _remove(self, pending: Pending | None) -> None:
        if pending is None:
            return
        del self._pending[pending.record.key]
        self._uncount(pending.team, pending.size)

    def _uncount(self, team: str, size: int) -> None:
        self._counts[team] -= 1
        self._bytes[team] -= size
        if not self._counts[team]:
            del self._counts[team], self._bytes[team]
