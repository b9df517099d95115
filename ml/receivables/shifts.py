"""What marks of an invoice (paperless, disputed, its size) shift the day of payment, within one customer.

A customer whose invoices went paperless last month pays earlier than its history says. The within-customer ("fixed
effects") estimator measures such shifts free of who the customer is: both sides are taken as differences from the
customer's mean, then fitted by least squares (Mundlak 1978; Wooldridge, Econometric Analysis, ch. 10). History cleaned
of them is the customer's habit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MARKS = ("paperless", "disputed", "log_amount")
RIDGE = 1.0
"""Added to the sum of squares of each mark: as if so many invoices had shown no shift."""


@dataclass(frozen=True)
class Shifts:
    """Days by which a unit of each mark moves payment; `levels` is what an unknown mark is taken for."""

    days: dict[str, float]
    levels: dict[str, float]

    def of(self, marks: pd.DataFrame, without: tuple[str, ...] = ()) -> Floats:
        """Days that the marks of each row add (n,); unknown marks count as the usual level, that is nothing."""
        total = np.zeros(len(marks))
        for name in self.days:
            if name not in without:
                total += self.days[name] * (marks[name].fillna(self.levels[name]) - self.levels[name]).to_numpy()
        return total


def fit_shifts(marks: pd.DataFrame, delay: Floats, customer: NDArray[np.int64]) -> Shifts:
    """Fit on settled invoices: their marks (n, marks), delay in days (n,) and customer (n,)."""
    levels = {name: float(marks[name].mean()) if marks[name].notna().any() else 0.0 for name in MARKS}
    filled = marks[list(MARKS)].fillna(levels)
    if not len(filled):
        return Shifts(dict.fromkeys(MARKS, 0.0), levels)
    inner = (filled - filled.groupby(customer).transform("mean")).to_numpy()
    target = pd.Series(delay, index=filled.index)
    wanted = (target - target.groupby(customer).transform("mean")).to_numpy()
    days = np.linalg.solve(inner.T @ inner + RIDGE * np.eye(len(MARKS)), inner.T @ wanted)
    return Shifts(dict(zip(MARKS, map(float, days), strict=True)), levels)
