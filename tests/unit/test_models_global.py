"""The global models on the table of features: ridge, random forest and XGBoost."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from panels import panel_of, seasonal_panel

from ml import models
from ml.models.forest import RandomForest
from ml.models.linear import Design, Ridge
from ml.models.naive import SeasonalNaive
from ml.models.recursive import Lesson
from ml.models.xgboosting import XGBoost
from ml.panel import Panel

MADE: list[Any] = [Ridge(), RandomForest(trees=30), XGBoost(rounds=60, learning_rate=0.1)]
every = pytest.mark.parametrize("model", MADE, ids=lambda model: model.name)


def plans(panel: Panel, horizon: int, value: float = 0.0) -> dict[str, np.ndarray]:
    return {name: np.full((len(panel.ids), horizon), value) for name in panel.known}


@every
def test_it_beats_seasonal_naive_on_a_season_with_trend(model: Any) -> None:
    whole = seasonal_panel(series=30, periods=72, noise=0.05)
    past, actual = whole.until(whole.periods[59]), whole.wide.y[:, 60:]
    known = {name: values[:, 60:] for name, values in whole.wide.known.items()}
    errors = [np.abs(made.fit(past).predict(12, known).mean - actual).sum() for made in (model, SeasonalNaive())]
    assert errors[0] < 0.9 * errors[1]


@every
def test_a_known_promotion_lifts_the_forecast(model: Any) -> None:
    panel = seasonal_panel(series=30, periods=60, noise=0.02)
    fitted = model.fit(panel)
    lift = fitted.predict(2, plans(panel, 2, 1.0)).mean.sum() / fitted.predict(2, plans(panel, 2)).mean.sum()
    assert 1.1 < lift < 1.5


@every
def test_the_same_panel_gives_the_same_forecasts(model: Any) -> None:
    panel = seasonal_panel(series=6, periods=40)
    made = [model.fit(panel).predict(6, plans(panel, 6)).mean for _ in range(2)]
    np.testing.assert_array_equal(*made)


@every
def test_series_that_it_cannot_fit_are_left_to_the_naive_model_visibly(model: Any) -> None:
    long = seasonal_panel(series=6, periods=40)
    values = {f"s{i}": list(row) for i, row in enumerate(long.wide.y)}
    panel = panel_of({**values, "dead": [5.0] * 8 + [0.0] * 32, "new": [3.0, 4.0]})
    points = model.fit(panel).predict(4, {})
    used = dict(zip(panel.ids, points.model, strict=True))
    assert (used["s0"], used["dead"], used["new"]) == (model.name, "seasonal_naive", "naive")
    np.testing.assert_array_equal(points.mean[panel.ids.get_loc("dead")], 0)


@every
def test_too_few_rows_leave_all_series_to_the_naive_model(model: Any) -> None:
    fitted = model.fit(panel_of({"a": range(1, 13), "b": range(1, 13)}))
    assert fitted.features == []
    assert set(fitted.predict(3, {}).model) == {"seasonal_naive"}


@every
@pytest.mark.parametrize("freq", ["D", "W"])
def test_days_and_weeks_with_unknown_values_are_forecast_too(model: Any, freq: str) -> None:
    panel = seasonal_panel(series=5, periods=120, freq=freq)
    holes = panel.frame["y"].where(panel.frame.index % 17 != 3)
    fitted = model.fit(replace(panel, frame=panel.frame.assign(y=holes)))
    points = fitted.predict(9, plans(panel, 9))
    assert np.isfinite(points.mean).all()
    assert (points.mean >= 0).all()
    assert {"promo", "age"} <= set(fitted.features)


@every
def test_an_update_carries_on_from_newer_data_without_learning(model: Any) -> None:
    whole = seasonal_panel(series=10, periods=50)
    fitted = model.fit(whole.until(whole.periods[44]))
    updated = fitted.update(whole)
    assert updated.regressor is fitted.regressor
    assert updated.last == fitted.last + 5
    doubled = fitted.update(replace(whole, frame=whole.frame.assign(y=whole.frame["y"] * 2)))
    before, after = (made.predict(3, plans(whole, 3)).mean for made in (updated, doubled))
    np.testing.assert_allclose(after, 2 * before, rtol=1e-5)


@every
def test_it_is_registered_and_pickled_small(model: Any, capfd: pytest.CaptureFixture[str]) -> None:
    panel = seasonal_panel(series=6, periods=48)
    forecaster = models.create(model.name, horizon=3).fit(panel.until(panel.periods[44]))
    stored = pickle.dumps(forecaster)
    known = panel.future(panel.periods[44], 3)
    made = forecaster.predict(3, known)
    assert set(made["model"]) == {model.name}
    assert pickle.loads(stored).predict(3, known).equals(made)  # noqa: S301 - its own bytes
    assert len(stored) < 3_000_000
    assert capfd.readouterr() == ("", "")


def test_a_seed_changes_the_forest() -> None:
    panel = seasonal_panel(series=6, periods=40)
    made = [RandomForest(trees=5, seed=seed).fit(panel).predict(3, plans(panel, 3)).mean for seed in (1, 2)]
    assert (made[0] != made[1]).any()


def test_the_inputs_of_ridge_are_on_one_scale() -> None:
    lesson = Lesson.of(seasonal_panel(series=10, periods=60), 10_000)
    inputs = Design.fit(lesson.features, lesson.table).transform(lesson.features)
    assert np.isfinite(inputs).all()
    assert np.abs(inputs).max() <= 6
    assert (inputs[:, 0] == 1).all()
    assert np.allclose(inputs[:, 1:3].std(axis=0), 1, atol=0.2)


def test_a_ridge_forecast_stays_within_the_changes_that_were_seen() -> None:
    panel = seasonal_panel(series=10, periods=60)
    line = Ridge().fit(panel).regressor
    assert line is not None
    wild = np.full((1, len(Ridge().fit(panel).features)), 1e6, dtype=np.float32)
    assert line.least <= line.predict(wild)[0] <= line.most
