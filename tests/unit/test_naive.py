"""Seasonal naive, its visible fall-back, and the contract of every forecaster."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from panels import dates, panel_of, seasonal_panel

from ml import models
from ml.errors import ConfigurationError, DataError, NotEnoughHistoryError
from ml.models.naive import SeasonalNaive


def test_the_last_season_is_repeated() -> None:
    points = SeasonalNaive().fit(panel_of({"a": range(1, 25)})).predict(14, {})
    np.testing.assert_array_equal(points.mean[0], [*range(13, 25), 13, 14])
    assert points.model.tolist() == ["seasonal_naive"]


def test_a_series_under_one_season_repeats_its_last_value_and_says_so() -> None:
    points = SeasonalNaive().fit(panel_of({"long": range(24), "short": [4, 8]})).predict(3, {})
    np.testing.assert_array_equal(points.mean[1], [8, 8, 8])
    assert points.model.tolist() == ["seasonal_naive", "naive"]


def test_a_panel_of_one_period_has_no_error_to_learn_from() -> None:
    with pytest.raises(NotEnoughHistoryError, match="1 of 2 months"):
        models.create("seasonal_naive").fit(panel_of({"a": [5], "b": [6]}))


@pytest.mark.parametrize("name", ["seasonal_naive", "lightgbm", "auto"])
@pytest.mark.parametrize(
    "values",
    [
        {"a": [3.0, 5.0, 4.0]},
        {"a": [0.0] * 30, "b": [0.0] * 30},
        {"a": [7.0] * 30, "b": [1.0] * 15},
        {"a": [0.0] * 29 + [100.0], "b": [0.0] * 10 + [50.0] + [0.0] * 19},
        {"a": [-5.0, 3.0, -2.0, 8.0] * 4},
        {"a": range(12), "b": [4.0, 2.0]},
    ],
    ids=["three-periods", "all-zero", "constant", "one-spike", "returns", "one-year"],
)
def test_odd_panels_give_finite_ordered_forecasts(name: str, values: dict[str, list[float]]) -> None:
    frame = models.create(name).fit(panel_of(values)).predict(14)
    columns = ["p025", "p10", "p25", "p50", "p75", "p90", "p975"]
    bands = frame[columns].to_numpy()
    assert len(frame) == 14 * len(values)
    assert np.isfinite(frame[["mean", *columns]].to_numpy()).all()
    assert (frame["mean"] >= 0).all()
    assert (bands >= 0).all()
    assert (np.diff(bands, axis=1) >= 0).all()


def test_three_periods_give_a_wide_band_that_grows() -> None:
    frame = models.create("seasonal_naive").fit(panel_of({"a": [100.0, 120.0, 110.0]})).predict(6)
    width = (frame["p90"] - frame["p10"]).to_numpy()
    assert width[0] > 20
    assert (np.diff(width[:3]) > 0).all()


def test_two_equal_periods_do_not_promise_a_third() -> None:
    frame = (
        models.create("seasonal_naive").fit(panel_of({"a": [100.0, 100.0, 90.0], "b": [50.0, 50.0, 50.0]})).predict(1)
    )
    still = frame[frame["unique_id"] == "b"].iloc[0]
    assert still["p90"] > 50 > still["p10"]


def test_forecasts_follow_the_panel_period_by_period() -> None:
    frame = models.create("seasonal_naive").fit(panel_of({"a": range(24)})).predict(3)
    assert list(frame["ds"]) == list(dates(27)[24:])


def test_asked_levels_are_given_and_no_others() -> None:
    frame = models.create("seasonal_naive").fit(panel_of({"a": range(24)})).predict(1, levels=(90,))
    assert list(frame.columns) == ["unique_id", "ds", "mean", "p05", "p50", "p95", "model"]


def test_an_unfitted_model_and_an_empty_horizon_are_refused() -> None:
    with pytest.raises(DataError, match="has not been fitted"):
        models.create("seasonal_naive").predict(3)
    with pytest.raises(DataError, match="horizon is 0"):
        models.create("seasonal_naive").fit(panel_of({"a": range(9)})).predict(0)


def test_missing_known_columns_are_named() -> None:
    panel = seasonal_panel(series=2, periods=30)
    with pytest.raises(DataError, match="known columns promo"):
        models.create("seasonal_naive").fit(panel).predict(3)


def test_an_unknown_model_is_refused_with_the_names() -> None:
    with pytest.raises(ConfigurationError, match="'oracle'; expected one of seasonal_naive, lightgbm, combination"):
        models.create("oracle")


@pytest.mark.parametrize("name", [*models.MODELS, "auto"])
def test_a_fitted_model_is_pickled_small_and_forecasts_the_same(name: str) -> None:
    panel = seasonal_panel(series=8, periods=40)
    model = models.create(name, horizon=3).fit(panel)
    stored = pickle.dumps(model)
    known = panel.frame[["unique_id", "promo"]].drop_duplicates("unique_id").assign(ds=dates(41)[40])
    again = pickle.loads(stored).predict(1, known)  # noqa: S301 - its own bytes
    assert len(stored) < 2_000_000
    assert again.equals(model.predict(1, known))
