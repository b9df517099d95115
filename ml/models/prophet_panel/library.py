"""The `prophet` library behind the same options, for what is not estimated at once: logistic growth and MCMC."""

from __future__ import annotations

import hashlib
import pickle
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.compute import spread
from ml.errors import DataError
from ml.models.prophet_panel.export import unfitted
from ml.models.prophet_panel.fitted import holidays_of
from ml.models.prophet_panel.holidays import Holidays
from ml.models.prophet_panel.inputs import Known, check_conditions, input_values
from ml.models.prophet_panel.options import Options
from ml.models.prophet_series import PROPHET as LIBRARY
from ml.models.prophet_series import bare, quiet
from ml.panel import Panel
from ml.periods import following

if TYPE_CHECKING:
    from prophet import Prophet

Floats = NDArray[np.float64]

SECONDS = 60.0
"""Time limit of one fit without MCMC."""
PATHS = 1000
"""Simulated for quantiles, as by the library's default."""


@dataclass(frozen=True)
class FittedLibrary:
    """What `FittedPanel` is, with a pickled `prophet.Prophet` a series; None where it could not be fitted."""

    ids: pd.Index[str]
    freq: str
    last: pd.Timestamp
    inputs: tuple[str, ...]
    models: tuple[bytes | None, ...]
    threads: int

    @property
    def name(self) -> str:
        """What makes the forecasts."""
        return LIBRARY

    @property
    def fitted(self) -> NDArray[np.bool_]:
        """Which series have a model (N)."""
        return np.array([model is not None for model in self.models], dtype=np.bool_)

    def dates(self, horizon: int) -> pd.DatetimeIndex:
        """The `horizon` periods that forecasts are made for."""
        return following(self.last, horizon, self.freq)

    def mean(self, dates: pd.DatetimeIndex, known: Known | None = None) -> Floats:
        """Expected values (N, H) on any dates; `known` gives the inputs, (N, H) by name."""
        return self._spread((), dates, known)[:, :, 0]

    def quantiles(
        self, horizon: int, shares: Sequence[float], known: Known | None = None, threads: int = 1
    ) -> tuple[Floats, Floats]:
        """Expected values (N, H) and the quantiles `shares` (N, H, Q) of simulated paths, seeded by a series' name."""
        found = replace(self, threads=threads)._spread(shares, self.dates(horizon), known)
        return found[:, :, 0], found[:, :, 1:]

    def updated(self, panel: Panel, newer: FittedLibrary | None) -> FittedLibrary:
        """These models at the end of `panel`, and those of `newer` for series that are new in it."""
        found = dict(zip(self.ids, self.models, strict=True))
        if newer is not None:
            found |= dict(zip(newer.ids, newer.models, strict=True))
        models = tuple(found.get(name) for name in panel.ids)
        return replace(self, ids=panel.ids, last=panel.last, models=models)

    def _spread(self, shares: Sequence[float], dates: pd.DatetimeIndex, known: Known | None) -> Floats:
        values = input_values(self.inputs, known or {}, self.ids, self.fitted, len(dates))
        tasks = [
            (name, model, pd.DataFrame({"ds": dates, **dict(zip(self.inputs, own.T, strict=True))}))
            for name, model, own in zip(self.ids, self.models, values, strict=True)
        ]
        return np.array(spread(partial(forecast_series, tuple(shares)), tasks, self.threads), dtype=np.float64)


def fit_library(
    panel: Panel,
    options: Options,
    *,
    holidays: pd.DataFrame | None = None,
    country: str | Mapping[str, str] | None = None,
    region: str | None = None,
    threads: int = 1,
) -> FittedLibrary:
    """Fit each series of a panel by the library; the arguments are those of `fit_panel`.

    Logistic growth reads the known columns `cap` and, where there is one, `floor`. Series with fewer than two values
    have no model. Raises DataError for inputs that are missing, or that the library refuses.
    """
    names = input_names(options, panel)
    wide, seen = panel.wide, np.isfinite(panel.wide.y)
    values = input_values(names, wide.known, panel.ids, seen, len(wide.numbers))
    check_conditions(options.conditions, values[:, :, len(options.regressors) :])
    tables, codes = holidays_of(panel, options, holidays, country, region)
    dates = panel.periods
    tasks = []
    for row, name in enumerate(panel.ids):
        own = seen[row]
        columns = {name: values[row, own, place] for place, name in enumerate(names)}
        history = pd.DataFrame({"ds": dates[own], "y": wide.y[row, own], **columns})
        tasks.append((name, history, tables[codes[row]]))
    models = spread(partial(fit_series, options), tasks, threads)
    return FittedLibrary(panel.ids, panel.freq, panel.last, names, tuple(models), threads)


def input_names(options: Options, panel: Panel) -> tuple[str, ...]:
    """The known columns that the library reads."""
    bounds = ("cap", *(name for name in ("floor",) if name in panel.known)) if options.growth == "logistic" else ()
    return (*options.inputs, *bounds)


def fit_series(options: Options, tasks: Sequence[tuple[str, pd.DataFrame, Holidays]]) -> list[bytes | None]:
    """A pickled model for each series; None where it is too short, or no optimum was found in time."""
    with quiet(), tempfile.TemporaryDirectory() as folder:
        return [_fit_one(options, *task, folder) for task in tasks]


def forecast_series(shares: tuple[float, ...], tasks: Sequence[tuple[str, bytes | None, pd.DataFrame]]) -> list[Floats]:
    """Expected values and quantiles, (H, 1 + Q) for each series; NaN without a model."""
    with quiet():
        return [_forecast_one(shares, *task) for task in tasks]


def _fit_one(options: Options, name: str, history: pd.DataFrame, holidays: Holidays, folder: str) -> bytes | None:
    if len(history) < 2:
        return None
    given = pd.DatetimeIndex(options.changepoints or ())
    within = given[(given >= history["ds"].iloc[0]) & (given <= history["ds"].iloc[-1])]
    model = unfitted(options, holidays, within.to_numpy().astype("datetime64[D]").astype(np.int64))
    sampling = {"seed": 0, "parallel_chains": 1, "show_progress": False}
    limits: dict[str, Any] = sampling if options.mcmc_samples else {"timeout": SECONDS}
    try:
        model.fit(history, output_dir=folder, **limits)
    except ValueError as error:
        raise DataError(f"the library refuses series {name!r}: {error} Mend the column, or leave it out.") from error
    except (RuntimeError, TimeoutError):
        return None  # Stan found no optimum, or not in time
    return bare(model)


def _forecast_one(shares: tuple[float, ...], name: str, model: bytes | None, future: pd.DataFrame) -> Floats:
    if model is None:
        return np.full((len(future), 1 + len(shares)), np.nan)
    fitted = pickle.loads(model)  # noqa: S301 - part of an artifact whose checksum was checked
    fitted.uncertainty_samples = 0
    mean: Floats = fitted.predict(future)["yhat"].to_numpy(dtype=np.float64)
    if not shares:
        return mean[:, None]
    quantiles = np.quantile(_paths(fitted, name, future), shares, axis=1)
    return np.column_stack([mean, quantiles.T])


def _paths(model: Prophet, name: str, future: pd.DataFrame) -> Floats:
    """(H, paths); the library draws from numpy's global generator, which is left as it was."""
    model.uncertainty_samples = PATHS
    before = np.random.get_state()
    np.random.seed(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest()))
    try:
        return np.asarray(model.predictive_samples(future)["yhat"], dtype=np.float64)
    finally:
        np.random.set_state(before)
