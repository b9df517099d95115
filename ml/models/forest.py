"""One random forest over all series of a panel."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from ml.models.recursive import Features, FittedRecursive, Lesson
from ml.panel import Panel

RANDOM_FOREST = "random_forest"
MOST_ROWS = 100_000
"""Rows of the learning table; of a larger panel the earliest periods are left out."""
ROWS_PER_TREE = 8_000
"""Rows that each tree is grown on, drawn anew for each: it sorts them at every split, and the forest sees them all."""
FEW_ROWS = 20_000
"""Rows below which a forecast is made by one thread: starting others costs more than it saves."""


@dataclass(frozen=True)
class RandomForest:
    """Averaged trees (Breiman 2001) on logarithms relative to each series' level.

    `leaves` per tree bounds the size of what is stored, about 60 bytes a leaf.
    """

    trees: int = 80
    leaves: int = 500
    leaf_rows: int = 5
    share_of_features: float = 0.4
    threads: int = 1
    seed: int = 0
    name: str = RANDOM_FOREST

    @property
    def parameters(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "name"}

    def fit(self, panel: Panel) -> FittedRecursive:
        """Learn all series at once; deterministic for a seed."""
        lesson = Lesson.of(panel, MOST_ROWS)
        forest = self._grow(lesson) if lesson.enough else None
        return FittedRecursive.at_end_of(panel, RANDOM_FOREST, forest, lesson.table)

    def _grow(self, lesson: Lesson) -> Forest:
        forest = RandomForestRegressor(
            n_estimators=self.trees,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=self.leaf_rows,
            max_features=self.share_of_features,
            max_samples=min(ROWS_PER_TREE, len(lesson.target)),
            n_jobs=self.threads,
            random_state=self.seed,
        )
        return Forest(forest.fit(lesson.features, lesson.target), self.threads)


@dataclass(frozen=True)
class Forest:
    """A grown forest."""

    trees: RandomForestRegressor
    threads: int

    def predict(self, features: Features) -> NDArray[np.float64]:
        """See `Regressor`."""
        self.trees.set_params(n_jobs=self.threads if len(features) > FEW_ROWS else 1)
        return np.asarray(self.trees.predict(features), dtype=np.float64)
