"""The floor: what was sold a season ago."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.models.base import Points
from ml.panel import Panel

Floats = NDArray[np.float64]

SEASONAL_NAIVE = "seasonal_naive"
NAIVE = "naive"


@dataclass(frozen=True)
class SeasonalNaive:
    """Repeats the last season; a series shorter than one season repeats its last value (`naive`)."""

    name: str = SEASONAL_NAIVE

    @property
    def parameters(self) -> dict[str, Any]:
        return {}

    def fit(self, panel: Panel) -> FittedSeasonalNaive:
        """Keep the last season of each series."""
        wide, season = panel.wide, panel.season_length
        y = carried(wide.y, season)
        seasonal = wide.lengths >= season
        cycle = np.repeat(y[:, -1:], season, axis=1)
        if seasonal.any():
            cycle[seasonal] = y[seasonal, -season:]
        return FittedSeasonalNaive(cycle, np.where(seasonal, SEASONAL_NAIVE, NAIVE).astype(object))


def carried(y: Floats, season: int) -> Floats:
    """`y` with unknown values as they were a season before, else as in the period before them."""
    if np.isfinite(y[:, -season:]).all():
        return y
    filled = y.copy()
    for lag in (season, 1):
        for column in range(lag, y.shape[1]):
            missing = np.isnan(filled[:, column])
            filled[missing, column] = filled[missing, column - lag]
    return filled


@dataclass(frozen=True)
class FittedSeasonalNaive:
    """The last season of each series, (series, season)."""

    cycle: Floats
    model: NDArray[np.object_]

    @property
    def features(self) -> list[str]:
        return []

    def update(self, panel: Panel) -> FittedSeasonalNaive:
        """The last season of newer data."""
        return SeasonalNaive().fit(panel)

    def predict(self, horizon: int, known: dict[str, Floats]) -> Points:  # noqa: ARG002 - it knows no plans
        """Repeat the cycle over `horizon` periods."""
        repeats = -(-horizon // self.cycle.shape[1])
        return Points(np.maximum(np.tile(self.cycle, repeats)[:, :horizon], 0.0), self.model)
