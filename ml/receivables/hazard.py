"""A discrete-time hazard model: the chance of payment in each stretch of days, given none so far.

Boosted trees (XGBoost) on one row an invoice, landmark and stretch (Cox 1972; Singer and Willett 1993; Suresh et al.
2022). An open invoice is in the rows for the stretches that it has lived through, so it counts as what it is: censored.
The trees start from the hazard of the habit model, and correct it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.receivables.boosting import Boosted, boost
from ml.receivables.curves import Curves, Floats, falling
from ml.receivables.features import inputs_of
from ml.receivables.habit_model import HabitModel
from ml.receivables.landmarks import Lessons

CHUNK = 20_000
"""Invoices that are scored at once."""
LEAST = 1e-5
INPUTS = (
    "spread", "late_rate", "dispute_rate", "settled", "log_amount", "amount_ratio", "terms", "paperless", "disputed",
    "age", "paid_share", "open_count", "open_ratio", "credit_use", "overdue_count", "overdue_days", "since_settled",
    "due_month_day", "holidays",
)  # fmt: skip
PARAMETERS = {
    "objective": "binary:logistic",
    "base_score": 0.5,
    "max_depth": 3,
    "min_child_weight": 30,
}


@dataclass(frozen=True)
class HazardModel:
    """Trees over the stretches between the edges of `start`."""

    start: HabitModel
    stretches: Floats
    boosted: Boosted

    def curves(self, table: pd.DataFrame) -> Curves:
        """Curves (n, k) from features."""
        parts = [self._part(table.iloc[at : at + CHUNK]) for at in range(0, max(len(table), 1), CHUNK)]
        return Curves(self.start.edges, np.concatenate(parts))

    def _part(self, table: pd.DataFrame) -> Floats:
        begun = self.start.curves(table)
        place = np.searchsorted(self.stretches, begun.edges[1:], "left").clip(0, len(self.stretches) - 1)
        inputs = expand(table, np.tile(np.arange(len(self.stretches)), len(table)), self.stretches, len(self.stretches))
        correction = self.boosted.correction(inputs).reshape(len(table), -1)
        hazard = 1.0 - begun.unpaid[:, 1:] / np.maximum(begun.unpaid[:, :-1], LEAST)
        odds = logit(hazard) + correction[:, place]
        kept = np.where(hazard <= LEAST, 1.0 - hazard, 1.0 - 1.0 / (1.0 + np.exp(-odds)))
        first = begun.unpaid[:, :1]
        return falling(np.concatenate([first, first * np.cumprod(kept, axis=1)], axis=1))


def fit_hazard(start: HabitModel, lessons: Lessons, threads: int = 1, seed: int = 0) -> HazardModel:
    """Learn corrections to the habit model's hazards; deterministic for a seed."""
    begun = start.curves(lessons.table)
    edges = begun.edges
    lower, upper = edges[:-1][None, :], edges[1:][None, :]
    ended = lessons.delay[:, None]
    seen = lessons.seen[:, None] > 0
    at_risk = (upper > lessons.passed[:, None]) & (np.where(seen, ended > lower, ended >= upper))
    row, stretch = np.nonzero(at_risk)
    paid = (seen & (ended <= upper))[row, stretch]
    before = begun.unpaid[row, stretch]
    partly = lessons.passed[row] > edges[stretch]
    before = np.where(partly, begun.rows(row).at(lessons.passed[row]), before)
    hazard = 1.0 - begun.unpaid[row, stretch + 1] / np.maximum(before, LEAST)
    inputs = expand(lessons.table.iloc[row], stretch, edges[1:], 0)
    settings = {**PARAMETERS, "nthread": threads, "seed": seed}
    boosted = boost(settings, inputs, paid.astype(float), logit(hazard), lessons.days[row])
    return HazardModel(start, edges[1:], boosted)


def expand(table: pd.DataFrame, stretch: NDArray[np.int64], ends: Floats, times: int) -> NDArray[np.float32]:
    """One row an invoice and stretch: inputs, the stretch's end, and its distance from the expected delay in standard
    deviations. With `times`, each row of the table is repeated so often."""
    own = inputs_of(table, INPUTS)
    place, spread = (table[name].to_numpy(dtype=np.float32) for name in ("expected", "spread"))
    if times:
        own, place, spread = (np.repeat(part, times, axis=0) for part in (own, place, spread))
    end = ends[stretch].astype(np.float32)
    return np.column_stack([own, end, (end - place) / spread]).astype(np.float32)


def logit(share: Floats) -> Floats:
    """Logarithm of the odds, of shares kept off 0 and 1."""
    clipped = np.clip(share, LEAST, 1 - LEAST)
    return np.asarray(np.log(clipped / (1 - clipped)))
