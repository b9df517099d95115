"""The combination: weights that are told, coherent rows, closed periods."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml import models
from ml.models.calibration import COMBINED
from tests.panels import panel_of, seasonal_panel
from tests.unit.test_direct import shop_days

TAILS = ["p025", "p10", "p25", "p50", "p75", "p90", "p975"]


@pytest.fixture(scope="module")
def made() -> tuple[models.CombinedForecaster, pd.DataFrame]:
    panel = seasonal_panel(series=12, periods=60)
    cutoff = panel.periods[-7]
    model = models.create("auto", horizon=6).fit(panel.until(cutoff))
    return model, model.predict(6, panel.future(cutoff, 6))


def test_weights_add_up_and_are_among_the_parameters(made: tuple[models.CombinedForecaster, pd.DataFrame]) -> None:
    weights = made[0].parameters["weights"]
    assert sum(weights.values()) == pytest.approx(1.0, abs=1e-3)
    assert "direct_log" in weights
    assert "promo" in made[0].features


def test_rows_are_named_after_the_combination_and_their_quantiles_in_order(
    made: tuple[models.CombinedForecaster, pd.DataFrame],
) -> None:
    frame = made[1]
    assert set(frame["model"]) == {COMBINED}
    assert (np.diff(frame[TAILS].to_numpy(), axis=1) >= 0).all()
    assert (frame[["mean", *TAILS]].to_numpy() >= 0).all()


def test_a_series_that_no_member_can_learn_carries_the_name_of_the_simpler_model() -> None:
    long = seasonal_panel(series=6, periods=40).frame.pivot(index="ds", columns="unique_id", values="y")
    panel = panel_of({**{name: long[name].tolist() for name in long}, "new": [5.0, 6.0]})
    frame = models.create("auto", horizon=3).fit(panel).predict(3)
    assert set(frame.loc[frame["unique_id"] == "new", "model"]) == {"naive"}


def test_bands_are_nothing_where_all_is_closed() -> None:
    panel = shop_days(days=120)
    cutoff = panel.periods[-8]
    future = panel.future(cutoff, 7)
    frame = models.create("auto", horizon=7, windows=2).fit(panel.until(cutoff)).predict(7, future)
    shut = frame.merge(future, on=["unique_id", "ds"])["open"].to_numpy() == 0
    assert (frame.loc[shut, ["mean", *TAILS]] == 0).all(axis=None)
    assert (frame.loc[~shut, "p90"] > 0).all()


def test_a_budget_is_kept_by_leaving_members_out() -> None:
    panel = seasonal_panel(series=12, periods=60)
    cutoff = panel.periods[-7]
    hurried = models.create("auto", horizon=6, budget=1e-6).fit(panel.until(cutoff))
    assert hurried.parameters["weights"] == {"seasonal_naive": 1.0}
    assert len(hurried.predict(6, panel.future(cutoff, 6))) == 12 * 6
