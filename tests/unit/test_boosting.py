"""The global LightGBM: what it sees, what it leaves to the naive model, and that it repeats itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from panels import panel_of, seasonal_panel

from ml import models
from ml.features.calendar import GROWN_UP
from ml.features.table import FeatureTable
from ml.models.boosting import LightGBM, useful_threads
from ml.panel import Panel


def known_future(panel: Panel, horizon: int) -> dict[str, np.ndarray]:
    return {name: np.zeros((len(panel.ids), horizon)) for name in panel.known}


def test_training_and_forecasting_compute_the_same_features() -> None:
    panel = seasonal_panel(series=6, periods=60)
    wide, table = panel.wide, FeatureTable.fit(panel)
    scaled = table.scaled(wide.y)
    learned, levels = table.rows(scaled[:, :-1], wide.numbers, wide.known)
    last = {name: values[:, -1:] for name, values in wide.known.items()}
    asked, level = table.rows(scaled[:, :-1][:, -table.plan.reach :], wide.numbers[-1:], last)
    np.testing.assert_allclose(asked[:, 0], learned[:, -1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(level[:, 0], levels[:, -1], rtol=1e-9)
    assert learned.shape[2] == len(table.names)


def test_scaling_is_undone_exactly_and_ignores_returns() -> None:
    table = FeatureTable.fit(panel_of({"a": [100, 0, 50, -20], "b": [1, 2, 3, 4]}))
    y = np.array([[100.0, 0.0, -20.0], [1.0, 2.0, 3.0]])
    np.testing.assert_allclose(table.unscaled(table.scaled(y)), np.maximum(y, 0), atol=1e-12)


def test_names_that_come_later_are_missing_values() -> None:
    panel = seasonal_panel(series=3, periods=30)
    newcomer = panel.frame[panel.frame["unique_id"] == "s00"].assign(unique_id="new", region="elsewhere")
    later = Panel.from_frame(pd.concat([panel.frame, newcomer]), "MS", 12, panel.static, panel.known)
    updated = FeatureTable.fit(panel).update(later)
    assert np.isnan(updated.codes[0]).all()
    assert np.isfinite(updated.codes[1:]).all()


def test_the_same_seed_gives_the_same_forecasts_and_another_one_others() -> None:
    panel = seasonal_panel(series=10, periods=40)
    made = [LightGBM(rounds=40, seed=seed).fit(panel).predict(6, known_future(panel, 6)).mean for seed in (1, 1, 2)]
    np.testing.assert_array_equal(made[0], made[1])
    assert (made[0] != made[2]).any()


def test_it_beats_seasonal_naive_on_a_season_with_trend() -> None:
    whole = seasonal_panel(series=30, periods=72, noise=0.05)
    past = whole.until(whole.periods[59])
    actual = whole.wide.y[:, 60:]
    plans = {name: values[:, 60:] for name, values in whole.wide.known.items()}
    error = {
        name: np.abs(model.fit(past).predict(12, plans).mean - actual).sum() / actual.sum()
        for name, model in {"trees": LightGBM(), "naive": models.naive.SeasonalNaive()}.items()
    }
    assert error["trees"] < 0.9 * error["naive"]


def test_a_known_promotion_lifts_the_forecast() -> None:
    panel = seasonal_panel(series=30, periods=60, noise=0.02)
    fitted = LightGBM().fit(panel)
    quiet = fitted.predict(3, {"promo": np.zeros((30, 3))}).mean.sum()
    loud = fitted.predict(3, {"promo": np.ones((30, 3))}).mean.sum()
    assert 1.15 < loud / quiet < 1.45


def test_series_that_it_cannot_fit_are_left_to_the_naive_model_visibly() -> None:
    long = seasonal_panel(series=6, periods=40)
    values = {f"s{i}": list(row) for i, row in enumerate(long.wide.y)}
    panel = panel_of({**values, "dead": [5.0] * 8 + [0.0] * 32, "new": [3.0, 4.0]})
    points = LightGBM(rounds=20).fit(panel).predict(4, {})
    used = dict(zip(panel.ids, points.model, strict=True))
    assert (used["s0"], used["dead"], used["new"]) == ("lightgbm", "seasonal_naive", "naive")
    np.testing.assert_array_equal(points.mean[panel.ids.get_loc("dead")], 0)
    np.testing.assert_array_equal(points.mean[panel.ids.get_loc("new")], 4)


def test_too_few_rows_to_learn_from_leave_all_series_to_the_naive_model() -> None:
    fitted = LightGBM().fit(panel_of({"a": range(1, 13), "b": range(1, 13)}))
    assert fitted.features == []
    assert set(fitted.predict(3, {}).model) == {"seasonal_naive"}


@pytest.mark.parametrize(("freq", "periods"), [("D", 120), ("W", 120)])
def test_days_and_weeks_are_forecast_too(freq: str, periods: int) -> None:
    panel = seasonal_panel(series=5, periods=periods, freq=freq)
    fitted = LightGBM(rounds=30).fit(panel)
    points = fitted.predict(9, known_future(panel, 9))
    assert points.mean.shape == (5, 9)
    assert (points.mean > 0).all()
    assert {"unique_id", "region", "promo", "age"} <= set(fitted.features)


def test_an_update_carries_on_from_newer_data_without_learning() -> None:
    whole = seasonal_panel(series=10, periods=50)
    fitted = LightGBM(rounds=40).fit(whole.until(whole.periods[44]))
    updated = fitted.update(whole)
    assert updated.regressor is fitted.regressor
    assert updated.last == fitted.last + 5
    doubled = replace(whole, frame=whole.frame.assign(y=whole.frame["y"] * 2))
    more = fitted.update(doubled).predict(3, known_future(whole, 3)).mean
    np.testing.assert_allclose(more, 2 * updated.predict(3, known_future(whole, 3)).mean, rtol=1e-6)


def test_the_model_is_no_larger_for_a_longer_past() -> None:
    fitted = LightGBM(rounds=5).fit(seasonal_panel(series=4, periods=200))
    assert fitted.seen.shape == (4, fitted.table.plan.reach)


def test_few_rows_are_not_shared_out_over_threads() -> None:
    assert useful_threads(8, 1_000) == 1
    assert useful_threads(8, 120_000) == 2
    assert useful_threads(2, 10_000_000) == 2


def daily_panel(y: np.ndarray) -> Panel:
    """Series of days that all begin together."""
    series, days = y.shape
    frame = pd.DataFrame({
        "unique_id": np.repeat([f"s{number:03d}" for number in range(series)], days),
        "ds": np.tile(pd.date_range("2023-01-01", periods=days), series),
        "y": y.ravel(),
    })  # fmt: skip
    return Panel.from_frame(frame, "D", 7)


def weekly_rhythm(series: int, days: int) -> np.ndarray:
    """Days of ten to a hundred units with a weekly season and noise."""
    random = np.random.default_rng(5)
    rhythm = 1 + 0.4 * np.sin(np.arange(days) * 2 * np.pi / 7)
    return np.linspace(10, 100, series)[:, None] * rhythm * random.gamma(20.0, 1 / 20.0, (series, days))


@pytest.mark.parametrize("days", [90, 200, 400])
def test_a_rush_on_the_last_day_is_not_expected_of_all_days_to_come(days: int) -> None:
    y = weekly_rhythm(series=60, days=days + 28)
    y[:, days - 1] *= 4.0
    made = models.create("lightgbm", horizon=28).fit(daily_panel(y[:, :days])).predict(28)["mean"]
    assert made.sum() / y[:, days:].sum() == pytest.approx(1.0, abs=0.25)


def test_a_series_that_was_closed_until_yesterday_is_forecast_by_what_it_sold_before() -> None:
    y = weekly_rhythm(series=60, days=456)
    y[:12, 280:399] = 0.0
    table = FeatureTable.fit(daily_panel(y[:, :400]))
    usual = y[:12, :280].mean(axis=1)
    assert (table.size[:12] / usual > 0.15).all()
    fitted = LightGBM(rounds=100).fit(daily_panel(y[:, :400])).update(daily_panel(y[:, :428]))
    made = fitted.predict(28, {}).mean
    assert made[:12].sum() / y[:12, 428:].sum() < 1.5


def test_age_is_told_until_a_series_has_grown_up() -> None:
    panel = daily_panel(weekly_rhythm(series=3, days=200))
    table, wide = FeatureTable.fit(panel), panel.wide
    rows, _ = table.rows(table.scaled(wide.y)[:, :-1], wide.numbers, {})
    age = rows[0, :, table.names.index("age")]
    assert age[:90].tolist() == list(range(90))
    assert (age[91:] == GROWN_UP["D"]).all()
