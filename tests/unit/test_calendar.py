"""What models are told of time, and the encoding of names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.errors import DataError
from ml.features.calendar import NAMES, TimePlan
from ml.features.encoders import CategoryEncoder


def test_days_know_their_place_in_week_month_and_year() -> None:
    plan = TimePlan.of("D", 800)
    features = plan.features(pd.DatetimeIndex(["2024-02-29"]), np.array([[17]]))
    assert {name: value.item() for name, value in zip(plan.names, features, strict=True)} == {
        "dayofweek": 3.0, "day": 29.0, "month": 2.0, "dayofyear": 60.0, "age": 17.0,
    }  # fmt: skip


def test_weeks_are_numbered_as_iso_does() -> None:
    week = TimePlan.of("W", 200).features(pd.DatetimeIndex(["2021-01-03"]), np.array([[0]]))[0]
    assert week.tolist() == [53.0]


@pytest.mark.parametrize("freq", NAMES)
def test_every_grain_gives_the_features_it_names(freq: str) -> None:
    plan = TimePlan.of(freq, 1_000)
    features = plan.features(pd.date_range("2024-01-01", periods=5, freq="D"), np.arange(10).reshape(2, 5))
    assert plan.calendar == NAMES[freq]
    assert [values.shape for values in features] == [(5,)] * len(NAMES[freq]) + [(2, 5)]


@pytest.mark.parametrize(
    ("freq", "periods", "calendar"), [("D", 365, ("dayofweek", "day")), ("W", 52, ()), ("MS", 11, ())]
)
def test_places_in_the_year_are_told_once_they_come_again(freq: str, periods: int, calendar: tuple[str, ...]) -> None:
    assert TimePlan.of(freq, periods).calendar == calendar
    assert TimePlan.of(freq, periods + 1).calendar == NAMES[freq]


def test_age_is_told_up_to_half_of_what_is_known() -> None:
    ages = np.array([[0, 44, 45, 80]])
    dates = pd.date_range("2024-01-01", periods=4, freq="D")
    assert TimePlan.of("D", 90).features(dates, ages)[-1].tolist() == [[0, 44, 45, 45]]


def test_an_unknown_grain_is_refused() -> None:
    with pytest.raises(DataError, match="'Q'; expected one of D, W, MS"):
        TimePlan.of("Q", 100)


def test_names_not_seen_in_fitting_are_missing() -> None:
    encoder = CategoryEncoder.fit(pd.Series(["north", "south", "north"]))
    np.testing.assert_array_equal(encoder.transform(pd.Series(["south", "east", "north"])), [1, np.nan, 0])


def test_numbers_do_not_depend_on_the_order_of_rows() -> None:
    one, other = CategoryEncoder.fit(pd.Series(["b", "a"])), CategoryEncoder.fit(pd.Series(["a", "b", "b"]))
    assert one.names.tolist() == other.names.tolist()
