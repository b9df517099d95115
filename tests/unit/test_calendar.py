"""Calendar features and the encoding of names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.errors import DataError
from ml.features.calendar import NAMES, calendar_features
from ml.features.encoders import CategoryEncoder


def test_days_know_their_place_in_week_month_and_year() -> None:
    features = calendar_features(pd.DatetimeIndex(["2024-02-29"]), "D")
    assert {name: value.item() for name, value in features.items()} == {
        "dayofweek": 3.0, "day": 29.0, "month": 2.0, "dayofyear": 60.0,
    }  # fmt: skip


def test_weeks_are_numbered_as_iso_does() -> None:
    assert calendar_features(pd.DatetimeIndex(["2021-01-03"]), "W")["weekofyear"].tolist() == [53.0]


@pytest.mark.parametrize("freq", NAMES)
def test_every_grain_gives_the_features_it_names(freq: str) -> None:
    features = calendar_features(pd.date_range("2024-01-01", periods=5, freq="D"), freq)
    assert tuple(features) == NAMES[freq]
    assert all(values.shape == (5,) for values in features.values())


def test_an_unknown_grain_is_refused() -> None:
    with pytest.raises(DataError, match="'Q'; expected one of D, W, MS"):
        calendar_features(pd.DatetimeIndex(["2024-01-01"]), "Q")


def test_names_not_seen_in_fitting_are_missing() -> None:
    encoder = CategoryEncoder.fit(pd.Series(["north", "south", "north"]))
    np.testing.assert_array_equal(encoder.transform(pd.Series(["south", "east", "north"])), [1, np.nan, 0])


def test_numbers_do_not_depend_on_the_order_of_rows() -> None:
    one, other = CategoryEncoder.fit(pd.Series(["b", "a"])), CategoryEncoder.fit(pd.Series(["a", "b", "b"]))
    assert one.names.tolist() == other.names.tolist()
