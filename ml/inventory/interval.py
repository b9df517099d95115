"""Demand of a whole stretch of days, learned directly: its mean, and how far it comes out from that.

An order has to last until the next one arrives. What counts is the total of those days. Quantiles of single days
cannot be added up to it, so it is a target of its own here.
"""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ml.features.encoders import CategoryEncoder
from ml.inventory.history import YEAR, History
from ml.inventory.policy import HALVINGS
from ml.models.boosting import train_trees
from ml.models.direct import TWEEDIE_POWER
from ml.models.recursive import FEWEST_ROWS
from ml.panel import Panel

Floats = NDArray[np.float64]

YOUNGEST = 28
"""Days of history from which on a series is learned from."""
LARGEST = 12.0
"""Times a series' size that a target may be: one order of a hundred times the usual would bend all trees."""
FALLBACK_DAYS = 28
POISSON, RELATIVE = 2.0, 0.1
"""What errors are measured in, σ² = 2 μ + (0.1 μ)²: counts by chance, and a tenth of the level. Measured quantiles do
the rest; a law fitted by squares follows the few largest errors and fits no class."""
UNMEASURED = 2.0
"""Standard deviations that one counts as where no error could be measured."""
CLASSES = (3.0, 30.0, 300.0)
"""Expected units at which classes of volume are cut; errors of each have quantiles of their own."""
FEWEST_ERRORS = 200
WIDEST = 50.0
"""σ beyond which no level is looked for."""


@dataclass(frozen=True)
class Spread:
    """How totals come out: the expected ones `means` and the errors `errors` = (y − μ) / σ(μ), both (rows,)."""

    means: Floats
    errors: Floats

    def quantile(self, mean: Floats, share: float) -> Floats:
        """What a total stays below with probability `share`, by the errors of its class of volume; never negative."""
        kind = volume(self.means)
        own = [self.errors[kind == i] for i in range(len(CLASSES) + 1)]
        drawn = np.array([np.quantile(part if len(part) >= FEWEST_ERRORS else self.errors, share) for part in own])
        return np.maximum(mean + drawn[volume(mean)] * scale(mean), 0.0)

    def level(self, mean: Floats, fill: float) -> Floats:
        """Stock for totals with these means that serves the share `fill` of the units of all items together.

        All items take the same number of σ; of ways to share out a stock it served most (docs/decisions/inventory.md).
        """
        return np.maximum(mean + self.factor(fill) * scale(mean), 0.0)

    def factor(self, fill: float) -> float:
        """How many σ serve the share `fill` of units, by the measured errors; found by halving."""
        sizes = scale(self.means)
        allowed = (1.0 - fill) * float((self.means + self.errors * sizes).sum())
        low, high = -WIDEST, WIDEST
        for _ in range(HALVINGS):
            middle = (low + high) / 2.0
            short = float((np.maximum(self.errors - middle, 0.0) * sizes).sum()) > allowed
            low, high = (middle, high) if short else (low, middle)
        return (low + high) / 2.0


@dataclass(frozen=True)
class IntervalDemand:
    """Gradient-boosted trees on the ratio of the demand of `days` days to each series' size at the origin.

    Origins are `step` days apart. One model is learned without the last year (or third) of the history to see how far
    it is off there; the one that serves learns all of it.
    """

    days: int
    step: int = 7
    rounds: int = 150
    learning_rate: float = 0.05
    leaves: int = 31
    leaf_rows: int = 60
    threads: int = 1
    seed: int = 0

    def fit(self, panel: Panel) -> FittedInterval:
        """Learn a panel of days, its static columns included; deterministic. DataError for another grain."""
        encoders = {str(name): CategoryEncoder.fit(panel.statics[name]) for name in panel.statics}
        history = History.of(panel, encoders)
        held_back = history.days - min(YEAR, history.days // 3)
        trial = self._learn(history, held_back)
        return FittedInterval(
            self, encoders, self._learn(history, history.days), self._spread(history, trial, held_back)
        )

    def origins(self, end: int) -> list[int]:
        """Days whose stretch ends by `end`, counted back from there."""
        return list(range(end - self.days, YOUNGEST, -self.step))[::-1]

    def _learn(self, history: History, end: int) -> lgb.Booster | None:
        """Trees of all that was over by `end`; None where that is too little."""
        parts, targets, names = [], [], list[str]()
        for origin in self.origins(end):
            old = origin - history.first >= YOUNGEST
            names, features = history.features(origin, self.days)
            ratio = history.total(origin, origin + self.days) / history.size(origin) / self.days
            parts.append(features[old])
            targets.append(np.minimum(ratio[old], LARGEST))
        rows = sum(len(part) for part in targets)
        if rows < FEWEST_ROWS or not any(part.any() for part in targets):
            return None
        return train_trees(
            np.concatenate(parts), np.concatenate(targets), names, list(history.names), self,
            objective="tweedie", tweedie_variance_power=TWEEDIE_POWER, feature_fraction=0.6,
        )  # fmt: skip

    def _spread(self, history: History, trial: lgb.Booster | None, held_back: int) -> Spread:
        """What the trial was off by after `held_back`."""
        means, found = [np.empty(0)], [np.empty(0)]
        for origin in self.origins(history.days):
            if origin >= held_back:
                old = origin - history.first >= YOUNGEST
                means.append(expected(history, trial, origin, self.days)[old])
                found.append(history.total(origin, origin + self.days)[old])
        return fit_spread(np.concatenate(means), np.concatenate(found))


@dataclass(frozen=True)
class FittedInterval:
    """The trees and the spread, and what names they know; `booster` is None for too little data."""

    made_by: IntervalDemand
    encoders: dict[str, CategoryEncoder]
    booster: lgb.Booster | None
    spread: Spread

    def mean(self, panel: Panel) -> Floats:
        """Expected demand of the days after `panel`, (series,), in the order of `panel.ids`."""
        history = History.of(panel, self.encoders)
        return expected(history, self.booster, history.days, self.made_by.days)


def expected(history: History, booster: lgb.Booster | None, origin: int, days: int) -> Floats:
    """Expected demand of the `days` days from `origin` on: by the trees, or by the mean of the last weeks."""
    if booster is None:
        return history.mean(origin, FALLBACK_DAYS) * days
    _, features = history.features(origin, days)
    ratio = np.asarray(booster.predict(features, num_threads=1))
    return np.asarray(np.maximum(ratio, 0.0) * history.size(origin) * days, dtype=np.float64)


def volume(mean: Floats) -> NDArray[np.int64]:
    """The class of volume of each expected total."""
    return np.searchsorted(CLASSES, mean, side="right").astype(np.int64)


def scale(mean: Floats) -> Floats:
    """What the errors of totals with these means are measured in."""
    return np.sqrt(POISSON * mean + np.square(RELATIVE * mean))


def fit_spread(means: Floats, found: Floats) -> Spread:
    """The errors of expected totals beside those that came (both (rows,)); with few rows they are normal and wide."""
    able = means > 0
    if able.sum() < FEWEST_ERRORS:
        errors = UNMEASURED * ndtri((np.arange(FEWEST_ERRORS) + 0.5) / FEWEST_ERRORS)
        return Spread(np.full(FEWEST_ERRORS, float(means[able].mean()) if able.any() else 1.0), errors)
    return Spread(means[able], (found[able] - means[able]) / scale(means[able]))
