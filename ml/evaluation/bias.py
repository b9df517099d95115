"""What is steady in a model's errors, and what merely differs from origin to origin.

Models of logarithms aim below the mean, and every model misses growth that its panel has not shown before. How much is
measured on rolling origins and shrunk towards nothing by the positive-part rule of James and Stein (1961), where the
noise is the change between origins and, since neighbouring origins err alike, an ordinary drift of level.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LIMITS = (0.7, 1.6)
"""Beyond these a ratio tells of a broken panel rather than of the model."""
RECENT = 3
"""Origins that have to agree: what a model misses of growth lasts for months, not for years."""
WORTH = 0.005
"""How much worse forecasts of single series may become for a total that is right."""
STEPS_BACK = (1.0, 0.8, 0.6, 0.4, 0.2)
"""Parts of a correction that are tried, the whole one first."""


def steady(deviation: float, per_origin: NDArray[np.float64], drift: float) -> float:
    """The part of a deviation that stands out from noise; 0 where one origin alone is known."""
    if len(per_origin) < 2 or deviation == 0:
        return 0.0
    noise = float(np.var(per_origin, ddof=1)) / len(per_origin) + drift**2
    return deviation * max(0.0, 1.0 - noise / deviation**2)


def agreed_factor(frame: pd.DataFrame) -> float:
    """What to multiply expected values by where the latest origins agree that they are too low, or too high.

    It is the median of these origins' ratios of actual to forecast volume, taken back towards 1 until it costs the
    single series next to nothing (their root mean squared scaled errors; see `WORTH`): where sales are sporadic, a
    total that is right would be bought with worse forecasts of each series. `frame` holds backtest rows with
    `unique_id, cutoff, y, mean, scale`.
    """
    volume = frame.groupby("cutoff")[["y", "mean"]].sum().iloc[-RECENT:]
    if len(volume) < 2 or (volume["mean"] <= 0).any():
        return 1.0
    ratios = (volume["y"] / volume["mean"]).to_numpy(dtype=np.float64)
    if not ((ratios > 1).all() or (ratios < 1).all()):
        return 1.0
    excess = float(np.clip(np.median(ratios), *LIMITS)) - 1.0
    rows = frame[(frame["scale"] > 0) & frame["cutoff"].isin(volume.index)]
    allowed = _typical_error(rows, 1.0) * (1 + WORTH)
    parts = (part for part in STEPS_BACK if _typical_error(rows, 1 + part * excess) <= allowed)
    return 1.0 + next(parts, 0.0) * excess


def _typical_error(rows: pd.DataFrame, factor: float) -> float:
    """The mean over series of the root mean squared error in units of their scale."""
    squares = ((rows["y"] - factor * rows["mean"]) / rows["scale"]) ** 2
    return float(np.sqrt(squares.groupby(rows["unique_id"]).mean()).mean())
