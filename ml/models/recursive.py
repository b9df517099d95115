"""Global models of the table of features, forecasting step by step: what they share, whatever learns the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ml.features.table import FeatureTable
from ml.models.base import Points
from ml.models.naive import FittedSeasonalNaive
from ml.models.profile import FEWEST_PERIODS, simpler_model
from ml.models.shares import LEAST, Shares
from ml.panel import Panel

Floats = NDArray[np.float64]
Features = NDArray[np.float32]

FEWEST_ROWS = 100
"""Rows of the learning table below which noise would be learned."""


class Regressor(Protocol):
    """What was learned from the table."""

    def predict(self, features: Features) -> Floats:
        """The change from the level, (rows,), for features (rows, features)."""


@runtime_checkable
class TreeRegressor(Regressor, Protocol):
    """One of trees, whose predictions can be taken apart."""

    def shares(self, features: Features) -> Floats:
        """(rows, features + 1): each feature's Shapley value in each prediction; the last column is what all share."""


@dataclass(frozen=True)
class Lesson:
    """The rows of a panel from which a regressor learns: the change of scaled sales from their level."""

    table: FeatureTable
    features: Features
    target: Floats

    @classmethod
    def of(cls, panel: Panel, most_rows: int) -> Self:
        """At most `most_rows` rows: of a larger panel the earliest periods are left out."""
        wide, table = panel.wide, FeatureTable.fit(panel)
        count = min(len(wide.numbers), max(most_rows // len(wide.ids), 1))
        scaled = table.scaled(wide.y)
        known = {name: values[:, -count:] for name, values in wide.known.items()}
        features, level = table.rows(scaled[:, :-1], wide.numbers[-count:], known)
        target = scaled[:, -count:] - level
        # a series has a level to learn from once it has been sold for half a season
        youngest = max(min(panel.season_length // 2, len(wide.numbers) // 4), 1)
        learned = np.isfinite(target) & (wide.numbers[-count:] - table.age0[:, None] >= youngest)
        return cls(table, features[learned], target[learned])

    @property
    def enough(self) -> bool:
        """Whether there is more to learn than noise."""
        return len(self.target) >= FEWEST_ROWS


@dataclass(frozen=True)
class FittedRecursive:
    """A regressor, and of the past only as much as the next forecast needs; `regressor` is None for too little data.

    Series that are too short, or of which the model sees nothing but zeros, are left to seasonal naive, visibly.
    """

    name: str
    regressor: Regressor | None
    table: FeatureTable
    seen: Floats
    last: int
    able: NDArray[np.bool_]
    fallback: FittedSeasonalNaive

    @classmethod
    def at_end_of(cls, panel: Panel, name: str, regressor: Regressor | None, table: FeatureTable) -> Self:
        """Ready to forecast the periods after `panel`, on which `table` was measured."""
        wide = panel.wide
        seen = table.scaled(wide.y[:, -table.plan.reach :])
        able = (wide.lengths >= FEWEST_PERIODS) & (np.nansum(seen, axis=1) > 0)
        return cls(name, regressor, table, seen, int(wide.numbers[-1]), able, simpler_model(panel))

    def update(self, panel: Panel) -> Self:
        """The same regressor, carrying on from newer data."""
        return self.at_end_of(panel, self.name, self.regressor, self.table.update(panel))

    @property
    def features(self) -> list[str]:
        return self.table.names if self.regressor is not None else []

    def predict(self, horizon: int, known: dict[str, Floats]) -> Points:
        """Recursive: each step's forecast becomes a lag of the next one; all series at once."""
        naive = self.fallback.predict(horizon, known)
        if self.regressor is None or not self.able.any():
            return naive
        made = self.table.unscaled(self._steps(self.regressor, horizon, known))
        mean = np.where(self.able[:, None], made, naive.mean)
        return replace(naive, mean=mean, model=np.where(self.able, self.name, naive.model).astype(object))

    def shares(self, step: int, rows: NDArray[np.int64], known: Mapping[str, Floats]) -> Shares | None:
        """See `Explainable`; later steps are explained by the forecasts before them as if these were known."""
        if not isinstance(self.regressor, TreeRegressor):
            return None
        features, level = self._features_at(step, known)
        found, values = self.regressor.shares(features[rows]), self.table.unscaled
        ends = np.zeros((len(level), 2))  # logarithms without and with the features' shares
        ends[rows] = level[rows, None] + np.stack([found[:, -1], found.sum(axis=1)], axis=1)
        base, made = values(np.maximum(ends, LEAST))[rows].T
        return Shares(self.table.names, features[rows], found[:, :-1], base, made, self.table.encoders)

    def _features_at(self, step: int, known: Mapping[str, Floats]) -> tuple[Features, Floats]:
        """What is read for `step`, (series, features), and the levels that changes are added to, (series,)."""
        past = self.seen
        if step > 1:
            before = {name: matrix[:, : step - 1] for name, matrix in known.items()}
            past = np.concatenate([past, self.table.scaled(self.predict(step - 1, before).mean)], axis=1)
        plans = {name: matrix[:, step - 1 : step] for name, matrix in known.items()}
        reach = self.table.plan.reach
        features, level = self.table.rows(past[:, -reach:], np.array([self.last + step]), plans)
        return features[:, 0], level[:, 0]

    def _steps(self, regressor: Regressor, horizon: int, known: dict[str, Floats]) -> Floats:
        reach = self.table.plan.reach
        values = np.concatenate([self.seen, np.full((len(self.seen), horizon), np.nan)], axis=1)
        now = self.seen.shape[1]
        for step in range(horizon):
            past = values[:, max(now + step - reach, 0) : now + step]
            plans = {name: matrix[:, step : step + 1] for name, matrix in known.items()}
            features, level = self.table.rows(past, np.array([self.last + 1 + step]), plans)
            values[:, now + step] = np.maximum(regressor.predict(features[:, 0]) + level[:, 0], 0.0)
        return values[:, now:]
