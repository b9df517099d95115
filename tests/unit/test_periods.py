"""Periods as whole numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from panels import dates

from ml.errors import DataError
from ml.periods import FREQS, following, period_dates, period_numbers, shift


@pytest.mark.parametrize("freq", FREQS)
def test_numbers_are_consecutive_and_turn_back_into_the_same_dates(freq: str) -> None:
    periods = dates(130, freq)
    numbers = period_numbers(periods, freq)
    assert (np.diff(numbers) == 1).all()
    assert (period_dates(numbers, freq, like=periods[7]) == periods).all()


@pytest.mark.parametrize("freq", FREQS)
def test_following_and_shift_agree_with_the_calendar(freq: str) -> None:
    periods = dates(30, freq)
    assert (following(periods[9], 20, freq) == periods[10:]).all()
    assert shift(periods[20], -15, freq) == periods[5]


def test_periods_before_1970_have_dates_too() -> None:
    assert shift(pd.Timestamp("1970-02-01"), -3, "MS") == pd.Timestamp("1969-11-01")
    assert shift(pd.Timestamp("1970-01-05"), -2, "W") == pd.Timestamp("1969-12-22")


@pytest.mark.parametrize(
    ("found", "freq", "expected"),
    [("2024-01-02", "MS", "the first of a month"), ("2024-01-01 08:00", "D", "without time of day")],
)
def test_a_date_that_starts_no_period_is_named(found: str, freq: str, expected: str) -> None:
    with pytest.raises(DataError, match=expected) as error:
        period_numbers(pd.DatetimeIndex([found]), freq)
    assert found in str(error.value)


def test_weeks_on_two_weekdays_are_refused() -> None:
    with pytest.raises(DataError, match="Monday"):
        period_numbers(pd.DatetimeIndex(["2024-01-01", "2024-01-09"]), "W")
