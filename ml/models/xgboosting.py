"""One XGBoost model over all series of a panel."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from ml.features.table import FeatureTable
from ml.models.recursive import Features, FittedRecursive, Lesson
from ml.panel import Panel

XGBOOST = "xgboost"
MOST_ROWS = 600_000
"""Rows of the learning table; of a larger panel the earliest periods are left out."""
ROWS_PER_THREAD = 50_000
"""Fewer rows are not shared out: threads that wait for each other cost more than they save."""


@dataclass(frozen=True)
class XGBoost:
    """Gradient-boosted trees (Chen and Guestrin 2016) on logarithms relative to each series' level."""

    rounds: int = 300
    learning_rate: float = 0.05
    leaves: int = 31
    leaf_rows: int = 30
    threads: int = 1
    seed: int = 0
    name: str = XGBOOST

    @property
    def parameters(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "name"}

    def fit(self, panel: Panel) -> FittedRecursive:
        """Learn all series at once; deterministic for a seed and a number of threads."""
        lesson = Lesson.of(panel, MOST_ROWS)
        trees = self._train(lesson) if lesson.enough else None
        return FittedRecursive.at_end_of(panel, XGBOOST, trees, lesson.table)

    def _train(self, lesson: Lesson) -> Trees:
        threads = max(1, min(self.threads, len(lesson.target) // ROWS_PER_THREAD))
        kinds = feature_kinds(lesson.table)
        data = xgb.QuantileDMatrix(
            lesson.features, lesson.target, feature_types=kinds, enable_categorical=True, nthread=threads
        )
        parameters = {
            "objective": "reg:squarederror",
            "eta": self.learning_rate,
            "grow_policy": "lossguide",
            "max_leaves": self.leaves,
            "max_depth": 0,
            "min_child_weight": self.leaf_rows,
            "subsample": 0.8,
            "colsample_bytree": 0.8,
            "tree_method": "hist",
            "nthread": threads,
            "seed": self.seed,
            "verbosity": 0,
        }
        return Trees(xgb.train(parameters, data, num_boost_round=self.rounds), kinds)


@dataclass(frozen=True)
class Trees:
    """A trained booster; `kinds` says which features are numbers of names."""

    booster: xgb.Booster
    kinds: list[str]

    def predict(self, features: Features) -> NDArray[np.float64]:
        """See `Regressor`; one thread, since one step of a panel has few rows."""
        return np.asarray(self.booster.predict(self._matrix(features)), dtype=np.float64)

    def shares(self, features: Features) -> NDArray[np.float64]:
        """See `TreeRegressor`."""
        return np.asarray(self.booster.predict(self._matrix(features), pred_contribs=True), dtype=np.float64)

    def _matrix(self, features: Features) -> xgb.DMatrix:
        return xgb.DMatrix(features, feature_types=self.kinds, enable_categorical=True, nthread=1)


def feature_kinds(table: FeatureTable) -> list[str]:
    """XGBoost's type of each feature: `c` for numbers of names, `q` for quantities."""
    return ["c" if name in table.categorical else "q" for name in table.names]
