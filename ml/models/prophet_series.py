"""The `prophet` library, one model per series (see `ml.models.prophet_panel` for whole panels at once)."""

from __future__ import annotations

import logging
import pickle
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.compute import spread
from ml.models.base import Points
from ml.models.naive import FittedSeasonalNaive
from ml.models.profile import simpler_model
from ml.panel import Panel
from ml.periods import following

Floats = NDArray[np.float64]

PROPHET = "prophet_library"
FEWEST = 6
"""Known periods below which a trend is noise."""
LONGEST = {"D": 1096, "W": 260, "MS": 240}
"""Periods that are looked at: the time of a fit grows with them, and a trend of long ago changes nothing."""
YEARLY = {"D": 10, "W": 10, "MS": 5}
"""Fourier order of the year: Prophet's own, but for months, of which a year has too few to tell ten harmonics apart."""
YEARS_FOR_YEARLY = 2
LOGGERS = ("cmdstanpy", "prophet", "prophet.models", "prophet.plot")
"""Those that speak of each fit, or of plotting packages that are not there."""
LIKELY = 10.0
"""A forecast of so many times the highest value that was seen is a failed fit."""


@dataclass(frozen=True)
class ProphetSeries:
    """Prophet (Taylor and Letham 2018) on each series, with the panel's known columns as regressors.

    `mode` is how season, holidays and regressors act on the trend: `auto` multiplies for series that sell in every
    period and adds for others, which are often near zero. `country` (ISO code) adds its public holidays to daily
    panels; `seconds` is the time limit of one fit. At most `threads` processes work at once, each with one thread.
    Series that are short, constant, or whose fit fails or takes too long are left to seasonal naive, visibly.
    """

    mode: Literal["auto", "multiplicative", "additive"] = "auto"
    country: str | None = None
    changepoint_prior_scale: float = 0.05
    seasonality_prior_scale: float = 10.0
    seconds: float = 20.0
    longest: int | None = None
    threads: int = 1
    name: str = PROPHET

    @property
    def parameters(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "name"}

    def fit(self, panel: Panel) -> FittedProphet:
        """Fit every series from nothing."""
        wide, longest = panel.wide, self.longest or LONGEST[panel.freq]
        dates, known = panel.periods[-longest:], filled(wide.known, longest)
        tasks = []
        for row, y in enumerate(wide.y[:, -longest:]):
            columns = {"ds": dates, "y": y, **{name: values[row] for name, values in known.items()}}
            tasks.append(pd.DataFrame(columns).iloc[max(wide.first[row] - len(wide.numbers) + len(y), 0) :])
        models = spread(partial(fit_series, self, panel.freq), tasks, self.threads)
        last = {name: values[:, -1] for name, values in known.items()}
        highest = np.nanmax(np.nan_to_num(wide.y), axis=1)
        return FittedProphet(self, models, last, highest, panel.last, panel.freq, simpler_model(panel))


@dataclass(frozen=True)
class FittedProphet:
    """Per series a pickled Prophet model without its history, None where there is none, and the last known plans.

    Bytes, since reading a Prophet model loads the library, which is done where a forecast is made and nowhere else.
    """

    settings: ProphetSeries
    models: list[bytes | None]
    plans: dict[str, Floats]
    highest: Floats
    last: pd.Timestamp
    freq: str
    fallback: FittedSeasonalNaive

    @property
    def features(self) -> list[str]:
        return list(self.plans)

    def update(self, panel: Panel) -> FittedProphet:
        """Fitted to newer data with the same settings: a trend cannot be carried on without what followed."""
        return self.settings.fit(panel)

    def predict(self, horizon: int, known: dict[str, Floats]) -> Points:
        """Trend, season and plans of the next periods; where a plan is not given, the last one carries on."""
        naive = self.fallback.predict(horizon, known)
        dates = following(self.last, horizon, self.freq)
        tasks = []
        for row, model in enumerate(self.models):
            plans = {
                name: np.where(np.isnan(known[name][row]), last[row], known[name][row])
                for name, last in self.plans.items()
            }
            tasks.append((model, pd.DataFrame({"ds": dates, **plans})))
        made = np.array(spread(forecast_series, tasks, self.settings.threads), dtype=np.float64)
        able = np.isfinite(made).all(axis=1) & (np.nan_to_num(made).max(axis=1) <= LIKELY * self.highest)
        mean = np.where(able[:, None], np.maximum(made, 0.0), naive.mean)
        return Points(mean, np.where(able, PROPHET, naive.model).astype(object))


def fit_series(settings: ProphetSeries, freq: str, tasks: Sequence[pd.DataFrame]) -> list[bytes | None]:
    """A pickled model for each table `ds, y, *regressors`, None where it cannot be fitted in time."""
    with quiet(), tempfile.TemporaryDirectory() as folder:
        return [_fit_one(settings, freq, history, folder) for history in tasks]


def forecast_series(tasks: Sequence[tuple[bytes | None, pd.DataFrame]]) -> list[Floats]:
    """Expected values for each model and table `ds, *regressors`; NaN without a model."""
    with quiet():
        return [np.full(len(future), np.nan) if model is None else _forecast(model, future) for model, future in tasks]


def filled(known: dict[str, Floats], longest: int) -> dict[str, Floats]:
    """The last periods of known columns, unknown ones as they were before them, else as they were first known."""
    return {
        name: np.nan_to_num(pd.DataFrame(values[:, -longest:]).ffill(axis=1).bfill(axis=1).to_numpy(dtype=np.float64))
        for name, values in known.items()
    }


def _fit_one(settings: ProphetSeries, freq: str, history: pd.DataFrame, folder: str) -> bytes | None:
    from prophet import Prophet  # noqa: PLC0415 - the library takes a second and 140 MB to load

    y = history["y"].dropna()
    if len(y) < FEWEST or y.min() == y.max():
        return None
    years = (history["ds"].iloc[-1] - history["ds"].iloc[0]).days / 365.25
    chosen: Literal["multiplicative", "additive"] = "multiplicative" if y.min() > 0 else "additive"
    model = Prophet(
        seasonality_mode=chosen if settings.mode == "auto" else settings.mode,
        yearly_seasonality=YEARLY[freq] if years >= YEARS_FOR_YEARLY - 0.1 else False,
        weekly_seasonality=freq == "D",
        daily_seasonality=False,
        changepoint_prior_scale=settings.changepoint_prior_scale,
        seasonality_prior_scale=settings.seasonality_prior_scale,
        uncertainty_samples=0,
    )
    if settings.country and freq == "D":
        model.add_country_holidays(settings.country)
    for name in history.columns[2:]:
        model.add_regressor(name)
    try:
        model.fit(history, timeout=settings.seconds, output_dir=folder)
    except (RuntimeError, ValueError, TimeoutError):
        return None  # Stan found no optimum, or not in time
    return bare(model)


def _forecast(model: bytes, future: pd.DataFrame) -> Floats:
    fitted = pickle.loads(model)  # noqa: S301 - part of an artifact whose checksum was checked
    return np.asarray(fitted.predict(future)["yhat"], dtype=np.float64)


def bare(model: Any) -> bytes:
    """The model without what only fitting needs: the Stan backend and all but two rows of history."""
    model.stan_backend = model.stan_fit = None
    model.history = model.history.iloc[:2].copy()
    model.history_dates = model.history_dates.iloc[:2].copy()
    model.fit_kwargs = {}
    return pickle.dumps(model)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the words of Stan, Prophet and pandas."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [logger.disabled for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.disabled = True
        try:
            yield
        finally:
            for logger, disabled in zip(loggers, before, strict=True):
                logger.disabled = disabled
