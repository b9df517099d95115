"""What the orders would have cost that forecasts call for: by which models can be chosen instead of by their errors."""

from __future__ import annotations

from math import ceil

import numpy as np
import pandas as pd

from ml.inventory.demand import Demand
from ml.inventory.levels import MARGIN, YEAR
from ml.inventory.policy import critical_ratio
from ml.inventory.rules import Rules
from ml.inventory.stock import ASSUMED_LEAD

SEASON_DAYS = Rules().review_days + ASSUMED_LEAD
"""Days that an order has to last: a review period and a lead time."""
HOLDING = Rules().holding_rate * SEASON_DAYS / YEAR
"""Cost of holding a unit over these days, as a share of its value; one that is missed costs the MARGIN."""

PERIOD_DAYS = {"D": 1, "W": 7, "MS": 30}


def stock_cost(frame: pd.DataFrame, freq: str) -> float | None:
    """Cost of stock as a share of what was sold, from backtest rows `unique_id, cutoff, step, y, mean, p10, p90`.

    At each cutoff each series orders once, up to the level that costs least by its forecast of the first periods
    (those that an order has to last for): a newsvendor with its left-overs held on and its
    misses lost, h (S − D)⁺ + p (D − S)⁺ [SS 4.6]. Stretches with an unknown actual are left out; None without sales.
    """
    early = frame[frame["step"] <= ceil(SEASON_DAYS / PERIOD_DAYS[freq])]
    columns = early.set_index(["unique_id", "cutoff", "step"])[["y", "mean", "p10", "p90"]].unstack("step")
    wide = {name: columns[name].to_numpy(dtype=np.float64) for name in ("y", "mean", "p10", "p90")}
    wide = {name: values[np.isfinite(wide["y"]).all(axis=1)] for name, values in wide.items()}
    wanted = np.maximum(wide["y"], 0.0).sum(axis=1)
    if not wanted.sum() > 0:
        return None
    sums = Demand.from_quantiles(wide["mean"], wide["p10"], wide["p90"]).sums()
    level = sums.quantile(float(critical_ratio(HOLDING, MARGIN)))[:, -1]
    cost = HOLDING * np.maximum(level - wanted, 0.0) + MARGIN * np.maximum(wanted - level, 0.0)
    return float(cost.sum() / wanted.sum())
