"""The statistical models: what they recover, what they leave to seasonal naive, how they carry on."""

from __future__ import annotations

import numpy as np
import pytest
from panels import dates, panel_of, seasonal_panel

from ml import models
from ml.errors import ConfigurationError, DataError
from ml.models import statistical, univariate
from ml.models.statistical import AHEAD, STATISTICAL, Statistical, completed

SEASONAL = ("theta", "auto_ets", "ces", "auto_arima")
INTERMITTENT = ("croston_sba", "tsb", "adida")
CYCLE = 100 + 40 * np.sin(2 * np.pi * np.arange(12) / 12)


def seasons(count: int, noise: float = 1.0) -> list[float]:
    return list(np.tile(CYCLE, count) + np.random.default_rng(1).normal(0, noise, 12 * count))


def test_the_registered_names_are_those_that_can_be_fitted() -> None:
    assert models.STATISTICAL == STATISTICAL == (*SEASONAL, *INTERMITTENT)


@pytest.mark.parametrize("name", SEASONAL)
def test_a_season_is_recovered(name: str) -> None:
    points = Statistical(name).fit(panel_of({"a": seasons(5), "b": [3 * y for y in seasons(5)]})).predict(12, {})
    assert points.model.tolist() == [name, name]
    np.testing.assert_allclose(points.mean, [CYCLE, 3 * CYCLE], rtol=0.06)


@pytest.mark.parametrize("name", ["auto_ets", "ces", "theta"])
def test_a_season_of_weeks_is_recovered(name: str) -> None:
    cycle = 100 + 40 * np.sin(2 * np.pi * np.arange(52) / 52)
    y = np.tile(cycle, 3) + np.random.default_rng(1).normal(0, 1, 156)
    points = Statistical(name).fit(panel_of({"a": y}, freq="W")).predict(26, {})
    assert points.model.tolist() == [name]
    np.testing.assert_allclose(points.mean[0], cycle[:26], rtol=0.08)


@pytest.mark.parametrize("name", INTERMITTENT)
def test_intermittent_demand_is_forecast_at_its_rate(name: str) -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(400) < 0.25) * 8.0
    points = Statistical(name).fit(panel_of({"a": y}, freq="D")).predict(28, {})
    assert points.model.tolist() == [name]
    assert (points.mean == points.mean[0, 0]).all()
    assert 1.2 < points.mean[0, 0] < 3.2


@pytest.mark.parametrize("name", STATISTICAL)
def test_series_that_cannot_be_fitted_are_left_to_the_naive_model_visibly(name: str) -> None:
    panel = panel_of(
        {"flat": [7.0] * 40, "new": [3.0, 4.0], "returns": [-5.0, -3.0] * 20, "sold": seasons(3), "zero": [0.0] * 40}
    )
    points = Statistical(name).fit(panel).predict(14, {})
    used = dict(zip(panel.ids, points.model, strict=True))
    assert used == {
        "flat": "seasonal_naive",
        "new": "naive",
        "returns": "seasonal_naive",
        "sold": name,
        "zero": "seasonal_naive",
    }
    assert np.isfinite(points.mean).all()
    assert (points.mean >= 0).all()
    np.testing.assert_array_equal(points.mean[panel.ids.get_loc("flat")], 7)


@pytest.mark.parametrize("broken", [np.full(60, np.nan), np.full(60, 1e9)], ids=["nan", "exploding"])
def test_a_failed_fit_shows_as_naive(monkeypatch: pytest.MonkeyPatch, broken: np.ndarray) -> None:
    monkeypatch.setitem(univariate.FITS, "theta", lambda *_: (broken, None))
    points = Statistical("theta").fit(panel_of({"a": seasons(3)})).predict(3, {})
    assert points.model.tolist() == ["seasonal_naive"]
    assert points.mean.max() < 200


@pytest.mark.parametrize("name", STATISTICAL)
def test_an_update_moves_the_origin_and_keeps_the_forms(name: str) -> None:
    whole = panel_of({"a": seasons(5), "b": [3 * y for y in seasons(5)]})
    fitted = Statistical(name).fit(whole.until(dates(60)[53]))
    updated = fitted.update(whole)
    assert updated.forms == fitted.forms
    assert updated.path.shape == fitted.path.shape
    if name in SEASONAL:
        np.testing.assert_allclose(updated.predict(6, {}).mean[0], CYCLE[:6], rtol=0.06)
        np.testing.assert_allclose(fitted.predict(6, {}).mean[0], CYCLE[6:], rtol=0.06)


def test_a_series_that_a_kept_form_no_longer_fits_is_chosen_anew() -> None:
    whole = panel_of({"a": seasons(4)})
    fitted = Statistical("auto_ets").fit(whole)
    fitted.forms["a"] = "MNMN"  # impossible with a zero
    zeros = panel_of({"a": [*seasons(4), 0.0]})
    updated = fitted.update(zeros)
    assert updated.forms["a"][0] == "A"
    assert updated.predict(1, {}).model.tolist() == ["auto_ets"]


def test_unknown_values_are_as_a_season_before() -> None:
    y = np.array([1.0, 2, 3, np.nan, 5, np.nan, np.nan])
    np.testing.assert_array_equal(completed(y, 3), [1, 2, 3, 1, 5, 3, 1])
    np.testing.assert_array_equal(completed(y, 9), [1, 2, 3, 3, 5, 5, 5])


def test_unknown_values_do_not_spoil_a_forecast() -> None:
    y = np.array(seasons(5))
    y[[17, 18, 40, 59]] = np.nan
    points = Statistical("theta").fit(panel_of({"a": y, "b": seasons(5)})).predict(12, {})
    np.testing.assert_allclose(points.mean[0], CYCLE, rtol=0.1)


def test_only_the_latest_periods_are_looked_at() -> None:
    past = panel_of({"a": [*(9 * np.array(seasons(5))), *seasons(3)]})
    short = Statistical("theta", longest=36).fit(past).predict(12, {}).mean
    np.testing.assert_array_equal(short, Statistical("theta").fit(panel_of({"a": seasons(3)})).predict(12, {}).mean)


def test_processes_give_the_same_forecasts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml.compute.WORTH_STARTING", 0.0)
    panel = seasonal_panel(series=12, periods=36)
    alone, together = (Statistical("tsb", threads=threads).fit(panel).predict(6, {}).mean for threads in (1, 2))
    np.testing.assert_array_equal(alone, together)


def test_the_horizon_ends_where_the_paths_end() -> None:
    fitted = Statistical("tsb").fit(panel_of({"a": seasons(2)}))
    assert fitted.predict(AHEAD["MS"], {}).mean.shape == (1, AHEAD["MS"])
    with pytest.raises(DataError, match="tsb forecasts at most 60 months; asked for 61"):
        fitted.predict(61, {})


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'oracle'; expected one of theta"):
        Statistical("oracle")


def test_bands_lie_around_the_forecast_and_nothing_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    frame = (
        models.create("ces", horizon=6, longest=36)
        .fit(seasonal_panel(series=4, periods=48))
        .predict(6, seasonal_panel(series=4, periods=54).future(dates(48)[47], 6))
    )
    assert (frame["p10"] <= frame["p50"]).all()
    assert capfd.readouterr() == ("", "")
    assert statistical.LONGEST["MS"] > 36
