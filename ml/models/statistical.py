"""Statistical models, one per series, for a whole panel at once: exponential smoothing, Theta, ARIMA, Croston.

What is kept of a fitted series is the path that it forecasts and the form that was chosen for it (which components,
which orders). On newer data the form is fitted anew, which costs a fraction of choosing it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.compute import spread
from ml.errors import ConfigurationError, DataError
from ml.models.base import Points
from ml.models.naive import FittedSeasonalNaive
from ml.models.profile import simpler_model
from ml.models.univariate import FITS
from ml.panel import Panel
from ml.periods import UNITS

Floats = NDArray[np.float64]
Task = tuple[Floats, Any]
Result = tuple[NDArray[np.float32] | None, Any]

STATISTICAL = tuple(FITS)
"""The names of the models."""

LONGEST = {"D": 728, "W": 260, "MS": 240}
"""Periods that are looked at. Smoothing forgets: on daily retail sales two years forecast as well as five, and
fitting Theta to five takes five times as long (see docs/decisions/statistical-models.md)."""
AHEAD = {"D": 366, "W": 106, "MS": 60}
"""Periods that are forecast in fitting, and so the longest horizon."""
FEWEST = 4
"""A shorter series has no level worth the name."""
LIKELY = 10.0
"""A path that rises over so many times the highest value within two seasons is a failed fit."""


@dataclass(frozen=True)
class Statistical:
    """One of STATISTICAL on each series. Series that it cannot fit are left to seasonal naive, visibly.

    Those are the short, the constant, and those where the library fails. `longest` is how many periods it looks at
    (None: by grain, see LONGEST). At most `threads` processes work at once, each with one thread.
    """

    name: str
    longest: int | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        if self.name not in FITS:
            raise ConfigurationError(f"there is no statistical model {self.name!r}; expected one of {', '.join(FITS)}.")

    @property
    def parameters(self) -> dict[str, Any]:
        return {"longest": self.longest, "threads": self.threads}

    def fit(self, panel: Panel) -> FittedStatistical:
        """Choose and fit a form for each series; deterministic, for any number of processes."""
        return self.fit_forms(panel, {})

    def fit_forms(self, panel: Panel, forms: dict[str, Any]) -> FittedStatistical:
        """Fit the forms given by series; those without one have it chosen."""
        wide, season = panel.wide, panel.season_length
        pasts = [completed(y[first:], season) for y, first in zip(wide.y, wide.first, strict=True)]
        recent = [y[-(self.longest or LONGEST[panel.freq]) :] for y in pasts]
        rows = [row for row, y in enumerate(recent) if len(y) >= FEWEST and (y != y[0]).any()]
        work = partial(fit_series, self.name, season, AHEAD[panel.freq])
        made = spread(work, [(recent[row], forms.get(wide.ids[row])) for row in rows], self.threads)
        path = np.full((len(recent), AHEAD[panel.freq]), np.nan, dtype=np.float32)
        chosen = {}
        for row, (own, form) in zip(rows, made, strict=True):
            if own is not None:
                path[row], chosen[wide.ids[row]] = own, form
        return FittedStatistical(self, chosen, path, simpler_model(panel), panel.freq)


@dataclass(frozen=True)
class FittedStatistical:
    """Per series the form by name, and the path (series, periods) after the panel; NaN where it was not fitted."""

    model: Statistical
    forms: dict[str, Any]
    path: NDArray[np.float32]
    fallback: FittedSeasonalNaive
    freq: str

    @property
    def features(self) -> list[str]:
        return []

    def update(self, panel: Panel) -> FittedStatistical:
        """The same forms, fitted to newer data; a form is chosen for new series alone."""
        return self.model.fit_forms(panel, self.forms)

    def predict(self, horizon: int, known: dict[str, Floats]) -> Points:
        """The paths' first periods; raises DataError beyond their end."""
        longest = self.path.shape[1]
        if horizon > longest:
            unit = UNITS[self.freq]
            raise DataError(
                f"{self.model.name} forecasts at most {longest} {unit}; asked for {horizon}. Ask for fewer."
            )
        naive = self.fallback.predict(horizon, known)
        able = np.isfinite(self.path[:, 0])
        mean = np.where(able[:, None], self.path[:, :horizon].astype(np.float64), naive.mean)
        return Points(mean, np.where(able, self.model.name, naive.model).astype(object))


def completed(y: Floats, season: int) -> Floats:
    """One series from its first known value, unknown ones as they were a season before, else in the period before."""
    missing = np.flatnonzero(np.isnan(y))
    filled = y.copy() if len(missing) else y
    for period in missing:
        filled[period] = filled[period - season if period >= season else period - 1]
    return filled


def fit_series(name: str, season: int, ahead: int, tasks: Sequence[Task]) -> list[Result]:
    """Paths and forms of series given as their past and their form, None where the fit fails; says nothing."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return [_fit_one(name, y, season, ahead, form) for y, form in tasks]


def _fit_one(name: str, y: Floats, season: int, ahead: int, form: Any) -> Result:
    for tried in (form, None) if form is not None else (None,):
        try:
            path, chosen = FITS[name](y, season if len(y) >= 2 * season else 1, ahead, tried)
        except Exception:  # noqa: BLE001, S112 - the library raises plain Exception where it cannot fit a series
            continue
        if np.isfinite(path).all() and path[: 2 * season].max() <= LIKELY * y.max():
            return np.maximum(path, 0.0).astype(np.float32), chosen
    return None, None
