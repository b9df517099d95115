"""The models, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ml.errors import ConfigurationError
from ml.models.auto import CombinedForecaster
from ml.models.averages import HISTORIC_AVERAGE, MOVING_AVERAGE, HistoricAverage, MovingAverage
from ml.models.calibration import COMBINED
from ml.models.conformal import ConformalForecaster
from ml.models.naive import SEASONAL_NAIVE, SeasonalNaive


def _seasonal_naive(horizon: int | None, threads: int, seed: int, **parameters: Any) -> CombinedForecaster:  # noqa: ARG001
    return ConformalForecaster(SeasonalNaive(**parameters), horizon, correct_bias=False)


def _lightgbm(horizon: int | None, threads: int, seed: int, **parameters: Any) -> CombinedForecaster:
    from ml.models.boosting import LightGBM  # noqa: PLC0415 - loading the library costs 2 s and 100 MB

    return ConformalForecaster(LightGBM(threads=threads, seed=seed, **parameters), horizon)


def _statistical(name: str, horizon: int | None, threads: int, seed: int, **parameters: Any) -> CombinedForecaster:  # noqa: ARG001
    from ml.models.statistical import Statistical  # noqa: PLC0415 - only where it is asked for

    return ConformalForecaster(Statistical(name, threads=threads, **parameters), horizon)


def _average(name: str, horizon: int | None, threads: int, seed: int, **parameters: Any) -> CombinedForecaster:  # noqa: ARG001
    kind = MovingAverage if name == MOVING_AVERAGE else HistoricAverage
    return ConformalForecaster(kind(**parameters), horizon)


def _ridge(horizon: int | None, threads: int, seed: int, **parameters: Any) -> CombinedForecaster:  # noqa: ARG001
    from ml.models.linear import Ridge  # noqa: PLC0415

    return ConformalForecaster(Ridge(**parameters), horizon)


def _random_forest(horizon: int | None, threads: int, seed: int, **parameters: Any) -> CombinedForecaster:
    from ml.models.forest import RandomForest  # noqa: PLC0415 - loads scikit-learn

    return ConformalForecaster(RandomForest(threads=threads, seed=seed, **parameters), horizon)


def _xgboost(horizon: int | None, threads: int, seed: int, **parameters: Any) -> CombinedForecaster:
    from ml.models.xgboosting import XGBoost  # noqa: PLC0415 - loads the library

    return ConformalForecaster(XGBoost(threads=threads, seed=seed, **parameters), horizon)


def _direct(name: str, horizon: int | None, threads: int, seed: int, **parameters: Any) -> CombinedForecaster:
    from ml.models.direct import DirectLightGBM  # noqa: PLC0415 - loads the library

    own = {"horizon": horizon, "threads": threads, "seed": seed, "objective": name.removeprefix("direct_")}
    return ConformalForecaster(DirectLightGBM(**{**own, **parameters}), horizon)


def _prophet(horizon: int | None, threads: int, seed: int, **parameters: Any) -> CombinedForecaster:  # noqa: ARG001
    from ml.models.prophet_panel.forecaster import ProphetPoints, Settings  # noqa: PLC0415 - loads numba

    return ConformalForecaster(ProphetPoints(Settings(threads=threads, **parameters)), horizon)


def _prophet_library(horizon: int | None, threads: int, seed: int, **parameters: Any) -> CombinedForecaster:  # noqa: ARG001
    from ml.models.prophet_series import ProphetSeries  # noqa: PLC0415 - only where it is asked for

    return ConformalForecaster(ProphetSeries(threads=threads, **parameters), horizon)


COMBINATION = COMBINED
"""Combines models that do well on origins inside the panel (see `ml.models.members`)."""
AUTO = "auto"
"""What the engine chooses: the combination; where models are raced, all that race unless asked otherwise."""

_MAKERS: dict[str, Callable[..., CombinedForecaster]] = {SEASONAL_NAIVE: _seasonal_naive, "lightgbm": _lightgbm}

MODELS = tuple(_MAKERS)
"""The models that are raced for serving, cheapest first; the first one is the floor that every other has to beat."""

STATISTICAL = ("theta", "auto_ets", "ces", "auto_arima", "croston_sba", "tsb", "adida")
"""The models that are fitted to each series through statsforecast (see `ml.models.univariate`)."""

_OTHERS: dict[str, Callable[..., CombinedForecaster]] = {
    **{name: partial(_average, name) for name in (MOVING_AVERAGE, HISTORIC_AVERAGE)},
    **{name: partial(_statistical, name) for name in STATISTICAL},
    "ridge": _ridge,
    "random_forest": _random_forest,
    "xgboost": _xgboost,
    **{name: partial(_direct, name) for name in ("direct_log", "direct_tweedie")},
    "prophet": _prophet,
    "prophet_library": _prophet_library,
}


def _combination(horizon: int | None, threads: int, seed: int, **parameters: Any) -> CombinedForecaster:
    from ml.models.members import members_of  # noqa: PLC0415 - it stands above the others, which it combines

    return CombinedForecaster(partial(members_of, threads=threads, seed=seed), horizon, **parameters)


_ALL: dict[str, Callable[..., CombinedForecaster]] = {
    **_MAKERS,
    COMBINATION: _combination,
    AUTO: _combination,
    **_OTHERS,
}

NAMES = tuple(_ALL)
"""All names that `create` knows."""


def create(
    name: str, *, horizon: int | None = None, threads: int = 1, seed: int = 0, **parameters: Any
) -> CombinedForecaster:
    """A model by name; raises ConfigurationError for an unknown one.

    `horizon` is how many steps ahead its bands are calibrated (None: as many as its grain usually needs). The other
    `parameters` are the model's own, as its `parameters` property gives them.
    """
    if name not in _ALL:
        raise ConfigurationError(f"there is no model {name!r}; expected one of {', '.join(NAMES)}.")
    return _ALL[name](horizon, threads, seed, **parameters)
