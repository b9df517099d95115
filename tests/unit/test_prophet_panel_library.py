"""What the panel's estimation does not cover goes to the library, visibly."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from panels import dates
from prophet import Prophet

from ml.errors import ConfigurationError, DataError
from ml.models import create
from ml.models.prophet_panel.fitted import fit_panel
from ml.models.prophet_panel.forecaster import ProphetForecaster, Settings
from ml.models.prophet_panel.library import fit_library
from ml.models.prophet_panel.options import Options
from ml.panel import Panel

pytestmark = pytest.mark.timeout(900)

COVERED_NOT: list[dict[str, Any]] = [{"growth": "logistic"}, {"mcmc_samples": 40}]


def saturating_panel(floor: bool = False) -> Panel:
    """Sales that grow towards 60, with the bounds known for 12 months more; `one` has a single value."""
    random = np.random.default_rng(1)
    time = np.arange(60)
    parts = []
    for name in ("a", "b", "one"):
        y = 60 / (1 + np.exp(-(time - 20) / 8)) + random.normal(0, 1, 60)
        y[48:] = np.nan
        frame = pd.DataFrame({"unique_id": name, "ds": dates(60), "y": y, "cap": 60.0, "promo": time % 2.0})
        parts.append(frame[47:] if name == "one" else frame)
    frame = pd.concat(parts).assign(**({"floor": 1.0} if floor else {}))
    return Panel.from_frame(frame, "MS", 12, known=["cap", "promo", *(["floor"] if floor else [])])


@pytest.mark.parametrize("options", COVERED_NOT, ids=str)
def test_rows_and_parameters_say_that_the_library_made_them(options: dict[str, Any]) -> None:
    panel = saturating_panel()
    future = panel.future(panel.last, 12)
    model = ProphetForecaster(Settings(options)).fit(panel)
    found = model.predict(12, future)
    assert found.groupby("unique_id")["model"].first().to_dict() == {
        "a": "prophet_library", "b": "prophet_library", "one": "naive"
    }  # fmt: skip
    assert model.parameters["engine"] == "library"
    assert ProphetForecaster(Settings({})).parameters["engine"] == "panel"
    bands = found[["p10", "p50", "p90"]].to_numpy()
    assert (np.diff(bands, axis=1) >= 0).all()
    again = ProphetForecaster(Settings(**model.parameters)).fit(panel)
    pd.testing.assert_frame_equal(again.predict(12, future), found)


@pytest.mark.parametrize("floor", [False, True])
def test_logistic_growth_is_what_the_library_fits_between_its_bounds(floor: bool) -> None:
    panel = saturating_panel(floor)
    options = Options.read({"growth": "logistic", "regressors": ["promo"]})
    fitted = fit_library(panel, options)
    names = ("promo", "cap", "floor") if floor else ("promo", "cap")
    assert fitted.inputs == names
    future = panel.future(panel.last, 12)
    known = {name: future[name].to_numpy().reshape(3, 12) for name in names}
    mean = fitted.mean(fitted.dates(12), known)
    model = Prophet(growth="logistic", uncertainty_samples=0)
    model.add_regressor("promo")
    model.fit(panel.frame[(panel.frame["unique_id"] == "a") & panel.frame["y"].notna()])
    wanted = model.predict(future[future["unique_id"] == "a"])["yhat"].to_numpy()
    assert mean[0] == pytest.approx(wanted)
    assert np.isnan(mean[2]).all()


def test_all_known_columns_become_regressors_but_bounds() -> None:
    panel = saturating_panel(floor=True)
    model = ProphetForecaster(Settings({"growth": "logistic"}, use_known=True)).fit(panel)
    assert model.features == ["promo", "cap", "floor"]


def test_points_have_calibrated_bands_and_the_librarys_name() -> None:
    panel = saturating_panel()
    model = create("prophet", horizon=6, options={"growth": "logistic"}).fit(panel)
    found = model.predict(6, panel.future(panel.last, 6))
    assert set(found["model"]) == {"prophet_library", "naive"}
    assert model.parameters["engine"] == "library"


def test_the_engine_can_be_asked_for() -> None:
    panel = saturating_panel()
    by_library = ProphetForecaster(Settings(engine="library")).fit(panel).predict(6)
    by_panel = ProphetForecaster(Settings()).fit(panel).predict(6)
    assert by_library["model"].iloc[0] == "prophet_library"
    assert by_panel["model"].iloc[0] == "prophet"
    assert by_library["mean"].to_numpy() == pytest.approx(by_panel["mean"].to_numpy(), abs=1.2)
    with pytest.raises(ConfigurationError, match="growth='logistic' is not estimated for whole panels"):
        ProphetForecaster(Settings({"growth": "logistic"}, engine="panel")).fit(panel)
    with pytest.raises(ConfigurationError, match="mcmc_samples=40 is not estimated for whole panels"):
        fit_panel(panel, Options(mcmc_samples=40))


def test_newer_data_move_the_start_and_fit_new_series_alone() -> None:
    panel = saturating_panel()
    old = panel.until(panel.periods[-3])
    fitted = ProphetForecaster(Settings({"growth": "logistic"})).fit(old)
    before = dict(zip(fitted.learned.panel.ids, fitted.learned.panel.models, strict=True))
    fitted.update(panel)
    after = fitted.learned.panel
    assert after.last == panel.last
    assert after.ids.tolist() == ["a", "b", "one"]
    assert after.models[:2] == (before["a"], before["b"])


def test_the_seed_of_paths_is_the_series_own() -> None:
    panel = saturating_panel()
    fitted = ProphetForecaster(Settings({"growth": "logistic"})).fit(panel)
    future = panel.future(panel.last, 6)
    np.random.seed(5)
    first = fitted.predict(6, future)
    drawn = np.random.random()
    np.random.seed(5)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(fitted)).predict(6, future), first)  # noqa: S301 - its own
    assert np.random.random() == drawn


def test_bounds_that_are_missing_or_wrong_are_told() -> None:
    panel = saturating_panel()
    without = Panel(panel.frame.drop(columns="cap"), "MS", 12, known=("promo",))
    with pytest.raises(DataError, match="no values of cap"):
        ProphetForecaster(Settings({"growth": "logistic"})).fit(without)
    low = Panel(panel.frame.assign(cap=0.0), "MS", 12, known=("cap", "promo"))
    with pytest.raises(DataError, match="the library refuses series 'a': cap must be greater than floor"):
        ProphetForecaster(Settings({"growth": "logistic"})).fit(low)
