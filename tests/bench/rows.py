"""A row of the benchmarks' table: what was found, and whether that is what was wanted."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

ROUNDS = 5


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Args:
        number: in the table, with a letter where there are several.
        work: what was done.
        unit: of the numbers.
        ours: one number for each round.
        limit: the goal for the ratio of ours to the baseline's, or for ours where there is no baseline.
        baseline: what it is compared with, one number for each round of the same run.
        against: what the baseline is.
        at_least: whether the goal is a lower bound.
    """

    number: str
    work: str
    unit: str
    ours: list[float]
    limit: float
    baseline: list[float] = field(default_factory=list)
    against: str = ""
    at_least: bool = False

    @property
    def values(self) -> list[float]:
        """What is held against the goal, one for each round."""
        if not self.baseline:
            return self.ours
        return [mine / theirs for mine, theirs in zip(self.ours, self.baseline, strict=True)]

    @property
    def met(self) -> bool:
        """Whether the median meets the goal."""
        value = statistics.median(self.values)
        return value >= self.limit if self.at_least else value <= self.limit

    def cells(self) -> list[str]:
        """The cells of the table's row."""
        mine, theirs = _number(statistics.median(self.ours)), "–"
        if self.baseline:
            theirs = f"{self.against}: {_number(statistics.median(self.baseline))} {self.unit}"
        values = (
            f"{_number(statistics.median(self.values))} ({_number(min(self.values))} to {_number(max(self.values))})"
        )
        sign = "≥" if self.at_least else "≤"
        goal = f"{sign} {_number(self.limit)} {'×' if self.baseline else self.unit}"
        return [self.number, self.work, f"{mine} {self.unit}", theirs, values, goal, "yes" if self.met else "**no**"]


HEAD = ["#", "work", "ours", "baseline", "ratio, or ours (from to)", "goal", "met"]


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"
