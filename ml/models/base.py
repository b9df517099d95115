"""What every model gives, and the parts that a new one has to bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.panel import Panel
from ml.quantiles import LEVELS


class Forecaster(Protocol):
    """Forecasts a whole panel at once, with bands. It can be pickled, and is small."""

    @property
    def name(self) -> str:
        """The name by which `ml.models.create` knows it."""

    @property
    def parameters(self) -> dict[str, Any]:
        """What it was made with: JSON values, stored in the registry."""

    @property
    def features(self) -> list[str]:
        """The inputs that the fitted model reads, by name; `[]` where it has none."""

    def fit(self, panel: Panel) -> Self:
        """Learn from all of `panel`; raises NotEnoughHistoryError below 2 periods."""

    def update(self, panel: Panel) -> Self:
        """Carry on from newer data of the same kind without learning again; `predict` then starts after `panel`.

        Series may have come or gone since; raises DataError before `fit`.
        """

    def predict(self, horizon: int, known: pd.DataFrame | None = None, levels: Sequence[int] = LEVELS) -> pd.DataFrame:
        """Forecast the `horizon` periods after the panel that was fitted.

        `known` holds `unique_id, ds` and the panel's known columns for those periods (see `Panel.future`).
        Returns one row per series and period: `unique_id, ds, mean, p50`, both ends of each level
        (`p10`, `p90`, …) and `model`, the name of what really made the row. Units are those of `y`;
        nothing is negative and quantiles never cross. Raises DataError where known columns are missing.
        """


@dataclass(frozen=True)
class Points:
    """Expected values: `mean` is (series, horizon), `model` names per series what made them."""

    mean: NDArray[np.float64]
    model: NDArray[np.object_]


class FittedPoints(Protocol):
    """A point model that has learned a panel."""

    @property
    def features(self) -> list[str]:
        """The inputs it reads, by name."""

    def update(self, panel: Panel) -> Self:
        """The same model at the end of newer data."""

    def predict(self, horizon: int, known: dict[str, NDArray[np.float64]]) -> Points:
        """The next `horizon` periods; `known` holds (series, horizon) matrices with NaN where not given."""


class PointModel(Protocol):
    """How to learn expected values from a panel; `ml.models.conformal` turns it into a Forecaster."""

    @property
    def name(self) -> str:
        """The name that rows made by it carry."""

    @property
    def parameters(self) -> dict[str, Any]:
        """What it was made with: JSON values."""

    def fit(self, panel: Panel) -> FittedPoints:
        """Learn from all of `panel`. Leaves this object as it is, so that it can be fitted again elsewhere."""


@runtime_checkable
class Thinnable(Protocol):
    """A point model that can learn from fewer rows, nearly as well and in less time."""

    def thinned(self, share: float) -> PointModel:
        """The same model, learning from at most this share of the rows that it would learn from."""
