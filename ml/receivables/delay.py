"""Predictions of one delay, with a law of what they miss by: the baselines, and the boosted regressor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from ml.receivables.boosting import Boosted, boost
from ml.receivables.curves import Curves, Floats, falling
from ml.receivables.features import inputs_of
from ml.receivables.landmarks import Lessons
from ml.receivables.residuals import ResidualLaw, fit_law


class Locator(Protocol):
    """Says one delay in days for each row of features, and how unsure it is of each, in days."""

    def delay(self, table: pd.DataFrame) -> Floats: ...

    def spread(self, table: pd.DataFrame) -> Floats: ...


@dataclass(frozen=True)
class Plain:
    """A baseline: `find` reads the delay from the features; every row is as unsure as all (`error` days)."""

    find: Callable[[pd.DataFrame], Floats]
    error: float = 1.0

    def delay(self, table: pd.DataFrame) -> Floats:
        return self.find(table)

    def spread(self, table: pd.DataFrame) -> Floats:
        return np.full(len(table), self.error)


@dataclass(frozen=True)
class PoolMedian:
    """The median delay of customers of the same segment and terms; of all where there are none."""

    medians: dict[str, float]
    usual: float

    def __call__(self, table: pd.DataFrame) -> Floats:
        return np.asarray(table["pool"].map(self.medians).fillna(self.usual), dtype=np.float64)


def due_date(table: pd.DataFrame) -> Floats:
    """Every invoice is paid when it is due."""
    return np.zeros(len(table))


def customer_average(table: pd.DataFrame) -> Floats:
    """The mean delay of the customer so far."""
    return table["own_delay"].to_numpy(dtype=float)


@dataclass(frozen=True)
class BoostedDelay:
    """XGBoost on the absolute error, from the habit on (`expected`)."""

    boosted: Boosted

    def delay(self, table: pd.DataFrame) -> Floats:
        return table["expected"].to_numpy() + self.boosted.correction(inputs_of(table))

    def spread(self, table: pd.DataFrame) -> Floats:
        return table["spread"].to_numpy(dtype=float)


@dataclass(frozen=True)
class DelayModel:
    """Curves around a located delay."""

    edges: Floats
    locator: Locator
    law: ResidualLaw

    def curves(self, table: pd.DataFrame) -> Curves:
        """Curves (n, k) from features."""
        place, spread = self.locator.delay(table)[:, None], self.locator.spread(table)[:, None]
        unpaid = self.law.exceeds((self.edges + 0.5 - place) / spread)
        return Curves(self.edges, falling(np.where(self.edges < -table["terms"].to_numpy()[:, None], 1.0, unpaid)))


def fit_plain(edges: Floats, find: Callable[[pd.DataFrame], Floats], lessons: Lessons) -> DelayModel:
    """A baseline with the law of its errors on lessons at issue."""
    missed = lessons.delay - find(lessons.table)
    settled = missed[lessons.seen > 0]
    error = max(float(settled.std()) if len(settled) > 1 else 1.0, 1.0)
    law = fit_law(missed / error, lessons.seen > 0, np.ones(len(missed)))
    return DelayModel(edges, Plain(find, error), law)


def fit_pool_median(lessons: Lessons) -> PoolMedian:
    """Medians of what is settled, by pool."""
    seen = lessons.seen > 0
    delay = pd.Series(lessons.delay[seen])
    medians = delay.groupby(lessons.table["pool"].to_numpy()[seen]).median()
    return PoolMedian(
        {str(pool): float(days) for pool, days in medians.items()}, float(delay.median()) if len(delay) else 0.0
    )


def fit_boosted_delay(edges: Floats, lessons: Lessons, cutoff: int, threads: int, seed: int) -> DelayModel:
    """Learn from settled invoices that were due before the cutoff, so that not only the quick ones count; the law of
    errors comes from the later lessons, which the trees that are judged on them have not learned."""
    due = lessons.days + lessons.table["to_due"].to_numpy()
    known = lessons.part(np.flatnonzero((lessons.seen > 0) & (due < cutoff)))
    settings = {"objective": "reg:absoluteerror", "base_score": 0.0, "min_child_weight": 20}
    inputs, start = inputs_of(known.table), known.table["expected"].to_numpy()
    boosted = boost({**settings, "nthread": threads, "seed": seed}, inputs, known.delay, start, known.days)
    missed = (known.delay[boosted.later] - boosted.margin) / known.table["spread"].to_numpy()[boosted.later]
    law = fit_law(missed, np.ones(len(missed), dtype=bool), np.ones(len(missed)))
    return DelayModel(edges, BoostedDelay(boosted), law)
