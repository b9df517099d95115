"""What the total demand of the coming days is forecast from: features of an origin, from the days before it alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.errors import DataError
from ml.features.encoders import CategoryEncoder
from ml.panel import Panel

Floats = NDArray[np.float64]
Feature = tuple[str, Floats]

YEAR = 364
"""Days of a year in whole weeks, so that weekdays match."""
LEVELS = (7, 14, 28, 56, 91, 182, YEAR)
SIZES = {28: 0.3, 91: 0.5, YEAR: 0.2}
"""What a series' size is made of: means of the last days, and their weights."""
SMALLEST = 0.02
"""Units a day that are added to each size, so that a series without recent sales can be divided by it."""
RECENT = 56
CALM = 0.1
"""Units a day by which both sides of a ratio are raised: little over little says little."""


@dataclass(frozen=True)
class History:
    """Daily demand (series, days) with its running sums; `first` is the column of each series' first day.

    `codes` are the numbers of the static names, (series, names), NaN where a name was not seen in fitting.
    """

    y: Floats
    sums: Floats
    first: NDArray[np.int64]
    codes: Floats
    names: tuple[str, ...]
    last: pd.Timestamp

    @classmethod
    def of(cls, panel: Panel, encoders: dict[str, CategoryEncoder]) -> Self:
        """Read a panel of days; raises DataError for another grain."""
        if panel.freq != "D":
            raise DataError(f"the panel's frequency is {panel.freq!r}; expected 'D': totals are learned from days.")
        y = np.maximum(np.nan_to_num(panel.wide.y), 0.0)
        sums = np.concatenate([np.zeros((len(y), 1)), np.cumsum(y, axis=1)], axis=1)
        codes = [encoder.transform(panel.statics[name]) for name, encoder in encoders.items()]
        stacked = np.stack(codes, axis=1) if codes else np.empty((len(y), 0))
        return cls(y, sums, panel.wide.first, stacked, tuple(encoders), panel.last)

    @property
    def days(self) -> int:
        """How many days it holds."""
        return int(self.y.shape[1])

    def total(self, start: int, end: int) -> Floats:
        """Demand of the days from `start` up to, not including, `end`."""
        low, high = (int(np.clip(day, 0, self.days)) for day in (start, end))
        return np.asarray(self.sums[:, high] - self.sums[:, low])

    def mean(self, origin: int, days: int) -> Floats:
        """Demand a day over the last `days` days before `origin`, or since a series began."""
        return self.total(origin - days, origin) / np.clip(origin - self.first, 1, days)

    def size(self, origin: int) -> Floats:
        """Units a day that a series is measured in."""
        return np.asarray(sum(share * self.mean(origin, days) for days, share in SIZES.items()) + SMALLEST)

    def features(self, origin: int, days: int) -> tuple[list[str], NDArray[np.float32]]:
        """Names and features (series, names) of the demand of the `days` days from `origin` on."""
        size = self.size(origin)
        named = [
            *((f"level{width}", self.mean(origin, width) / size) for width in LEVELS),
            *self._recent(origin, size),
            *self._last_year(origin, days, size),
            *self._groups(origin, days),
            *self._place(origin, size),
        ]
        return [name for name, _ in named], np.stack([values for _, values in named], axis=1).astype(np.float32)

    def _recent(self, origin: int, size: Floats) -> Iterator[Feature]:
        """How the last weeks vary, and for how long nothing has been sold."""
        recent = self.y[:, max(origin - RECENT, 0) : origin]
        sold = recent[:, ::-1] > 0
        yield "deviation", recent.std(axis=1) / size
        yield "zeros", 1.0 - sold.mean(axis=1)
        yield "since", np.where(sold.any(axis=1), sold.argmax(axis=1), RECENT).astype(np.float64)
        yield "most", recent[:, -28:].max(axis=1) / size

    def _last_year(self, origin: int, days: int, size: Floats) -> Iterator[Feature]:
        """The same days of the last years, and what followed on the level before them."""
        ahead, before = self._year_ago(origin, days)
        yield "year1", ahead / size
        yield "year1_before", before / size
        yield "year1_turn", _ratio(ahead, before, CALM)
        then = origin - 2 * YEAR
        known = (self.first <= then) & (then >= 0)
        yield "year2", np.where(known, self.total(then, then + days) / days, np.nan) / size

    def _year_ago(self, origin: int, days: int) -> tuple[Floats, Floats]:
        then = origin - YEAR
        known = self.first <= then
        ahead = self.total(then, min(then + days, origin)) / days
        before = self.total(then - 28, then) / np.clip(then - self.first, 1, 28)
        return np.where(known, ahead, np.nan), np.where(known, before, np.nan)

    def _groups(self, origin: int, days: int) -> Iterator[Feature]:
        """How all series of the same name have turned lately, and turned a year ago."""
        ahead, before = (np.nan_to_num(part) for part in self._year_ago(origin, days))
        means = {width: self.mean(origin, width) for width in (7, 28, 91, YEAR)}
        for i, name in enumerate(self.names):
            code = np.where(np.isnan(self.codes[:, i]), -1, self.codes[:, i]).astype(np.int64) + 1
            summed = {width: _by_group(values, code) for width, values in means.items()}
            yield f"{name}_turn", _ratio(_by_group(ahead, code), _by_group(before, code), CALM)
            yield from (
                (f"{name}_{short}_{long}", _ratio(summed[short], summed[long], CALM))
                for short, long in ((7, 28), (28, 91), (28, YEAR))
            )

    def _place(self, origin: int, size: Floats) -> Iterator[Feature]:
        """When it is, how old and how large a series is, and its names."""
        day = self.last + pd.Timedelta(days=origin - self.days + 1)
        yield "day_of_year", np.full(len(size), float(day.dayofyear))
        yield "weekday", np.full(len(size), float(day.dayofweek))
        yield "size", np.log(size)
        yield "age", (origin - self.first).astype(np.float64)
        yield from ((name, self.codes[:, i]) for i, name in enumerate(self.names))


def _by_group(values: Floats, code: NDArray[np.int64]) -> Floats:
    """The sum of its group, for each series."""
    return np.asarray(np.bincount(code, values)[code], dtype=np.float64)


def _ratio(upper: Floats, lower: Floats, calm: float) -> Floats:
    return np.asarray((upper + calm) / (lower + calm), dtype=np.float64)
