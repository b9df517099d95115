"""The table a global model learns from: one row per series and period, the same code for the past and the next period.

Values are logarithms of sales in units of each series' own size, minus the logarithmic level of the series' last
periods. So series of any size, rising or falling, look alike, and a tree can forecast a level that it never saw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features.encoders import CategoryEncoder
from ml.features.lags import LagSpec, lag_features
from ml.features.plan import FeaturePlan, plan_features
from ml.panel import Panel
from ml.periods import period_dates

Floats = NDArray[np.float64]
SIZE_WINDOWS = 3
"""A series' size is its mean over this many level windows."""
LEAST_SIZE = 0.25
"""Of a series' mean over all periods, below which its size does not go."""


@dataclass(frozen=True)
class FeatureTable:
    """Everything fitted before the cutoff that features need, per series where an array.

    `size` is what sales are divided by, `codes` are the numbers of the series and static names (series, names),
    `age0` is the period number at which each series starts.
    """

    plan: FeaturePlan
    freq: str
    like: pd.Timestamp
    known: tuple[str, ...]
    encoders: dict[str, CategoryEncoder]
    size: Floats
    codes: Floats
    age0: NDArray[np.int64]

    @classmethod
    def fit(cls, panel: Panel) -> Self:
        """Choose lags, measure sizes and learn names on `panel`, which ends at the cutoff."""
        plan = plan_features(panel.freq, panel.season_length, len(panel.wide.numbers))
        names = _names(panel)
        encoders = {str(name): CategoryEncoder.fit(names[name]) for name in names}
        return cls(plan, panel.freq, panel.last, panel.known, encoders, *_measure(panel, plan, encoders))

    def update(self, panel: Panel) -> Self:
        """The same plan and encoders, with the series of newer data measured; new names are missing values."""
        size, codes, age0 = _measure(panel, self.plan, self.encoders)
        return replace(self, like=panel.last, size=size, codes=codes, age0=age0)

    @property
    def names(self) -> list[str]:
        """The features, in the order of the columns of `rows`."""
        return [*self.plan.lags.names, *self.plan.time.names, *self.known, *self.encoders]

    @property
    def categorical(self) -> list[str]:
        """Which of `names` are numbers of names."""
        return list(self.encoders)

    def scaled(self, y: Floats) -> Floats:
        """Sales as logarithms in units of each series' size; negative sales count as none."""
        return np.log1p(np.maximum(y, 0.0) / self.size[:, None])

    def unscaled(self, values: Floats) -> Floats:
        """The inverse of `scaled`, never negative."""
        return np.maximum(np.expm1(values), 0.0) * self.size[:, None]

    def levels(self, scaled: Floats, count: int) -> Floats:
        """The level before each of the last `count` periods, the very last one following the data; 0 where none."""
        spec = LagSpec(lags=(1,), means=(self.plan.level_window,))
        return np.nan_to_num(lag_features(scaled, spec, count)[1])

    def rows(
        self, scaled: Floats, numbers: NDArray[np.int64], known: dict[str, Floats]
    ) -> tuple[NDArray[np.float32], Floats]:
        """Features and levels for the periods `numbers`, of which the last one follows `scaled`.

        `known` holds (series, periods) matrices. Returns (series, periods, features) and (series, periods).
        """
        count = len(numbers)
        level = self.levels(scaled, count)
        out = np.empty((*level.shape, len(self.names)), dtype=np.float32)
        moving = lag_features(scaled, self.plan.lags, count)
        for i, lagged in enumerate(moving):
            out[..., i] = lagged - level
        dates = period_dates(numbers, self.freq, like=self.like)
        others: list[NDArray[Any]] = [
            *self.plan.time.features(dates, numbers[None, :] - self.age0[:, None]),
            *(known[name] for name in self.known),
            *(self.codes[:, i : i + 1] for i in range(self.codes.shape[1])),
        ]
        for i, values in enumerate(others, start=len(moving)):
            out[..., i] = values
        return out, level


def _names(panel: Panel) -> pd.DataFrame:
    """What the encoders read: one row per series."""
    return panel.statics.assign(unique_id=panel.ids)[["unique_id", *panel.static]]


def _measure(
    panel: Panel, plan: FeaturePlan, encoders: dict[str, CategoryEncoder]
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Size, codes and first period of each series."""
    names, wide = _names(panel), panel.wide
    codes = np.stack([encoder.transform(names[name]) for name, encoder in encoders.items()], axis=1)
    return _sizes(wide.y, SIZE_WINDOWS * plan.level_window), codes, wide.numbers[0] + wide.first


def _sizes(y: Floats, window: int) -> Floats:
    """Mean absolute value over the last `window` periods, else over all; 1 for series that are all zero.

    At least a part of that over all: one that was closed until yesterday would else be measured by a single day.
    """
    recent, ever = _mean_size(y[:, -window:]), _mean_size(y)
    size = np.where(recent > 0, np.maximum(recent, LEAST_SIZE * ever), ever)
    return np.where(size > 0, size, 1.0)


def _mean_size(y: Floats) -> Floats:
    count = np.maximum(np.isfinite(y).sum(axis=1), 1)
    return np.asarray(np.nansum(np.abs(y), axis=1) / count, dtype=np.float64)
