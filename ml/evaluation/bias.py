"""Corrects a model's steady bias, as far as it stands out from its own change between origins.

Models of logarithms aim at the median and fall short of the mean. How short is measured on rolling origins as
actual over forecast volume per group, and shrunk towards 1 by the positive-part rule of James and Stein (1961):
a ratio that merely differs from origin to origin corrects nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LIMITS = (0.7, 1.6)
"""Beyond these a ratio tells of a broken series rather than of the model."""


@dataclass(frozen=True)
class BiasCorrection:
    """A factor per group on the expected values; 1 for groups never seen."""

    factors: dict[Any, float]

    @classmethod
    def fit(cls, frame: pd.DataFrame, group: str) -> Self:
        """Learn from backtest rows with `y, mean, cutoff` and the column `group`."""
        sums = frame.groupby([group, "cutoff"])[["y", "mean"]].sum()
        return cls({name: _factor(rows) for name, rows in sums.groupby(level=0)})

    def apply(self, frame: pd.DataFrame, group: str) -> NDArray[np.float64]:
        """The corrected expected values of rows with `mean` and the column `group`."""
        factors = frame[group].map(self.factors).fillna(1.0)
        return frame["mean"].to_numpy(dtype=np.float64) * factors.to_numpy(dtype=np.float64)


def _factor(rows: pd.DataFrame) -> float:
    """The shrunk ratio of actual to forecast volume over origins, one row each."""
    forecast = rows["mean"].sum()
    if len(rows) < 2 or forecast <= 0 or (rows["mean"] <= 0).any():
        return 1.0
    excess = rows["y"].sum() / forecast - 1.0
    noise = float((rows["y"] / rows["mean"]).var(ddof=1)) / len(rows)
    kept = max(0.0, 1.0 - noise / excess**2) if excess else 0.0
    return float(np.clip(1.0 + kept * excess, *LIMITS))
