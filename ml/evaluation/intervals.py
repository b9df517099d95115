"""Bands from errors that were really made: split conformal prediction, pooled over a panel.

A forecast's signed error on an origin that it did not see, divided by the series' scale, is one draw
from the errors to come (Vovk et al. 2005; Lei et al. 2018). Draws are pooled over the series of a group, and
over the steps after division by a growth `step ** b`, where `b` is fitted to the sizes of the errors. The same
growth carries on beyond the last step that could be calibrated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ml.errors import DataError
from ml.evaluation.bias import steady
from ml.quantiles import LEVELS, tail_name, tails

Floats = NDArray[np.float64]

GRID = np.round(np.concatenate([[0.005], np.arange(0.01, 1.0, 0.01), [0.995]]), 3)
"""The quantiles that are kept per group; others are interpolated."""
ENOUGH = 30
"""Draws below which a group's quantiles come from a Student t distribution of the draws' size, and an origin is too
small to be told unusual."""
FEWEST = 8
"""Draws below which a group takes the quantiles of all groups together."""
ORDINARY_SHIFT = 0.15
"""A median error of this many scales may point the other way next time."""
FEWEST_ORIGINS = 3
"""Origins below which none can be told to be unusual."""
UNUSUAL = 1.5
"""An origin whose errors are so many times as large as the median origin's went unusually wrong."""
RANDOM_WALK = 0.5
"""Growth exponent where too few steps could be calibrated to fit one."""


@dataclass(frozen=True)
class ConformalBands:
    """Quantiles of scaled errors per group, and how errors grow with the step.

    `groups` holds the quantiles of GRID per group; the group `None` pools all and serves groups never seen.
    """

    groups: dict[Any, Floats]
    growth: float

    @classmethod
    def fit(cls, frame: pd.DataFrame, group: str | None = None) -> Self:
        """Learn from backtest rows: `y, mean, step`, optionally `scale` and the column `group`.

        `scale` is what errors are measured in, per row; without it the forecast's own level serves (see
        `forecast_level`). Raises DataError where no row has both an actual and a forecast.
        """
        rows = frame[frame["y"].notna() & frame["mean"].notna()]
        if rows.empty:
            raise DataError("no actuals to calibrate bands with; expected rows with y and mean. Backtest first.")
        scale = _scale(rows)
        scored = scale > 0
        error = np.divide((rows["y"] - rows["mean"]).to_numpy(float), scale, out=np.zeros(len(rows)), where=scored)
        origin = pd.factorize(rows["cutoff"])[0] if "cutoff" in rows.columns else np.zeros(len(rows), dtype=np.int64)
        error = _held(error, origin)
        step = rows["step"].to_numpy(float)
        growth = _growth(error[scored], step[scored])
        draws = error / step**growth
        groups: dict[Any, Floats] = {None: _quantiles(draws[scored], origin[scored])}
        if group is not None:
            of_row = rows[group].to_numpy()
            for name in pd.unique(rows.loc[scored, group]):
                member = scored & (of_row == name)
                if member.sum() >= FEWEST:
                    groups[name] = _quantiles(draws[member], origin[member])
        return cls(groups, growth)

    def apply(self, frame: pd.DataFrame, group: str | None = None, levels: Sequence[int] = LEVELS) -> pd.DataFrame:
        """Quantile columns for forecast rows `mean, step`, optionally `scale` and `group`; same index.

        Never negative, never crossing; the band of a row with scale 0 is its mean.
        """
        wanted = tails(levels)
        table = {name: np.interp(wanted, GRID, kept) for name, kept in self.groups.items()}
        names = frame[group] if group is not None else pd.Series([None] * len(frame), index=frame.index)
        codes, found = pd.factorize(names, use_na_sentinel=False)
        per_group = np.array([table.get(name, table[None]) for name in found]).reshape(-1, len(wanted))
        size = _scale(frame) * frame["step"].to_numpy(float) ** self.growth
        values = frame["mean"].to_numpy(float)[:, None] + size[:, None] * per_group[codes]
        values = np.maximum.accumulate(np.maximum(values, 0.0), axis=1)
        return pd.DataFrame(values, index=frame.index, columns=[tail_name(share) for share in wanted])


def forecast_level(frame: pd.DataFrame) -> pd.Series:
    """The mean forecast per series (and cutoff, where given): a scale that needs no history."""
    keys = [name for name in ("unique_id", "cutoff") if name in frame.columns]
    return frame["mean"].abs().groupby([frame[name] for name in keys]).transform("mean")


def _scale(frame: pd.DataFrame) -> Floats:
    return np.asarray(frame["scale"] if "scale" in frame.columns else forecast_level(frame), dtype=np.float64)


def _growth(error: Floats, step: Floats) -> float:
    """The exponent `b` of `mean |error| ~ step ** b`, by least squares on logarithms, within 0 to 1."""
    sizes = pd.Series(np.abs(error)).groupby(step).agg(["mean", "size"])
    sizes = sizes[sizes["mean"] > 0]
    if len(sizes) < 4:
        return RANDOM_WALK
    slope = np.polyfit(np.log(sizes.index.to_numpy(float)), np.log(sizes["mean"]), 1, w=np.sqrt(sizes["size"]))[0]
    return float(np.clip(slope, 0.0, 1.0))


def _held(error: Floats, origin: NDArray[np.int64]) -> Floats:
    """Errors of origins that went unusually wrong, such as those before Christmas, held to a size that may come again.

    With a few origins, one such would else stand for a third of all futures.
    """
    sizes = pd.Series(np.abs(error)).groupby(origin).agg(["mean", "size"])
    if len(sizes) < FEWEST_ORIGINS or (sizes["size"] < ENOUGH).any() or not (sizes["mean"] > 0).all():
        return error
    mean = sizes["mean"].to_numpy(dtype=np.float64)
    return np.asarray(error * np.minimum(1.0, UNUSUAL * np.median(mean) / mean)[origin], dtype=np.float64)


def _quantiles(draws: Floats, origin: NDArray[np.int64]) -> Floats:
    """The grid's quantiles around the steady part of the median.

    The k-th of n sorted draws stands for k / (n + 1), the finite-sample correction of split conformal prediction.
    """
    count = len(draws)
    if not count:
        return np.zeros(len(GRID))
    if count < ENOUGH:
        spread = float(np.sqrt(np.mean(draws**2)))
        return np.asarray(spread * stats.t.ppf(GRID, df=max(count, 2)), dtype=np.float64)
    quantiles = np.interp(GRID, np.arange(1, count + 1) / (count + 1), np.sort(draws))
    median = float(np.median(draws))
    per_origin: Floats = np.asarray(pd.Series(draws).groupby(origin).median(), dtype=np.float64)
    shift = steady(median, per_origin, ORDINARY_SHIFT) - median
    return np.asarray(quantiles + shift, dtype=np.float64)
