"""Conditions, public holidays and regressors with priors mean what they mean in the library, in fits and in exports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from prophet import Prophet
from prophet.make_holidays import make_holidays_df

from ml.errors import ConfigurationError, DataError
from ml.models.prophet_panel.estimates import Estimates
from ml.models.prophet_panel.export import to_prophet
from ml.models.prophet_panel.fitted import FittedPanel, days_of, fit_panel
from ml.models.prophet_panel.holidays import Holidays, country_days
from ml.models.prophet_panel.objective import negative_log_posterior
from ml.models.prophet_panel.options import Options
from ml.panel import Panel

pytestmark = pytest.mark.timeout(900)  # the first run on a machine compiles for some time

LENGTH, AHEAD = 420, 60
COUNTRIES = {"north": "DE", "south": "AT"}
CONDITIONED: dict[str, Any] = {
    "weekly_seasonality": False,
    "seasonalities": [
        {"name": "open", "period": 7, "fourier_order": 3, "prior_scale": 3.0, "condition_name": "high"},
        {"name": "closed", "period": 7, "fourier_order": 2, "condition_name": "low"},
        {"name": "month", "period": 30.5, "fourier_order": 2, "mode": "additive"},
    ],
    "regressors": [{"name": "price", "prior_scale": 0.2}],
}
CASES: list[dict[str, Any]] = [CONDITIONED, {**CONDITIONED, "seasonality_mode": "multiplicative"}]


def conditioned_panel() -> Panel:
    """Sales with a week in the high season alone, each series with its own; known columns for 60 days more."""
    random = np.random.default_rng(3)
    t = np.arange(LENGTH + AHEAD)
    parts = []
    for i in range(3):
        high = ((t // 50 + i) % 2).astype(float)
        price = 5 + np.round(random.random(len(t)), 1)
        y = 30 + 0.02 * t + 6 * np.sin(2 * np.pi * t / 7) * high - price + random.normal(0, 1, len(t))
        frame = pd.DataFrame({"unique_id": f"s{i}", "ds": pd.date_range("2022-06-01", periods=len(t)), "y": y})
        frame.loc[LENGTH:, "y"] = np.nan
        parts.append(frame.assign(region=["north", "south", "other"][i], high=high, low=1 - high, price=price))
    return Panel.from_frame(pd.concat(parts), "D", 7, static=["region"], known=["high", "low", "price"])


def known_of(panel: Panel, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: panel.future(panel.last, AHEAD)[name].to_numpy().reshape(3, AHEAD) for name in names}


def fit_by_library(panel: Panel, unique_id: str, options: dict[str, Any], country: str | None) -> Prophet:
    """By the library's own interface, not by ours."""
    given = dict(options)
    seasonalities, regressors = given.pop("seasonalities", []), given.pop("regressors", [])
    model = Prophet(**given, uncertainty_samples=0)
    if country:
        model.add_country_holidays(country)
    for season in seasonalities:
        model.add_seasonality(**season)
    for regressor in regressors:
        model.add_regressor(**regressor)
    history = panel.frame[(panel.frame["unique_id"] == unique_id) & panel.frame["y"].notna()]
    return model.fit(history)


def objectives(fitted: FittedPanel, panel: Panel, unique_id: str, model: Prophet) -> tuple[float, float]:
    """Ours and the library's, by the same function."""
    group, row = fitted.find(unique_id)
    ours = group.part(slice(row, row + 1)).estimates
    one = {name: np.asarray(value, dtype=float).reshape(1, -1) for name, value in model.params.items()}
    theirs = Estimates(one["m"][0], one["k"][0], one["delta"], one["beta"], one["sigma_obs"][0], ours.scale, ours.floor)
    own = panel.frame[(panel.frame["unique_id"] == unique_id) & panel.frame["y"].notna()]
    y, days = own["y"].to_numpy()[None], days_of(pd.DatetimeIndex(own["ds"]))
    values = own[list(fitted.inputs)].to_numpy(dtype=float)
    found = [float(negative_log_posterior(group.design, part, y, days, values)[0]) for part in (ours, theirs)]
    return found[0], found[1]


@pytest.mark.parametrize("options", CASES, ids=["additive", "multiplicative"])
def test_conditional_seasonalities_are_the_librarys(options: dict[str, Any]) -> None:
    panel = conditioned_panel()
    fitted = fit_panel(panel, Options.read(options))
    for unique_id in panel.ids:
        model = fit_by_library(panel, unique_id, options, None)
        group, _ = fitted.find(unique_id)
        assert list(model.make_all_seasonality_features(model.history)[0].columns) == list(group.design.columns)
        ours, theirs = objectives(fitted, panel, unique_id, model)
        assert ours - 1e-6 <= theirs < ours + 1.0  # the same model, at nearly the same point


@pytest.mark.parametrize("options", CASES, ids=["additive", "multiplicative"])
def test_exports_forecast_with_conditions_and_public_holidays_as_the_panel_does(options: dict[str, Any]) -> None:
    panel = conditioned_panel()
    fitted = fit_panel(panel, Options.read(options), country=COUNTRIES, region="region")
    future = panel.future(panel.last, AHEAD)
    parts = fitted.components(fitted.dates(AHEAD), known_of(panel, fitted.inputs))
    for row, name in enumerate(panel.ids):
        model = to_prophet(fitted, name, panel)
        model.uncertainty_samples = 0
        found = model.predict(future[future["unique_id"] == name])
        group, _ = fitted.find(name)
        for part in ("trend", "open", "closed", "month", "price", "yhat", *dict.fromkeys(group.design.components)):
            assert found[part].to_numpy() == pytest.approx(parts[part][row], rel=1e-9, abs=1e-9), part
    assert [model.country_holidays for model in (to_prophet(fitted, name, panel) for name in panel.ids)] == [
        "DE",
        "AT",
        None,
    ]


def test_public_holidays_by_name_are_the_librarys() -> None:
    panel = conditioned_panel()
    fitted = fit_panel(panel, country="DE")
    model = fit_by_library(panel, "s0", {}, "DE")
    group, _ = fitted.find("s0")
    public = [name.removesuffix("_delim_+0") for name in group.design.columns if name.endswith("_delim_+0")]
    assert sorted(model.train_holiday_names) == public
    ours, theirs = objectives(fitted, panel, "s0", model)
    assert ours <= theirs + 1e-6
    mean = fitted.mean(fitted.dates(AHEAD))[0]
    found = model.predict(pd.DataFrame({"ds": fitted.dates(AHEAD)}))["yhat"].to_numpy()
    assert np.abs(mean - found).max() <= 0.02 * group.estimates.scale[0]


@pytest.mark.parametrize("country", ["DE", "US", "GB", "BR", "JP", "IN"])
def test_days_of_a_country_are_those_that_the_library_finds(country: str) -> None:
    years = [2015, 2021, 2022, 2030]
    table = make_holidays_df(years, country)
    wanted = sorted(zip(table["holiday"], days_of(pd.DatetimeIndex(table["ds"])), strict=True))
    found = [(name, day) for year in years for name, days in country_days(country, year).items() for day in days]
    assert sorted(found) == wanted


def test_a_holiday_may_be_both_the_tables_and_the_countrys() -> None:
    table = pd.DataFrame({"holiday": ["Labor Day"], "ds": pd.to_datetime(["2022-08-08"])})
    days = days_of(pd.date_range("2022-01-01", "2022-12-31"))
    found = Holidays.read(table, 10.0, "DE").seen(days)
    column = found.features(days)[:, found.names.index("Labor Day_delim_+0")]
    assert column.nonzero()[0].tolist() == [120, 219]
    with pytest.raises(DataError, match=r"prior scale 2\.0, and is a public one of DE"):
        Holidays.read(table.assign(prior_scale=2.0), 10.0, "DE").seen(days)


def test_what_is_wrong_with_conditions_and_countries_is_told() -> None:
    panel = conditioned_panel()
    with pytest.raises(ConfigurationError, match="no holidays of the country 'Atlantis'"):
        fit_panel(panel, country="Atlantis")
    with pytest.raises(ConfigurationError, match="expected region="):
        fit_panel(panel, country=COUNTRIES)
    options = Options.read(
        {"seasonalities": [{"name": "a", "period": 7, "fourier_order": 1, "condition_name": "price"}]}
    )
    with pytest.raises(DataError, match="column price is the condition of a seasonality"):
        fit_panel(panel, options)
    with pytest.raises(ConfigurationError, match="'price' is reserved"):
        Options.read({**CONDITIONED, "seasonalities": [{**CONDITIONED["seasonalities"][0], "condition_name": "price"}]})
