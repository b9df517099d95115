"""One LightGBM model over all series of a panel, forecasting step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from ml.features.table import FeatureTable
from ml.models.base import Points
from ml.models.naive import FittedSeasonalNaive, SeasonalNaive
from ml.panel import Panel

Floats = NDArray[np.float64]

LIGHTGBM = "lightgbm"
FEWEST_ROWS = 100
"""Rows of the learning table below which trees would learn noise."""
FEWEST_PERIODS = 3
"""A shorter series has no level worth the name: seasonal naive's fall-back takes it."""
MOST_ROWS = 600_000
"""Rows of the learning table; of a larger panel the earliest periods are left out."""
ROWS_PER_THREAD = 50_000
"""Fewer rows are not shared out: threads that wait for each other cost more than they save."""


class TreeSettings(Protocol):
    """What the global models of trees are made with."""

    @property
    def rounds(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def leaves(self) -> int: ...
    @property
    def leaf_rows(self) -> int: ...
    @property
    def threads(self) -> int: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True)
class LightGBM:
    """Gradient-boosted trees (Ke et al. 2017) on logarithms relative to each series' level.

    Series that are too short, or of which the model sees nothing but zeros, are left to seasonal naive, visibly.
    """

    rounds: int = 300
    learning_rate: float = 0.05
    leaves: int = 31
    leaf_rows: int = 30
    threads: int = 1
    seed: int = 0
    name: str = LIGHTGBM

    @property
    def parameters(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "name"}

    def fit(self, panel: Panel) -> FittedLightGBM:
        """Learn all series at once; deterministic for a seed and a number of threads."""
        wide, table = panel.wide, FeatureTable.fit(panel)
        count = min(len(wide.numbers), max(MOST_ROWS // len(wide.ids), 1))
        scaled = table.scaled(wide.y)
        known = {name: values[:, -count:] for name, values in wide.known.items()}
        features, level = table.rows(scaled[:, :-1], wide.numbers[-count:], known)
        target = scaled[:, -count:] - level
        learned = np.isfinite(target) & (wide.numbers[-count:] - table.age0[:, None] >= _youngest(panel))
        booster = None
        if learned.sum() >= FEWEST_ROWS:
            rows = features[learned], target[learned], table.names, table.categorical
            booster = train_trees(*rows, self, objective="regression", feature_fraction=0.8)
        return FittedLightGBM.at_end_of(panel, booster, table, self.threads)


def train_trees(
    features: NDArray[np.float32],
    target: Floats,
    names: Sequence[str],
    categorical: Sequence[str],
    made_by: TreeSettings,
    **parameters: Any,
) -> lgb.Booster:
    """Learn `target` (rows,) from `features` (rows, names), the same bits each time; `parameters` are the library's."""
    data = lgb.Dataset(
        features, target, feature_name=list(names), categorical_feature=list(categorical), params={"verbosity": -1}
    )
    shared = {
        "learning_rate": made_by.learning_rate,
        "num_leaves": made_by.leaves,
        "min_data_in_leaf": made_by.leaf_rows,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "num_threads": useful_threads(made_by.threads, len(target)),
        "seed": made_by.seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    return lgb.train({**shared, **parameters}, data, num_boost_round=made_by.rounds)


@dataclass(frozen=True)
class FittedLightGBM:
    """The trees, and of the past only as much as the next forecast needs; `booster` is None for too little data."""

    booster: lgb.Booster | None
    table: FeatureTable
    seen: Floats
    last: int
    able: NDArray[np.bool_]
    fallback: FittedSeasonalNaive
    threads: int

    @classmethod
    def at_end_of(cls, panel: Panel, booster: lgb.Booster | None, table: FeatureTable, threads: int) -> Self:
        """Ready to forecast the periods after `panel`, on which `table` was measured."""
        wide = panel.wide
        seen = table.scaled(wide.y[:, -table.plan.reach :])
        able = (wide.lengths >= FEWEST_PERIODS) & (np.nansum(seen, axis=1) > 0)
        return cls(booster, table, seen, int(wide.numbers[-1]), able, SeasonalNaive().fit(panel), threads)

    def update(self, panel: Panel) -> Self:
        """The same trees, carrying on from newer data."""
        return self.at_end_of(panel, self.booster, self.table.update(panel), self.threads)

    @property
    def features(self) -> list[str]:
        return self.table.names if self.booster is not None else []

    def predict(self, horizon: int, known: dict[str, Floats]) -> Points:
        """Recursive: each step's forecast becomes a lag of the next one; all series at once."""
        naive = self.fallback.predict(horizon, known)
        if self.booster is None or not self.able.any():
            return naive
        made = self.table.unscaled(self._steps(self.booster, horizon, known))
        mean = np.where(self.able[:, None], made, naive.mean)
        return Points(mean, np.where(self.able, LIGHTGBM, naive.model).astype(object))

    def _steps(self, booster: lgb.Booster, horizon: int, known: dict[str, Floats]) -> Floats:
        reach = self.table.plan.reach
        values = np.concatenate([self.seen, np.full((len(self.seen), horizon), np.nan)], axis=1)
        now = self.seen.shape[1]
        for step in range(horizon):
            past = values[:, max(now + step - reach, 0) : now + step]
            plans = {name: matrix[:, step : step + 1] for name, matrix in known.items()}
            features, level = self.table.rows(past, np.array([self.last + 1 + step]), plans)
            change = booster.predict(features[:, 0], num_threads=useful_threads(self.threads, len(self.seen)))
            values[:, now + step] = np.maximum(np.asarray(change) + level[:, 0], 0.0)
        return values[:, now:]


def useful_threads(allowed: int, rows: int) -> int:
    """How many of the allowed threads are worth their waiting for `rows` rows."""
    return max(1, min(allowed, rows // ROWS_PER_THREAD))


def _youngest(panel: Panel) -> int:
    """Periods after its start from which a series has a level to learn from."""
    return max(min(panel.season_length // 2, len(panel.wide.numbers) // 4), 1)
