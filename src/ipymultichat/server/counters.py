"""How much has happened in one server process, since it was started; see `metrics` for how it is told."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from ipymultichat.server.stores.record import Record

BUCKETS = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 14_400, 86_400)
"""Seconds up to which answers are counted together: people take from moments to a day."""


@dataclass
class Counters:
    """Plain numbers, for they are counted on the way of every request. Where processes share a store, each counts what
    was done in it, so that sums over them are right.

    Attributes:
        asked: requests that were taken in.
        answered: those that a person answered.
        timed_out: those whose time was over.
        cancelled: those that were withdrawn, or whose agent did not come back.
        kept: answers that found their agent away.
        fetched: recorded answers that were handed to who asked again.
        refused: requests that were refused by a limit.
        store_failures: tries of the store that failed.
        answer_seconds: how many answers took longer than the bucket before, and not longer than this one.
        answer_seconds_sum: how long all of them took.
    """

    asked: int = 0
    answered: int = 0
    timed_out: int = 0
    cancelled: int = 0
    kept: int = 0
    fetched: int = 0
    refused: int = 0
    store_failures: int = 0
    answer_seconds: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    answer_seconds_sum: float = 0.0

    def ended(self, record: Record) -> None:
        """Count a request that has ended here."""
        if record.state == "timeout":
            self.timed_out += 1
        elif record.state == "cancelled":
            self.cancelled += 1
        elif record.state == "answered":
            seconds = max((record.ended_ms or record.created_ms) - record.created_ms, 0) / 1000
            self.answered += 1
            self.kept += record.kept
            self.answer_seconds[bisect_left(BUCKETS, seconds)] += 1
            self.answer_seconds_sum += seconds
