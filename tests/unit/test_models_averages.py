"""Moving and historic averages."""

from __future__ import annotations

import numpy as np
import pytest
from panels import panel_of

from ml import models
from ml.models.averages import HistoricAverage, MovingAverage


def test_the_last_window_is_averaged() -> None:
    points = MovingAverage(window=3).fit(panel_of({"a": [100, 1, 2, 6], "b": [9, 0, 0, 0]})).predict(2, {})
    np.testing.assert_array_equal(points.mean, [[3, 3], [0, 0]])
    assert points.model.tolist() == ["moving_average", "moving_average"]


def test_a_series_no_longer_than_the_window_is_averaged_whole_and_says_so() -> None:
    points = MovingAverage(window=3).fit(panel_of({"a": [1, 2, 3, 4], "b": [4, 8]})).predict(1, {})
    assert points.mean[1, 0] == 6
    assert points.model.tolist() == ["moving_average", "historic_average"]


def test_all_of_the_past_is_averaged_from_a_series_start() -> None:
    points = HistoricAverage().fit(panel_of({"a": [0, 0, 9, 3], "b": [4, 8]})).predict(3, {})
    np.testing.assert_array_equal(points.mean, [[3, 3, 3], [6, 6, 6]])
    assert points.model.tolist() == ["historic_average", "historic_average"]


@pytest.mark.parametrize("model", [MovingAverage(window=3), HistoricAverage()])
def test_unknown_periods_are_left_out(model: MovingAverage | HistoricAverage) -> None:
    points = model.fit(panel_of({"a": [5, 5, np.nan, 5, 5], "gone": [2, 2, np.nan, np.nan, np.nan]})).predict(1, {})
    np.testing.assert_array_equal(points.mean, [[5], [2]])


def test_returns_alone_are_no_negative_forecast() -> None:
    assert HistoricAverage().fit(panel_of({"a": [-5, -3]})).predict(1, {}).mean[0, 0] == 0


def test_an_update_measures_newer_data() -> None:
    fitted = MovingAverage(window=2).fit(panel_of({"a": [1, 1, 1]}))
    assert fitted.update(panel_of({"a": [1, 1, 1, 5, 7]})).predict(1, {}).mean[0, 0] == 6


@pytest.mark.parametrize("name", ["moving_average", "historic_average"])
def test_they_are_registered(name: str) -> None:
    frame = models.create(name, horizon=3).fit(panel_of({"a": range(1, 25)})).predict(3)
    assert set(frame["model"]) == {name}
