"""What the good rows of a file add up to: totals, and sums by month."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from ml.etl.datasets import Dataset
from ml.etl.quality import CheckedBatch

AMOUNTS = ("sales_amount", "amount")
QUANTITIES = ("sales_qty", "qty", "qty_ordered", "on_hand")
MAX_MONTHS = 120
"""Months listed in a report; the last ones."""


class Figures:
    """Adds up batches of good rows. Months are those of the data set's first date."""

    def __init__(self, dataset: Dataset) -> None:
        names = [field.name for field in dataset.fields]
        self._day = next((field.name for field in dataset.fields if field.kind == "date"), "")
        self._sums = {
            label: found[0]
            for label, wanted in (("amount", AMOUNTS), ("quantity", QUANTITIES))
            if (found := [name for name in wanted if name in names])
        }
        self.rows = 0
        self.totals = dict.fromkeys(self._sums, 0.0)
        self._months: dict[int, dict[str, float]] = defaultdict(lambda: dict.fromkeys(("rows", *self._sums), 0.0))

    def add(self, good: CheckedBatch, kept: Any = None) -> None:
        """Take in rows, those alone that the mask `kept` marks where it is given."""
        chosen = np.ones(len(good), dtype=bool) if kept is None else kept
        weights = {label: np.nan_to_num(good.numbers[name][chosen]) for label, name in self._sums.items()}
        self.rows += int(chosen.sum())
        for label, numbers in weights.items():
            self.totals[label] += float(numbers.sum())
        if self._day:
            self._add_months(good.dates[self._day][chosen], weights)

    def as_dict(self) -> dict[str, Any]:
        """JSON values: `amount` and `quantity` where the data set has them, `months` from the last ones."""
        months = [
            {"month": str(np.datetime64(month, "M")), "rows": int(sums["rows"])}
            | {label: round(sums[label], 4) for label in self._sums}
            for month, sums in sorted(self._months.items())[-MAX_MONTHS:]
        ]
        return {**{label: round(total, 4) for label, total in self.totals.items()}, "months": months}

    def _add_months(self, days: Any, weights: dict[str, Any]) -> None:
        given = days >= 0  # without empty cells
        months = days[given].astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        if not len(months):
            return
        first = int(months.min())
        counts = np.bincount(months - first)
        sums = {label: np.bincount(months - first, numbers[given]) for label, numbers in weights.items()}
        for place in np.flatnonzero(counts):
            month = self._months[first + int(place)]
            month["rows"] += int(counts[place])
            for label, numbers in sums.items():
                month[label] += float(numbers[place])
