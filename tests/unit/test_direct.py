"""The direct model: a row per origin and step, closed periods, and blocks beyond what was learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.features.closures import find_closures
from ml.features.direct import DirectTable
from ml.features.running import RunningMeans, columns
from ml.models.direct import DirectLightGBM
from ml.panel import Panel
from tests.panels import dates, seasonal_panel


def shop_days(series: int = 12, days: int = 140) -> Panel:
    """Daily sales of shops of three sizes that sell more towards the weekend and nothing on Sundays (`open` is 0)."""
    random = np.random.default_rng(3)
    parts = []
    for number in range(series):
        ds = dates(days, "D")
        level = 10 ** (1 + number % 3) * (1 + 0.1 * ds.dayofweek.to_numpy())
        closed = ds.dayofweek.to_numpy() == 6
        y = np.where(closed, 0.0, level * random.lognormal(0, 0.1, days))
        parts.append(
            pd.DataFrame({"unique_id": f"s{number:02d}", "ds": ds, "y": y, "open": np.where(closed, 0.0, 1.0)})
        )
    return Panel.from_frame(pd.concat(parts), "D", 7, known=["open"])


def test_windows_outside_of_the_data_are_unknown() -> None:
    means = RunningMeans.of(np.array([[1.0, np.nan, 3.0, 5.0]]))
    found = means.between(np.array([-3, 0, 1, 4, 3]), np.array([0, 3, 2, 9, 9]))
    np.testing.assert_array_equal(found, [[np.nan, 2.0, np.nan, np.nan, 5.0]])
    np.testing.assert_array_equal(columns(np.array([[1.0, 2.0]]), np.array([-1, 1, 2])), [[np.nan, 2.0, np.nan]])


def test_a_column_under_whose_zero_nothing_is_sold_is_a_closure() -> None:
    assert find_closures(shop_days().wide) == ("open",)


def test_on_closed_days_nothing_is_forecast_and_others_are_not_drawn_down() -> None:
    panel = shop_days()
    cutoff = panel.periods[-15]
    known = panel.until(cutoff)
    model = DirectLightGBM("log", horizon=14, rounds=40).fit(known)
    plans = {name: values[:, -14:] for name, values in panel.wide.known.items()}
    made = model.predict(14, plans).mean
    shut = plans["open"] == 0
    assert (made[shut] == 0).all()
    actual = panel.wide.y[:, -14:]
    assert made[~shut].sum() == pytest.approx(actual[~shut].sum(), rel=0.1)


@pytest.mark.parametrize("objective", ["log", "tweedie"])
def test_the_season_is_learned(objective: str) -> None:
    panel = seasonal_panel(series=20, periods=72)
    past = panel.until(panel.periods[-13])
    plans = {name: values[:, -12:] for name, values in panel.wide.known.items()}
    made = DirectLightGBM(objective, horizon=12, rounds=80).fit(past).predict(12, plans).mean
    actual = panel.wide.y[:, -12:]
    assert np.abs(made - actual).sum() / actual.sum() < 0.2


def test_steps_beyond_the_learned_ones_start_from_their_forecasts() -> None:
    panel = seasonal_panel(series=12, periods=60)
    plain = Panel.from_frame(panel.frame.drop(columns=["promo"]), "MS", 12, static=["region"])
    model = DirectLightGBM("log", horizon=6, rounds=30).fit(plain)
    longer = model.predict(15, {}).mean
    np.testing.assert_array_equal(longer[:, :6], model.predict(6, {}).mean)
    assert np.isfinite(longer).all()
    assert longer[:, 6:].sum() > 0


def test_what_is_kept_of_the_past_gives_the_features_of_all_of_it() -> None:
    table = DirectTable.fit(seasonal_panel(series=5, periods=120))
    recent, steps = table.recent(), np.arange(1, 7)
    plans = {"promo": np.zeros((5, 6))}
    assert recent.y.shape[1] < table.y.shape[1]
    whole, cut = (part.rows(part.reader(plans), part.y.shape[1] - 1, steps) for part in (table, recent))
    np.testing.assert_allclose(cut[1], whole[1], rtol=1e-5)


def test_unknown_names_are_missing_values() -> None:
    panel = seasonal_panel(series=5, periods=60)
    model = DirectLightGBM("log", horizon=6, rounds=20).fit(panel)
    renamed = replace(panel, frame=panel.frame.assign(unique_id=panel.frame["unique_id"] + "-new"))
    assert np.isfinite(model.update(renamed).predict(6, {"promo": np.zeros((5, 6))}).mean).all()
