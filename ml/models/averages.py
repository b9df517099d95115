"""Averages of what was sold: the level alone, for series without a season worth repeating."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.models.base import Points
from ml.panel import Panel

Floats = NDArray[np.float64]

MOVING_AVERAGE = "moving_average"
HISTORIC_AVERAGE = "historic_average"
WINDOWS = {"D": 28, "W": 13, "MS": 6}
"""Periods of a moving average unless asked otherwise: whole weeks, a quarter, half a year."""


@dataclass(frozen=True)
class MovingAverage:
    """The mean of the last `window` periods (None: by grain, see WINDOWS), without those that are unknown.

    A series that is no longer than the window has nothing to leave out: its row is named `historic_average`.
    """

    window: int | None = None
    name: str = MOVING_AVERAGE

    @property
    def parameters(self) -> dict[str, Any]:
        return {"window": self.window}

    def fit(self, panel: Panel) -> FittedAverage:
        """Measure the level of each series."""
        wide, window = panel.wide, self.window or WINDOWS[panel.freq]
        recent = known_mean(wide.y[:, -window:])
        moving = (wide.lengths > window) & np.isfinite(recent)
        level = np.where(moving, recent, known_mean(wide.y))
        return FittedAverage(self, level, np.where(moving, MOVING_AVERAGE, HISTORIC_AVERAGE).astype(object))


@dataclass(frozen=True)
class HistoricAverage:
    """The mean of all known periods since a series started."""

    name: str = HISTORIC_AVERAGE

    @property
    def parameters(self) -> dict[str, Any]:
        return {}

    def fit(self, panel: Panel) -> FittedAverage:
        """Measure the level of each series."""
        level = known_mean(panel.wide.y)
        return FittedAverage(self, level, np.full(len(level), HISTORIC_AVERAGE, dtype=object))


@dataclass(frozen=True)
class FittedAverage:
    """One level per series."""

    average: MovingAverage | HistoricAverage
    level: Floats
    model: NDArray[np.object_]

    @property
    def features(self) -> list[str]:
        return []

    def update(self, panel: Panel) -> FittedAverage:
        """The levels of newer data."""
        return self.average.fit(panel)

    def predict(self, horizon: int, known: dict[str, Floats]) -> Points:  # noqa: ARG002 - it knows no plans
        """The level in every period."""
        return Points(np.repeat(np.maximum(self.level, 0.0)[:, None], horizon, axis=1), self.model)


def known_mean(y: Floats) -> Floats:
    """The mean of each row's known values; NaN where it has none."""
    count = np.isfinite(y).sum(axis=1)
    out = np.full(len(y), np.nan)
    np.divide(np.nansum(y, axis=1), count, out=out, where=count > 0)
    return out
