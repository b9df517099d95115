"""Where in the week, month and year a period lies, and how old a series is then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.errors import DataError

NAMES = {
    "D": ("dayofweek", "day", "month", "dayofyear"),
    "W": ("weekofyear", "month"),
    "MS": ("month",),
}


OF_YEAR = ("month", "dayofyear", "weekofyear")
YEAR = {"D": 366, "W": 53, "MS": 12}
GROWN_UP = {"D": 91, "W": 26, "MS": 12}
"""Periods from which on a series is as old as any other."""


@dataclass(frozen=True)
class TimePlan:
    """What a panel of some length can teach of time: names of the calendar, and a series' age up to `oldest` periods.

    Nothing that is just another name of the date, as places in the year are until they come again, and age is where all
    series begin together: trees would learn from it what is true of the last days alone, a holiday among them, and
    expect it of all days to come.
    """

    calendar: tuple[str, ...]
    oldest: int

    @classmethod
    def of(cls, freq: str, periods: int) -> Self:
        """That of a panel of so many periods; raises DataError for an unknown frequency."""
        if freq not in NAMES:
            raise DataError(f"no calendar features for the frequency {freq!r}; expected one of {', '.join(NAMES)}.")
        names = (name for name in NAMES[freq] if periods >= YEAR[freq] or name not in OF_YEAR)
        return cls(tuple(names), min(GROWN_UP[freq], periods // 2))

    @property
    def names(self) -> list[str]:
        """The features, in the order of `features`."""
        return [*self.calendar, "age"]

    def features(self, dates: pd.DatetimeIndex, age: NDArray[np.int64]) -> list[NDArray[Any]]:
        """Values by period, and the age (series, periods) last. Monday is 0, months and days count from 1."""
        return [*(_values(dates, name) for name in self.calendar), np.minimum(age, self.oldest)]


def _values(dates: pd.DatetimeIndex, name: str) -> NDArray[np.float64]:
    if name == "weekofyear":
        return dates.isocalendar()["week"].to_numpy(dtype=np.float64)
    return np.asarray(getattr(dates, name), dtype=np.float64)
