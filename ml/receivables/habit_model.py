"""Payment by habit: the customer's usual delay, shifted by the marks of the invoice, disputed or not.

The simplest of the models that learn. Whether a new invoice will be disputed is not known, so its curve is a mixture of
both cases, weighed by how often the customer disputes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.receivables.curves import Curves, Floats, falling
from ml.receivables.landmarks import Lessons
from ml.receivables.residuals import ResidualLaw, fit_law
from ml.receivables.scale import Scale, fit_scale


@dataclass(frozen=True)
class HabitModel:
    """Curves around the habit; `dispute_days` is what a dispute adds."""

    edges: Floats
    law: ResidualLaw
    scale: Scale
    dispute_days: float

    def curves(self, table: pd.DataFrame) -> Curves:
        """Curves (n, k) from features (`ml.receivables.features`)."""
        disputed = dispute_chance(table)[:, None]
        calm, angry = (self._unpaid(table, shift) for shift in (0.0, self.dispute_days))
        unpaid = (1 - disputed) * calm + disputed * angry
        return Curves(self.edges, falling(np.where(self.edges < -table["terms"].to_numpy()[:, None], 1.0, unpaid)))

    def _unpaid(self, table: pd.DataFrame, shift: float) -> Floats:
        place = _place(table, shift)
        noise = self.scale.of(table["spread"].to_numpy(), place + table["terms"].to_numpy())
        return self.law.exceeds((self.edges + 0.5 - place[:, None]) / noise[:, None])


def fit_habit(edges: Floats, lessons: Lessons, dispute_days: float) -> HabitModel:
    """Fit on lessons at issue. An invoice of unknown dispute counts as both, by the customer's dispute rate."""
    table, seen = lessons.table, lessons.seen > 0
    spread, terms = table["spread"].to_numpy(), table["terms"].to_numpy()
    chance = np.where(np.isnan(lessons.disputed), table["dispute_rate"], lessons.disputed)
    likely = _place(table, dispute_days * (chance > 0.5))
    scale = fit_scale((lessons.delay - likely)[seen], spread[seen], (likely + terms)[seen])
    places = [_place(table, shift) for shift in (0.0, dispute_days)]
    both = [(lessons.delay - place) / scale.of(spread, place + terms) for place in places]
    law = fit_law(np.concatenate(both), np.tile(seen, 2), np.concatenate([1 - chance, chance]))
    return HabitModel(edges, law, scale, dispute_days)


def _place(table: pd.DataFrame, shift: float | NDArray[Any]) -> Floats:
    """The habit's delay with the days of a dispute; nobody pays before the issue."""
    return np.asarray(np.maximum(table["undisputed"] + shift, -table["terms"]), dtype=np.float64)


def dispute_chance(table: pd.DataFrame) -> Floats:
    """1 where a dispute is known; else the customer's rate."""
    known = table["disputed"].to_numpy() == 1.0
    return np.where(known, 1.0, np.clip(table["dispute_rate"].to_numpy(), 0.0, 1.0))
