"""What is steady in a model's errors, and what merely differs from origin to origin.

Models of logarithms aim below the mean, and every model misses growth that its panel has not shown before. How much is
measured on rolling origins and shrunk towards nothing by the positive-part rule of James and Stein (1961), where the
noise is the change between origins and, since neighbouring origins err alike, an ordinary drift of level.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ORDINARY_DRIFT = 0.05
"""A total that comes out by this share higher or lower than forecast says nothing about the next one."""
LIMITS = (0.7, 1.6)
"""Beyond these a ratio tells of a broken panel rather than of the model."""


def steady(deviation: float, per_origin: NDArray[np.float64], drift: float) -> float:
    """The part of a deviation that stands out from noise; 0 where one origin alone is known."""
    if len(per_origin) < 2 or deviation == 0:
        return 0.0
    noise = float(np.var(per_origin, ddof=1)) / len(per_origin) + drift**2
    return deviation * max(0.0, 1.0 - noise / deviation**2)


def bias_factor(frame: pd.DataFrame) -> float:
    """What to multiply expected values by: the steady part of actual over forecast volume.

    `frame` holds backtest rows with `y, mean, cutoff`.
    """
    volume = frame.groupby("cutoff")[["y", "mean"]].sum()
    if (volume["mean"] <= 0).any():
        return 1.0
    excess = float(volume["y"].sum() / volume["mean"].sum()) - 1.0
    ratios = (volume["y"] / volume["mean"]).to_numpy(dtype=np.float64)
    return float(np.clip(1.0 + steady(excess, ratios, ORDINARY_DRIFT), *LIMITS))
