"""Prophet for a whole panel: what must not change a result, hard series, and the engine's protocols."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from panels import dates, panel_of, seasonal_panel

from ml.errors import ConfigurationError, DataError, NotEnoughHistoryError
from ml.evaluation.backtest import backtest
from ml.models.conformal import ConformalForecaster
from ml.models.prophet_panel.fitted import FittedPanel, fit_panel
from ml.models.prophet_panel.forecaster import ProphetForecaster, ProphetPoints, Settings
from ml.models.prophet_panel.options import Options
from ml.models.prophet_panel.simulate import simulate
from ml.panel import Panel

pytestmark = pytest.mark.timeout(900)  # the first run on a machine compiles for some time

SHARES = (0.025, 0.1, 0.5, 0.9, 0.975)


def mixed_panel(count: int = 40, periods: int = 120, freq: str = "D") -> Panel:
    """Series of several ages and with gaps, in two regions, with a known column."""
    random = np.random.default_rng(8)
    parts = []
    for i in range(count):
        length = periods - (i % 3) * 20
        y = random.gamma(4, 5, length) * (1 + 0.3 * np.sin(np.arange(length) * 2 * np.pi / 7))
        frame = pd.DataFrame({"unique_id": f"s{i:03d}", "ds": dates(periods, freq)[periods - length :], "y": y})
        if i % 5 == 0:
            frame.loc[frame.index[10:14], "y"] = np.nan
        parts.append(frame.assign(region=f"r{i % 2}", promo=(random.random(length) < 0.2).astype(float)))
    panel = pd.concat(parts, ignore_index=True)
    return Panel(panel, freq, 7, ("region",), ("promo",))


def numbers(fitted: FittedPanel) -> dict[str, Any]:
    """All that is known of each series, by name."""
    known = {spec.name: np.ones((len(fitted.ids), 9)) for spec in fitted.options.regressors}
    mean, quantiles = fitted.quantiles(9, SHARES, known)
    return {
        name: (fitted.coefficients(name), mean[row], quantiles[row])
        for row, name in enumerate(fitted.ids)
        if fitted.fitted[row]
    }


def assert_same_bits(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for name, (coefficients, mean, quantiles) in one.items():
        for key, value in coefficients.items():
            assert np.array_equal(value, other[name][0][key]), (name, key)
        assert np.array_equal(mean, other[name][1]), name
        assert np.array_equal(quantiles, other[name][2]), name


@pytest.mark.parametrize("options", [{}, {"seasonality_mode": "multiplicative"}, {"regressors": ["promo"]}], ids=str)
def test_other_series_chunks_and_threads_change_no_bit(options: dict[str, Any]) -> None:
    panel, chosen = mixed_panel(), Options.read(options)
    whole = numbers(fit_panel(panel, chosen))
    for threads, chunk in ((2, 256), (1, 7), (3, 1)):
        assert_same_bits(numbers(fit_panel(panel, chosen, threads=threads, chunk=chunk)), whole)
    ids = list(panel.ids)
    names = dict(zip(ids, reversed(ids), strict=True))  # other rows, other neighbours
    renamed = panel.frame.assign(unique_id=panel.frame["unique_id"].map(names)).sort_values(["unique_id", "ds"])
    turned = numbers(fit_panel(Panel(renamed.reset_index(drop=True), "D", 7, ("region",), ("promo",)), chosen))
    assert_same_bits({names[name]: found for name, found in whole.items()}, turned)
    few = panel.frame[panel.frame["unique_id"].isin(ids[:6])]
    some = numbers(fit_panel(Panel(few.reset_index(drop=True), "D", 7, ("region",), ("promo",)), chosen))
    assert_same_bits(some, {name: whole[name] for name in ids[:6]})


def test_many_series_of_one_design_are_the_same_bits_as_one_alone() -> None:
    panel = seasonal_panel(series=300, periods=60)
    whole = numbers(fit_panel(panel, threads=2, chunk=64))
    alone = panel.frame[panel.frame["unique_id"] == "s123"].reset_index(drop=True)
    one = numbers(fit_panel(Panel(alone, "MS", 12)))
    assert_same_bits(one, {"s123": whole["s123"]})


def test_the_future_does_not_reach_the_estimates() -> None:
    panel = seasonal_panel(series=6, periods=60)
    cutoff = panel.periods[-13]
    poisoned = panel.frame.copy()
    poisoned.loc[poisoned["ds"] > cutoff, ["y", "promo"]] = 1e9
    spoiled = Panel.from_frame(poisoned, "MS", 12, static=["region"], known=["promo"])
    options = Options.read({"regressors": ["promo"]})
    assert_same_bits(
        numbers(fit_panel(spoiled.until(cutoff), options)), numbers(fit_panel(panel.until(cutoff), options))
    )


def hard_panel() -> Panel:
    random = np.random.default_rng(0)
    return panel_of(
        {
            "constant": np.full(200, 7.0),
            "zeros": np.zeros(200),
            "line": np.arange(200.0),
            "spike": np.eye(1, 200, 120)[0],
            "twenty": random.gamma(2, 5, 20),
            "two": [3.0, 4.0],
            "one": [5.0],
        },
        "D",
    )


def test_hard_series_have_finite_ordered_forecasts() -> None:
    found = ProphetForecaster().fit(hard_panel()).predict(28)
    bands = found[["p025", "p10", "p25", "p50", "p75", "p90", "p975"]].to_numpy()
    assert np.isfinite(bands).all()
    assert (np.diff(bands, axis=1) >= 0).all()
    assert (bands >= 0).all()
    mean = found.groupby("unique_id")["mean"].agg(["first", "last"])
    assert mean.loc["constant"].tolist() == pytest.approx([7.0, 7.0])
    assert mean.loc["zeros"].tolist() == [0.0, 0.0]
    assert mean.loc["line"].tolist() == pytest.approx([200.0, 227.0], rel=1e-6)


def test_a_series_too_short_repeats_its_value_visibly() -> None:
    found = ProphetForecaster().fit(hard_panel()).predict(2).set_index("unique_id")
    assert found.loc["one", "model"].tolist() == ["naive", "naive"]
    assert found.loc["one", "mean"].tolist() == [5.0, 5.0]
    assert set(found.drop(index="one")["model"]) == {"prophet"}


def test_missing_values_weigh_nothing() -> None:
    panel = seasonal_panel(series=2, periods=60)
    holes = panel.frame.copy()
    holes.loc[[5, 20, 21], "y"] = np.nan
    dropped = holes.dropna(subset=["y"])
    options = Options(n_changepoints=0)
    one = fit_panel(Panel(holes, "MS", 12), options)
    two = fit_panel(Panel(dropped.reset_index(drop=True), "MS", 12), options)
    assert_same_bits(numbers(one), numbers(two))


def test_components_sum_up_to_the_forecast() -> None:
    panel = mixed_panel()
    options = Options.read({"regressors": ["promo"], "seasonality_mode": "multiplicative", "weekly_seasonality": 2})
    fitted = fit_panel(panel, options)
    when, known = fitted.dates(5), {"promo": np.ones((len(panel.ids), 5))}
    parts = fitted.components(when, known)
    sums = {"additive_terms", "multiplicative_terms", "extra_regressors_multiplicative", "yhat"}
    assert set(parts) == {"trend", "weekly", "promo", *sums}
    assert parts["weekly"] + parts["promo"] == pytest.approx(parts["multiplicative_terms"])
    assert parts["trend"] * (1 + parts["multiplicative_terms"]) == pytest.approx(fitted.mean(when, known))


def test_changepoints_are_dates_and_changes_of_slope() -> None:
    bent = 10 + np.maximum(np.arange(300) - 120, 0) * 0.5
    found = fit_panel(panel_of({"bent": bent}, "D"), Options(weekly_seasonality=False)).changepoints()
    main = found.loc[found["delta"].abs().idxmax()]
    assert abs((main["ds"] - dates(300, "D")[120]).days) < 12
    assert found["delta"].sum() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"growth": "quadratic"}, "linear or flat or logistic"),
        ({"mcmc_samples": -1}, "0 or more"),
        ({"seasonalities": [{"name": "a", "period": 7, "fourier_order": 1, "condition_name": "y"}]}, "reserved"),
        ({"scaling": "none"}, "absmax or minmax"),
        ({"seasonality_mode": "both"}, "additive or multiplicative"),
        ({"changepoint_prior_scale": 0}, "above 0"),
        ({"changepoint_range": 2}, "from 0 to 1"),
        ({"n_changepoints": -1}, "0 or more"),
        ({"regressors": ["trend"]}, "reserved"),
        ({"regressors": ["a", "a"]}, "twice"),
        ({"seasonality": 1}, "no option"),
    ],
    ids=str,
)
def test_wrong_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Options.read(options)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"ds": ["2022-01-01"]}, "lacks holiday"),
        ({"holiday": ["a"], "ds": [None]}, "lacks values"),
        ({"holiday": ["a"], "ds": ["2022-01-01"], "lower_window": [-1]}, "lower_window alone"),
        ({"holiday": ["a"], "ds": ["2022-01-01"], "lower_window": [1], "upper_window": [1]}, "above 0"),
        ({"holiday": ["a", "a"], "ds": ["2022-01-01", "2023-01-01"], "prior_scale": [1.0, 2.0]}, "expected one"),
    ],
    ids=str,
)
def test_wrong_holidays_are_refused(table: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        fit_panel(seasonal_panel(series=1), holidays=pd.DataFrame(table).assign(ds=lambda x: pd.to_datetime(x["ds"])))


def test_regressors_have_to_be_known_everywhere() -> None:
    panel = seasonal_panel(series=2)
    with pytest.raises(DataError, match="no values of price"):
        fit_panel(panel, Options.read({"regressors": ["price"]}))
    fitted = fit_panel(panel, Options.read({"regressors": ["promo"]}))
    with pytest.raises(DataError, match="column promo: series 's00' lacks values"):
        fitted.mean(fitted.dates(3), {"promo": np.full((2, 3), np.nan)})


def test_holidays_of_a_region_need_the_column() -> None:
    table = pd.DataFrame({"holiday": ["a"], "ds": pd.to_datetime(["2020-01-01"])})
    with pytest.raises(DataError, match="no static column"):
        fit_panel(seasonal_panel(series=1), holidays=table, region="region")


def test_a_fitted_series_is_stored_in_less_than_5_kilobytes() -> None:
    many = seasonal_panel(series=200, periods=156, freq="W")
    assert len(pickle.dumps(ProphetForecaster().fit(many))) / 200 < 1_000
    gaps = mixed_panel(count=60, periods=800)
    holes = gaps.frame.copy()
    random = np.random.default_rng(0)
    holes.loc[random.random(len(holes)) < 0.1, "y"] = np.nan  # no two series share their days
    fitted = ProphetForecaster().fit(Panel(holes, "D", 7))
    assert len(fitted.learned.panel.groups) == 60
    assert len(pickle.dumps(fitted)) / 60 < 5_000


def test_a_pickled_model_forecasts_the_same() -> None:
    fitted = ProphetForecaster(Settings({"regressors": ["promo"]})).fit(seasonal_panel(series=4))
    known = pd.DataFrame({"unique_id": np.repeat(fitted.learned.panel.ids, 3), "promo": 1.0})
    known["ds"] = np.tile(fitted.learned.panel.dates(3), 4)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(fitted)).predict(3, known), fitted.predict(3, known))  # noqa: S301
    assert fitted.features == ["promo"]


def test_a_forecaster_needs_its_known_columns() -> None:
    fitted = ProphetForecaster(Settings(use_known=True)).fit(seasonal_panel(series=4))
    with pytest.raises(DataError, match="known columns promo"):
        fitted.predict(3)


@pytest.mark.parametrize(
    "forecaster", [ProphetForecaster(), ConformalForecaster(ProphetPoints(), 6)], ids=["own", "conformal"]
)
def test_backtests_run_with_own_and_with_conformal_bands(forecaster: Any) -> None:
    panel = seasonal_panel(series=12, periods=72)
    found = backtest(panel, forecaster, [panel.periods[-13], panel.periods[-7]], 6)
    assert len(found) == 12 * 2 * 6
    assert (found["p10"] <= found["p50"]).all()
    assert (found["p50"] <= found["p90"]).all()
    assert set(found["model"]) == {"prophet"}
    assert ((found["mean"] - found["y"]).abs() / found["y"]).median() < 0.25


def test_update_forecasts_after_newer_data_without_new_estimates() -> None:
    panel = seasonal_panel(series=5, periods=72)
    old = panel.until(panel.periods[-4])
    first = old.frame["unique_id"] != "s04"  # comes later
    fitted = ProphetForecaster().fit(Panel(old.frame[first].reset_index(drop=True), "MS", 12))
    before = fitted.predict(4).set_index(["unique_id", "ds"])
    after = fitted.update(panel).predict(1).set_index(["unique_id", "ds"])
    both = before.index.intersection(after.index)
    assert len(both) == 4
    assert after.loc[both, "mean"].to_numpy() == pytest.approx(before.loc[both, "mean"].to_numpy())
    assert after.loc[both, "p90"].to_numpy() == pytest.approx(before.loc[both, "p90"].to_numpy(), rel=0.02)
    assert set(after.index.get_level_values(0)) == {"s00", "s01", "s02", "s03", "s04"}
    assert fitted.learned.models.tolist() == ["prophet"] * 5


def test_update_forgets_series_that_are_gone() -> None:
    panel = seasonal_panel(series=3)
    fewer = Panel(panel.frame[panel.frame["unique_id"] != "s01"].reset_index(drop=True), "MS", 12)
    assert set(ProphetForecaster().fit(panel).update(fewer).predict(1)["unique_id"]) == {"s00", "s02"}


def test_misuse_is_told() -> None:
    with pytest.raises(DataError, match="has not been fitted"):
        ProphetForecaster().predict(1)
    with pytest.raises(DataError, match="at least 1 period"):
        ProphetForecaster().fit(seasonal_panel(series=1)).predict(0)
    with pytest.raises(NotEnoughHistoryError):
        ProphetForecaster().fit(panel_of({"a": [1.0]}))
    with pytest.raises(DataError, match="has no estimate"):
        fit_panel(panel_of({"a": [1.0, 2.0]})).coefficients("b")


def test_parameters_make_the_same_model_again() -> None:
    holidays = [{"holiday": "fair", "ds": pd.Timestamp("2020-03-01"), "lower_window": 0, "upper_window": 1}]
    model = ProphetForecaster(Settings({"n_changepoints": 5}, holidays=holidays))
    again = ProphetForecaster(Settings(**model.parameters))
    panel = seasonal_panel(series=2)
    pd.testing.assert_frame_equal(model.fit(panel).predict(3), again.fit(panel).predict(3))


def rate_below(paths: NDArray[np.float64], bound: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((paths <= bound).mean(axis=0))


@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
def test_simulated_paths_agree_with_the_quantiles(mode: str) -> None:
    fitted = fit_panel(mixed_panel(), Options.read({"seasonality_mode": mode, "changepoint_prior_scale": 5.0}))
    _, quantiles = fitted.quantiles(12, SHARES)
    for row, name in enumerate(fitted.ids[:4]):
        paths = simulate(fitted, name, 12, samples=20_000)
        for place, share in enumerate(SHARES):
            assert rate_below(paths, quantiles[row, :, place]) == pytest.approx(share, abs=0.015)


def test_a_seed_gives_the_same_paths_whatever_other_series_there_are() -> None:
    panel = mixed_panel()
    one = Panel(panel.frame[panel.frame["unique_id"] == "s001"].reset_index(drop=True), "D", 7)
    paths = simulate(fit_panel(panel), "s001", 5, samples=10, seed=3)
    assert np.array_equal(paths, simulate(fit_panel(one), "s001", 5, samples=10, seed=3))
    assert not np.array_equal(paths, simulate(fit_panel(panel), "s001", 5, samples=10, seed=4))
