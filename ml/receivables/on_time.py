"""The classifier of lateness: XGBoost on the odds, then calibrated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.receivables.boosting import Boosted, boost
from ml.receivables.curves import Curves, Floats
from ml.receivables.features import inputs_of
from ml.receivables.habit_model import HabitModel
from ml.receivables.hazard import logit
from ml.receivables.landmarks import Lessons

PRIOR = 10.0
"""Weight of "the odds are right as they are" in calibration, in lessons."""
STEPS = 25


@dataclass(frozen=True)
class OnTimeModel:
    """Probability of lateness for invoices that are not overdue: odds of the habit model, corrected by trees, then
    `slope` · odds + `shift` (Platt 1999), fitted on later lessons than the trees that were judged on them."""

    start: HabitModel
    boosted: Boosted
    slope: float
    shift: float

    def late(self, table: pd.DataFrame, begun: Curves | None = None) -> Floats:
        """Probability (n,) of payment after the due date, from features."""
        odds = _start(begun or self.start.curves(table), table)
        odds = odds + self.boosted.correction(inputs_of(table))
        return np.asarray(1.0 / (1.0 + np.exp(-(self.slope * odds + self.shift))))


def fit_on_time(start: HabitModel, lessons: Lessons, cutoff_due: float, threads: int, seed: int) -> OnTimeModel:
    """Learn from landmarks up to the due date, of invoices due before `cutoff_due` (days since 1970): of these the
    answer is known for all, the paid and the unpaid."""
    to_due = lessons.table["to_due"].to_numpy()
    known = lessons.part(np.flatnonzero((to_due >= 0) & (lessons.days + to_due < cutoff_due)))
    late = (known.delay > 0).astype(float)
    inputs = inputs_of(known.table)
    settings = {"objective": "binary:logistic", "base_score": 0.5, "min_child_weight": 5}
    odds = _start(start.curves(known.table), known.table)
    boosted = boost({**settings, "nthread": threads, "seed": seed}, inputs, late, odds, known.days)
    slope, shift = _platt(boosted.margin, late[boosted.later])
    return OnTimeModel(start, boosted, slope, shift)


def _start(curves: Curves, table: pd.DataFrame) -> Floats:
    return logit(curves.exceeds(0.0, -table["to_due"].to_numpy() - 1.0))


def _platt(odds: Floats, late: Floats) -> tuple[float, float]:
    """Slope and shift of logistic regression on the odds, drawn towards 1 and 0; by Newton's method."""
    inputs, prior = np.column_stack([odds, np.ones(len(odds))]), np.array([1.0, 0.0])
    found = prior.copy()
    for _ in range(STEPS):
        share = 1.0 / (1.0 + np.exp(-(inputs @ found)))
        slope = inputs.T @ (share - late) + PRIOR * (found - prior)
        bend = (inputs * (share * (1 - share))[:, None]).T @ inputs + PRIOR * np.eye(2)
        found = found - np.linalg.solve(bend, slope)
    return float(found[0]), float(found[1])
