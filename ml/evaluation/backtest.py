"""Rolling-origin backtests: forecasts as they would have been made, beside what was then sold."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ml.errors import DataError
from ml.evaluation.origins import plan_cutoffs, steps_after
from ml.features.scales import naive_scales
from ml.models.base import Forecaster
from ml.panel import KEYS, Panel
from ml.progress import Progress, silent
from ml.quantiles import LEVELS

__all__ = ["backtest", "plan_cutoffs"]


def backtest(
    panel: Panel,
    forecaster: Forecaster,
    cutoffs: Sequence[pd.Timestamp],
    horizon: int,
    progress: Progress = silent,
    *,
    levels: Sequence[int] = LEVELS,
    whole: bool = False,
) -> pd.DataFrame:
    """Fit a copy of `forecaster` at each cutoff, on what was known then, and forecast `horizon` periods.

    Steps that no series can be scored on yet are left out, unless `whole` asks for all of the horizon.

    Returns one row per series, cutoff and step: `unique_id, cutoff, ds, step, y` (NaN where it is not known yet),
    `mean`, the quantiles of `levels`, `model`, and the series' `rmsse_scale` and `mase_scale` before the cutoff.
    Nothing after a cutoff but known columns reaches the model. Raises DataError without cutoffs
    and for a horizon below 1.
    """
    if horizon < 1:
        raise DataError(f"the horizon is {horizon}; expected at least 1 period.")
    if not cutoffs:
        raise DataError("no cutoff to forecast from; expected at least one. Give earlier cutoffs or a longer panel.")
    parts = []
    for done, cutoff in enumerate(cutoffs):
        progress("backtest", done, len(cutoffs))
        steps = horizon if whole else max(1, steps_after(panel, cutoff, horizon))
        parts.append(_one(panel, forecaster, cutoff, steps, levels))
    progress("backtest", len(cutoffs), len(cutoffs))
    return pd.concat(parts, ignore_index=True)


def with_actuals(frame: pd.DataFrame, panel: Panel, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Forecast rows of one cutoff with their `step`, the panel's `y`, and the scales of their series."""
    out = frame.merge(panel.frame[[*KEYS, "y"]], on=KEYS, how="left")
    out["cutoff"] = cutoff
    out["step"] = out.groupby("unique_id").cumcount() + 1
    return out.join(error_scales(panel.until(cutoff)), on="unique_id")


def error_scales(past: Panel) -> pd.DataFrame:
    """What errors of each series are measured in: `rmsse_scale` and `mase_scale` by `unique_id`.

    The root mean square of the one-step naive error, and the mean absolute error of seasonal naive (one-step where the
    series is no longer than a season); NaN below two periods.
    """
    naive, squares = naive_scales(past, 1)
    seasonal, _ = naive_scales(past, past.season_length)
    scales = {"rmsse_scale": squares, "mase_scale": np.where(np.isnan(seasonal), naive, seasonal)}
    return pd.DataFrame(scales, index=past.ids)


def _one(panel: Panel, forecaster: Forecaster, cutoff: pd.Timestamp, steps: int, levels: Sequence[int]) -> pd.DataFrame:
    fitted = copy.deepcopy(forecaster).fit(panel.until(cutoff))
    return with_actuals(fitted.predict(steps, panel.future(cutoff, steps), levels), panel, cutoff)
