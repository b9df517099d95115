"""Prophet per series: season, regressors and holidays, time limit, what is kept, what is said."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from panels import panel_of, seasonal_panel

from ml.models.prophet_series import ProphetSeries, filled
from ml.panel import Panel


def test_season_and_promotion_are_recovered_in_silence(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    whole = seasonal_panel(series=2, periods=60, noise=0.02)
    past = whole.until(whole.periods[53])
    known = {name: values[:, 54:] for name, values in whole.wide.known.items()}
    points = ProphetSeries().fit(past).predict(6, known)
    assert points.model.tolist() == ["prophet_library", "prophet_library"]
    np.testing.assert_allclose(points.mean, whole.wide.y[:, 54:], rtol=0.2)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_series_that_cannot_be_fitted_are_left_to_the_naive_model_visibly() -> None:
    season = list(np.tile([5.0, 9.0, 2.0, 4.0] * 3, 3))
    values = {"flat": [7.0] * 36, "new": [3.0, 4.0], "sold": season, "zero": [0.0] * 36}
    points = ProphetSeries().fit(panel_of(values)).predict(3, {})
    assert points.model.tolist() == ["seasonal_naive", "naive", "prophet_library", "seasonal_naive"]
    assert (points.mean >= 0).all()


def test_a_fit_that_takes_too_long_shows_as_naive() -> None:
    panel = panel_of({"a": np.random.default_rng(0).random(60)})
    assert ProphetSeries(seconds=0.001).fit(panel).predict(2, {}).model.tolist() == ["seasonal_naive"]


def test_factors_are_for_series_that_sell_in_every_period() -> None:
    y = np.tile(100 + 40 * np.sin(2 * np.pi * np.arange(12) / 12), 4) * np.linspace(1, 3, 48)
    for first, mode in ((y[0], "multiplicative"), (0.0, "additive")):
        panel = panel_of({"a": [first, *y[1:]]})
        auto, asked = (ProphetSeries(mode=own).fit(panel).predict(6, {}).mean for own in ("auto", mode))
        np.testing.assert_array_equal(auto, asked)


def test_what_is_kept_is_small_and_forecasts_the_same() -> None:
    panel = seasonal_panel(series=1, periods=400, freq="D")
    fitted = ProphetSeries().fit(panel)
    stored = pickle.dumps(fitted)
    known = {"promo": np.zeros((1, 5))}
    assert len(stored) < 30_000
    again = pickle.loads(stored).predict(5, known)  # noqa: S301 - its own bytes
    np.testing.assert_array_equal(again.mean, fitted.predict(5, known).mean)
    assert again.model.tolist() == ["prophet_library"]


def test_an_update_moves_the_origin() -> None:
    whole = panel_of({"a": np.tile(100 + 40 * np.sin(2 * np.pi * np.arange(12) / 12), 4)})
    fitted = ProphetSeries().fit(whole.until(whole.periods[41]))
    assert fitted.update(whole).last == whole.last
    np.testing.assert_allclose(fitted.update(whole).predict(12, {}).mean[0], whole.wide.y[0, :12], rtol=0.1)


def test_public_holidays_of_a_country_are_seen() -> None:
    dates = pd.date_range("2021-01-01", "2022-12-20", freq="D")
    level = np.random.default_rng(0).normal(100, 2, len(dates))
    frame = pd.DataFrame({"unique_id": "a", "ds": dates, "y": np.where(dates.strftime("%m%d") == "1225", 10.0, level)})
    panel = Panel.from_frame(frame, "D", 7)
    closed, open_ = (ProphetSeries(country=code).fit(panel).predict(6, {}).mean[0, 4] for code in ("US", None))
    assert closed < 50
    assert open_ > 80


def test_unknown_sales_and_plans_are_no_hindrance() -> None:
    panel = seasonal_panel(series=1, periods=48)
    holes = panel.frame.assign(
        y=panel.frame["y"].where(panel.frame.index != 20), promo=panel.frame["promo"].where(panel.frame.index > 2)
    )
    points = ProphetSeries().fit(replace(panel, frame=holes)).predict(3, {"promo": np.full((1, 3), np.nan)})
    assert points.model.tolist() == ["prophet_library"]


def test_plans_are_carried_on_and_back() -> None:
    known = {"price": np.array([[np.nan, 2.0, np.nan, 3.0], [np.nan] * 4])}
    np.testing.assert_array_equal(filled(known, 3)["price"], [[2, 2, 3], [0, 0, 0]])
    np.testing.assert_array_equal(filled(known, 4)["price"][0], [2, 2, 2, 3])
