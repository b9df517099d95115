"""The days at which a model learns and is judged: at issue, half-way to the due date, and while overdue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.receivables.features import FeatureMaker
from ml.receivables.history import NEVER, Floats, Ints

AFTER_DUE = (1, 15, 45)
BURN_IN = 0.25
"""Share of invoices, the earliest, that only serve as history: their customers had none yet."""
LEAST_FOR_BURN_IN = 200


@dataclass(frozen=True)
class Lessons:
    """Invoices `rows` (n,) on `days` (n,) with their features `table` (n, features) and what was known at the cutoff:
    `delay`, days from due date to payment, or to the last day that went by without one where `seen` is not set;
    `disputed` is NaN where unknown; `passed` is the last delay that went by unpaid before the day."""

    rows: Ints
    days: Ints
    table: pd.DataFrame
    delay: Floats
    seen: Floats
    disputed: Floats
    passed: Floats

    def part(self, chosen: Ints) -> Lessons:
        """Some of the lessons."""
        return Lessons(
            self.rows[chosen], self.days[chosen], self.table.iloc[chosen].reset_index(drop=True), self.delay[chosen],
            self.seen[chosen], self.disputed[chosen], self.passed[chosen],
        )  # fmt: skip

    @property
    def at_issue(self) -> Lessons:
        """Those on the day of issue."""
        return self.part(np.flatnonzero(self.table["age"].to_numpy() == 0))


def lessons_before(maker: FeatureMaker, cutoff: int, open_ones: bool = True) -> Lessons:
    """All landmarks before the cutoff; without `open_ones`, of settled invoices only."""
    history = maker.history
    rows = np.flatnonzero((history.issued < cutoff) & (open_ones | (history.settled < cutoff)))
    if len(rows) >= LEAST_FOR_BURN_IN:
        rows = rows[history.issued[rows] >= np.quantile(history.issued[rows], BURN_IN)]
    half = history.issued[rows] + (history.due[rows] - history.issued[rows]) // 2
    days = [history.issued[rows], half, *(history.due[rows] + more for more in AFTER_DUE)]
    row, day = np.tile(rows, len(days)), np.concatenate(days)
    first = np.concatenate(
        [np.ones(len(rows), dtype=bool), (np.concatenate(days[1:]) > np.tile(days[0], len(days) - 1))]
    )
    usable = first & (day < cutoff) & (history.settled[row] >= day)
    return lessons_at(maker, row[usable], day[usable], cutoff)


def lessons_at(maker: FeatureMaker, rows: Ints, days: Ints, cutoff: int = NEVER) -> Lessons:
    """Invoices on days, with what had become of them before the cutoff."""
    history = maker.history
    seen = history.settled[rows] < cutoff
    end = np.where(seen, history.settled[rows], cutoff - 1)
    disputed = np.where(seen, history.invoices["disputed"].to_numpy()[rows], np.nan)
    table = maker.table(rows, days)
    passed = (days - history.due[rows] - 1).astype(float)
    return Lessons(rows, days, table, (end - history.due[rows]).astype(float), seen.astype(float), disputed, passed)
