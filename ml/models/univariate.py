"""Models of one series: the calls to statsforecast, and what is kept of them to fit newer data quickly.

Each function takes the known past `y` (periods,), the season's length, how many periods to forecast and a form: what
the model was once chosen to be, or None to choose. It returns the path that follows and the form. The library's
classes are called on arrays: its table layer would first build a long table, and keep all states of all series.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Fit = Callable[[Floats, int, int, Any], tuple[Floats, Any]]

MOST_SEASONAL_STATES = 24
"""A season of more periods (weeks in a year) has too many states to estimate: STL takes it out first, as R's `stlf`."""
DAYS_IN_WEEK = 7
"""Days have no trend to speak of within weeks: without one AutoETS is as accurate, and chosen in an eighth of the time
(see docs/decisions/statistical-models.md)."""
CLEAR = 0.64
"""Strength of a season (Wang, Smith and Hyndman 2006) that counts, as in R's `nsdiffs`: two noisy years show 0.5."""
SMOOTHING = 0.1
"""Of demand and of its probability, as is usual for intermittent series (Syntetos and Boylan 2005)."""


def theta(y: Floats, season: int, horizon: int, form: None) -> tuple[Floats, None]:  # noqa: ARG001 - it has one form
    """The dynamic optimised Theta model (Fiorucci et al. 2016)."""
    from statsforecast.models import DynamicOptimizedTheta  # noqa: PLC0415 - the library takes 2 s to load

    return _fit(lambda length: DynamicOptimizedTheta(season_length=length), y, season, horizon)[0], None


def auto_ets(y: Floats, season: int, horizon: int, form: str | None) -> tuple[Floats, str]:
    """Exponential smoothing in state space form (Hyndman et al. 2002), chosen by AICc; the form is such as `MAMD`."""
    from statsforecast.models import AutoETS  # noqa: PLC0415

    components, damped = (form[:3], form[3] == "D") if form else ("ZNZ" if season == DAYS_IN_WEEK else "ZZZ", None)
    if season > MOST_SEASONAL_STATES:
        components = components[:2] + "N"

    def make(length: int) -> Any:
        return AutoETS(season_length=length, model=components, damped=damped)

    path, fitted = _fit(make, y, season, horizon)
    return path, fitted["components"]


def ces(y: Floats, season: int, horizon: int, form: str | None) -> tuple[Floats, str]:
    """Complex exponential smoothing (Svetunkov et al. 2022), its season chosen by AICc: the form is N, S, P or F."""
    from statsforecast.models import AutoCES  # noqa: PLC0415

    path, fitted = _fit(lambda length: AutoCES(season_length=length, model=form or "Z"), y, season, horizon)
    return path, fitted["seasontype"]


def auto_arima(y: Floats, season: int, horizon: int, form: Any) -> tuple[Floats, Any]:
    """ARIMA, its orders chosen stepwise by AICc (Hyndman and Khandakar 2008); the form is the orders and constants."""
    from statsforecast.models import ARIMA, AutoARIMA  # noqa: PLC0415

    def make(length: int) -> Any:
        if form is None:  # a wider search takes twice as long, and was no more accurate on retail sales
            return AutoARIMA(season_length=length, max_p=2, max_q=2, max_P=1, max_Q=1, nmodels=15, approximation=True)
        order, seasonal, mean, drift = form
        return ARIMA(order, length, seasonal, include_mean=mean, include_drift=drift)

    path, fitted = _fit(make, y, season, horizon)
    p, q, seasonal_p, seasonal_q, _, d, seasonal_d = fitted["arma"]
    constants = ("intercept" in fitted["coef"], "drift" in fitted["coef"])
    return path, ((p, d, q), (seasonal_p, seasonal_d, seasonal_q), *constants)


def croston_sba(y: Floats, season: int, horizon: int, form: None) -> tuple[Floats, None]:  # noqa: ARG001
    """Croston's method without its bias (Syntetos and Boylan 2005)."""
    from statsforecast.models import CrostonSBA  # noqa: PLC0415

    return CrostonSBA().forecast(y=y, h=horizon)["mean"], None


def tsb(y: Floats, season: int, horizon: int, form: None) -> tuple[Floats, None]:  # noqa: ARG001
    """Demand size times its probability, which falls while nothing sells (Teunter, Syntetos and Babai 2011)."""
    from statsforecast.models import TSB  # noqa: PLC0415

    return TSB(alpha_d=SMOOTHING, alpha_p=SMOOTHING).forecast(y=y, h=horizon)["mean"], None


def adida(y: Floats, season: int, horizon: int, form: None) -> tuple[Floats, None]:  # noqa: ARG001
    """Smoothing of sums over the mean interval between sales (Nikolopoulos et al. 2011)."""
    from statsforecast.models import ADIDA  # noqa: PLC0415

    return ADIDA().forecast(y=y, h=horizon)["mean"], None


FITS: dict[str, Fit] = {
    "theta": theta,
    "auto_ets": auto_ets,
    "ces": ces,
    "auto_arima": auto_arima,
    "croston_sba": croston_sba,
    "tsb": tsb,
    "adida": adida,
}


def _fit(make: Callable[[int], Any], y: Floats, season: int, horizon: int) -> tuple[Floats, dict[str, Any]]:
    """The path and the library's fitted model, a long and clear season taken out before and put back after."""
    if season <= MOST_SEASONAL_STATES:
        model = make(season).fit(y)
        return model.predict(horizon)["mean"], model.model_
    cycle = _clear_season(y, season)
    model = make(1).fit(y - cycle)
    return model.predict(horizon)["mean"] + np.resize(cycle[-season:], horizon), model.model_


def _clear_season(y: Floats, season: int) -> Floats:
    """What the season adds to each period by STL (Cleveland et al. 1990); nothing where it is weak beside the rest."""
    from statsforecast.mstl import mstl  # noqa: PLC0415

    parts = mstl(y, season)
    cycle, rest = parts["seasonal"].to_numpy(), parts["remainder"].to_numpy()
    strength = 1 - np.var(rest) / np.var(cycle + rest)
    return cycle if strength > CLEAR else np.zeros(len(y))
