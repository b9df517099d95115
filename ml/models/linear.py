"""One ridge regression over all series of a panel: lags, plans and seasonal terms, all on one scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ml.features.table import FeatureTable
from ml.models.recursive import Features, FittedRecursive, Lesson
from ml.panel import Panel

Floats = NDArray[np.float64]

RIDGE = "ridge"
MOST_ROWS = 600_000
"""Rows of the learning table; of a larger panel the earliest periods are left out."""
CHUNK = 50_000
"""Rows that are laid out at once."""
HARMONICS = {
    "dayofweek": (7.0, 3),
    "day": (30.44, 3),
    "dayofyear": (365.25, 6),
    "weekofyear": (52.18, 6),
    "month": (12.0, 5),
}
"""Calendar features that go round: periods in a cycle, and how many harmonics of it make the seasonal terms."""
FURTHEST = 6.0
"""Standard deviations to which a scaled input is held: a line would carry an outlier on without end."""


@dataclass(frozen=True)
class Ridge:
    """Least squares with a penalty (Hoerl and Kennard 1970) on logarithms relative to each series' level.

    Inputs are centred and scaled, missing ones are at their mean; numbers of names are left out, since the lags hold
    each series' own level. `penalty` is per row, in units of the scaled inputs' variance.
    """

    penalty: float = 0.001
    name: str = RIDGE

    @property
    def parameters(self) -> dict[str, Any]:
        return {"penalty": self.penalty}

    def fit(self, panel: Panel) -> FittedRecursive:
        """Learn all series at once, by the normal equations."""
        lesson = Lesson.of(panel, MOST_ROWS)
        line = Line.through(lesson, self.penalty) if lesson.enough else None
        return FittedRecursive.at_end_of(panel, RIDGE, line, lesson.table)


@dataclass(frozen=True)
class Design:
    """Turns features into inputs: scaled `numeric` columns and harmonics of `cyclic` ones."""

    numeric: list[int]
    cyclic: list[tuple[int, float, int]]
    mean: Floats
    deviation: Floats

    @classmethod
    def fit(cls, features: Features, table: FeatureTable) -> Self:
        """Measure the scales; a column that never changes or is never known counts for nothing."""
        names = table.names
        cyclic = [(i, *HARMONICS[name]) for i, name in enumerate(names) if name in HARMONICS]
        numeric = [i for i, name in enumerate(names) if name not in HARMONICS and name not in table.categorical]
        mean, deviation = np.zeros(len(numeric)), np.full(len(numeric), np.inf)
        for position, column in enumerate(numeric):
            values = features[:, column].astype(np.float64)
            values = values[np.isfinite(values)]
            if len(values) and np.ptp(values) > 0:
                mean[position], deviation[position] = values.mean(), values.std()
        return cls(numeric, cyclic, mean, deviation)

    def transform(self, features: Features) -> Floats:
        """Inputs (rows, inputs), the first one the constant."""
        scaled = (features[:, self.numeric].astype(np.float64) - self.mean) / self.deviation
        parts = [np.ones((len(features), 1)), np.clip(np.nan_to_num(scaled), -FURTHEST, FURTHEST)]
        for column, length, count in self.cyclic:
            angle = 2 * np.pi * features[:, column : column + 1].astype(np.float64) / length * np.arange(1, count + 1)
            parts += [np.sin(angle), np.cos(angle)]
        return np.concatenate(parts, axis=1)


@dataclass(frozen=True)
class Line:
    """The weights of the inputs; forecasts stay within the changes that were seen in learning."""

    design: Design
    weights: Floats
    least: float
    most: float

    @classmethod
    def through(cls, lesson: Lesson, penalty: float) -> Self:
        """Solve (X'X + n·penalty·I) w = X'y, without a penalty on the constant."""
        design = Design.fit(lesson.features, lesson.table)
        size = len(design.transform(lesson.features[:1])[0])
        products, sums = np.zeros((size, size)), np.zeros(size)
        for start in range(0, len(lesson.target), CHUNK):
            x = design.transform(lesson.features[start : start + CHUNK])
            products += x.T @ x
            sums += x.T @ lesson.target[start : start + CHUNK]
        ridge = np.full(size, len(lesson.target) * penalty)
        ridge[0] = 0.0
        weights: Floats = np.linalg.solve(products + np.diag(ridge), sums).astype(np.float64)
        return cls(design, weights, float(lesson.target.min()), float(lesson.target.max()))

    def predict(self, features: Features) -> Floats:
        """See `Regressor`."""
        made: Floats = np.clip(self.design.transform(features) @ self.weights, self.least, self.most)
        return made
