"""One LightGBM model over all series of a panel, forecasting step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol, Self

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from ml.models.recursive import Features, FittedRecursive, Lesson
from ml.panel import Panel

Floats = NDArray[np.float64]

LIGHTGBM = "lightgbm"
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

    Series that are too short, or of which the model sees nothing but zeros, are left to seasonal naive, visibly. It
    learns from at most `rows` rows: of a larger panel the earliest periods are left out.
    """

    rounds: int = 300
    learning_rate: float = 0.05
    leaves: int = 31
    leaf_rows: int = 30
    rows: int = 600_000
    threads: int = 1
    seed: int = 0
    name: str = LIGHTGBM

    @property
    def parameters(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "name"}

    def thinned(self, share: float) -> Self:
        """See `Thinnable`."""
        return replace(self, rows=int(share * self.rows))

    def fit(self, panel: Panel) -> FittedRecursive:
        """Learn all series at once; deterministic for a seed and a number of threads."""
        lesson = Lesson.of(panel, self.rows)
        trees = Trees(self._train(lesson), self.threads) if lesson.enough else None
        return FittedRecursive.at_end_of(panel, LIGHTGBM, trees, lesson.table)

    def _train(self, lesson: Lesson) -> lgb.Booster:
        names, categorical = lesson.table.names, lesson.table.categorical
        rows = lesson.features, lesson.target, names, categorical
        return train_trees(*rows, self, objective="regression", feature_fraction=0.8)


@dataclass(frozen=True)
class Trees:
    """A trained booster, and the threads that it may use."""

    booster: lgb.Booster
    threads: int

    def predict(self, features: Features) -> Floats:
        """See `Regressor`."""
        threads = useful_threads(self.threads, len(features))
        return np.asarray(self.booster.predict(features, num_threads=threads), dtype=np.float64)

    def shares(self, features: Features) -> Floats:
        """See `TreeRegressor`."""
        return tree_shares(self.booster, features)


def tree_shares(booster: lgb.Booster, features: Features) -> Floats:
    """(rows, features + 1): each feature's Shapley value in the raw score of each row; the last column is what all
    rows share."""
    return np.asarray(booster.predict(features, pred_contrib=True, num_threads=1), dtype=np.float64)


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


def useful_threads(allowed: int, rows: int) -> int:
    """How many of the allowed threads are worth their waiting for `rows` rows."""
    return max(1, min(allowed, rows // ROWS_PER_THREAD))
