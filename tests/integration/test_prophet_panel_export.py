"""A series exported as a `prophet.Prophet` is one: its forecasts, bands, components, plots and JSON."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from panels import panel_of, seasonal_panel
from prophet import Prophet
from prophet.serialize import model_from_json, model_to_json

from ml.errors import DataError
from ml.models.prophet_panel.export import to_prophet
from ml.models.prophet_panel.fitted import FittedPanel, fit_panel
from ml.models.prophet_panel.options import Options
from ml.panel import Panel

mpl.use("Agg")

pytestmark = pytest.mark.timeout(900)  # the first run on a machine compiles for some time

HOLIDAYS = pd.DataFrame(
    {
        "holiday": ["fair", "fair", "feast"],
        "ds": pd.to_datetime(["2021-03-01", "2022-03-01", "2022-06-01"]),
        "lower_window": [-31, -31, 0],
        "upper_window": [0, 0, 0],
    }
)
CASES: list[dict[str, Any]] = [
    {},
    {"growth": "flat"},
    {"n_changepoints": 0, "scaling": "minmax"},
    {"changepoints": ["2020-01-01", "2021-02-01"]},
    {"seasonality_mode": "multiplicative", "regressors": ["promo"]},
    {"yearly_seasonality": False, "seasonalities": [{"name": "half", "period": 182.6, "fourier_order": 2}]},
]


def exported(options: dict[str, Any], holidays: pd.DataFrame | None = None) -> tuple[FittedPanel, Panel, Prophet]:
    panel = seasonal_panel(series=3, periods=60)
    fitted = fit_panel(panel, Options.read(options), holidays=holidays)
    return fitted, panel, to_prophet(fitted, "s01", panel)


def all_dates(fitted: FittedPanel, panel: Panel, horizon: int) -> tuple[pd.DatetimeIndex, dict[str, Any], pd.DataFrame]:
    dates = panel.periods.append(fitted.dates(horizon))
    promo = np.tile(np.arange(len(dates)) % 2.0, (3, 1))
    return dates, {"promo": promo}, pd.DataFrame({"ds": dates, "promo": promo[1]})


@pytest.mark.parametrize("options", CASES, ids=str)
def test_it_predicts_what_the_panel_does(options: dict[str, Any]) -> None:
    fitted, panel, model = exported(options, HOLIDAYS)
    dates, known, frame = all_dates(fitted, panel, 6)
    parts = fitted.components(dates, known)
    found = model.predict(frame)
    for name, values in parts.items():
        assert found[name].to_numpy() == pytest.approx(values[1], rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize("options", CASES, ids=str)
def test_its_simulated_bands_agree_with_the_quantiles(options: dict[str, Any]) -> None:
    fitted, _, model = exported({**options, "changepoint_prior_scale": 5.0})
    model.uncertainty_samples = 20_000
    known = {"promo": np.ones((3, 12))}
    np.random.seed(1)
    frame = pd.DataFrame({"ds": fitted.dates(12), "promo": 1.0})
    samples = model.predictive_samples(frame)["yhat"]
    _, quantiles = fitted.quantiles(12, (0.1, 0.9), known)
    for place, share in enumerate((0.1, 0.9)):
        assert (samples <= quantiles[1, :, place, None]).mean(axis=1) == pytest.approx(share, abs=0.012)


def test_its_plots_and_its_json_work() -> None:
    fitted, _, model = exported({}, HOLIDAYS)
    found = model.predict(model.make_future_dataframe(6, freq="MS"))
    import matplotlib.pyplot as plt  # noqa: PLC0415 - after the choice of a backend

    assert len(model.plot(found).axes) == 1
    assert len(model.plot_components(found).axes) == 3
    plt.close("all")
    again = model_from_json(model_to_json(model)).predict(found[["ds"]])
    assert again["yhat"].to_numpy() == pytest.approx(found["yhat"].to_numpy())
    assert found["yhat"].to_numpy()[-6:] == pytest.approx(fitted.mean(fitted.dates(6))[1])


def test_a_constant_series_is_exported_too() -> None:
    panel = panel_of({"flat": [4.0] * 30, "one": [4.0]})
    fitted = fit_panel(panel)
    assert to_prophet(fitted, "flat", panel).predict()["yhat"].to_numpy() == pytest.approx(4.0)
    with pytest.raises(DataError, match="has no estimate"):
        to_prophet(fitted, "one", panel)
