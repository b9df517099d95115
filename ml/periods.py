"""Arithmetic on the periods of a panel: days, weeks and months as consecutive whole numbers.

A period is named by the timestamp of its first day. Numbers make gaps, ages and wide
matrices a matter of subtraction, the same for every frequency.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.errors import DataError

FREQS = ("D", "W", "MS")
"""Daily, weekly (any weekday, the same in the whole panel), monthly (first of the month)."""

SEASON_LENGTHS = {"D": 7, "W": 52, "MS": 12}
UNITS = {"D": "days", "W": "weeks", "MS": "months"}


def check_freq(freq: str) -> None:
    """Raises DataError for a frequency that the engine does not know."""
    if freq not in FREQS:
        raise DataError(f"the frequency is {freq!r}; expected one of {', '.join(FREQS)} (daily, weekly, monthly).")


def period_numbers(dates: pd.DatetimeIndex, freq: str) -> NDArray[np.int64]:
    """The consecutive number of each period; raises DataError where a date does not start one.

    Days since 1970-01-01; whole weeks since then, all dates on one weekday; or months since year 0.
    """
    if freq == "MS":
        _check_starts(dates, np.asarray(dates.day) == 1, "the first of a month")
        return np.asarray(dates.year, dtype=np.int64) * 12 + np.asarray(dates.month, dtype=np.int64) - 1
    days = dates.to_numpy().astype("datetime64[D]").astype(np.int64)
    _check_starts(dates, np.asarray(dates == dates.normalize()), "a date without time of day")
    if freq == "D" or not len(days):
        return days
    _check_starts(dates, days % 7 == days[0] % 7, f"a {dates[0]:%A}, as {dates[0]:%Y-%m-%d} is")
    return days // 7


def period_dates(numbers: NDArray[np.int64], freq: str, like: pd.Timestamp) -> pd.DatetimeIndex:
    """The dates of numbered periods; `like` is any period of the panel (it sets the weekday of weeks)."""
    if freq == "MS":
        months = np.asarray(numbers, dtype=np.int64) - 1970 * 12
        return pd.DatetimeIndex(months.astype("datetime64[M]").astype("datetime64[ns]"))
    days = np.asarray(numbers, dtype=np.int64)
    if freq == "W":
        days = days * 7 + like.to_datetime64().astype("datetime64[D]").astype(np.int64) % 7
    return pd.DatetimeIndex(days.astype("datetime64[D]").astype("datetime64[ns]"))


def period_number(date: pd.Timestamp, freq: str) -> int:
    """The number of one period."""
    return int(period_numbers(pd.DatetimeIndex([date]), freq)[0])


def shift(date: pd.Timestamp, steps: int, freq: str) -> pd.Timestamp:
    """The period `steps` after `date` (before it when negative)."""
    return period_dates(np.array([period_number(date, freq) + steps]), freq, like=date)[0]


def following(date: pd.Timestamp, count: int, freq: str) -> pd.DatetimeIndex:
    """The `count` periods after `date`."""
    return period_dates(period_number(date, freq) + 1 + np.arange(count), freq, like=date)


def _check_starts(dates: pd.DatetimeIndex, good: NDArray[np.bool_], expected: str) -> None:
    if good.all():
        return
    found = dates[int(np.argmin(good))]
    raise DataError(f"column ds: {found} does not start a period; expected {expected}. Give each period's first day.")
