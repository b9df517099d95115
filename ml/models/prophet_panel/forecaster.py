"""The model behind the engine's protocols: with its own bands (a Forecaster), or points for conformal ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.errors import DataError, NotEnoughHistoryError
from ml.models.base import Points
from ml.models.naive import NAIVE
from ml.models.prophet_panel.fitted import PROPHET, FittedPanel, fit_panel
from ml.models.prophet_panel.options import Options, Regressor
from ml.panel import KEYS, Panel
from ml.periods import UNITS
from ml.quantiles import LEVELS, tail_name, tails

if TYPE_CHECKING:
    from ml.models.prophet_panel.library import FittedLibrary

Floats = NDArray[np.float64]
Fitted: TypeAlias = "FittedPanel | FittedLibrary"

BOUNDS = ("cap", "floor")
"""Known columns that logistic growth reads."""


@dataclass(frozen=True)
class Settings:
    """What the model is made with.

    `options` are arguments of `prophet.Prophet` as JSON values (see `Options.read`). `use_known` makes regressors of
    all known columns of the panel that nothing else reads. `holidays` are rows of the library's table, `country` adds
    public ones, `region` is the static column and the column of that table that say whose they are. `engine` is what
    estimates: `panel`, `library`, or `auto`, the panel's where it covers the options and else the library's. Rows carry
    the name of what made them.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    use_known: bool = False
    holidays: Sequence[Mapping[str, Any]] = ()
    country: str | Mapping[str, str] | None = None
    region: str | None = None
    engine: Literal["auto", "panel", "library"] = "auto"
    threads: int = 1

    @property
    def estimator(self) -> str:
        """The engine that `auto` stands for."""
        if self.engine != "auto":
            return self.engine
        return "library" if Options.read(self.options).uncovered else "panel"

    @property
    def parameters(self) -> dict[str, Any]:
        """As JSON values; `threads` changes nothing but the time."""
        country = dict(self.country) if isinstance(self.country, Mapping) else self.country
        own = {"options": dict(self.options), "use_known": self.use_known, "country": country, "region": self.region}
        holidays = [{key: _json(value) for key, value in row.items()} for row in self.holidays]
        return {**own, "holidays": holidays, "engine": self.estimator}

    def fit(self, panel: Panel) -> Learned:
        """Estimate all series; raises NotEnoughHistoryError below 2 periods."""
        if len(panel.periods) < 2:
            raise NotEnoughHistoryError(len(panel.periods), 2, UNITS[panel.freq])
        fitted = self.estimate(panel)
        return Learned(self, fitted, _last_values(panel, fitted))

    def estimate(self, panel: Panel) -> Fitted:
        """Estimate the series of any panel, however short."""
        options = Options.read(self.options)
        if self.use_known:
            named = {*options.inputs, *(BOUNDS if options.growth == "logistic" else ())}
            added = tuple(Regressor(name) for name in panel.known if name not in named)
            options = replace(options, regressors=(*options.regressors, *added))
        holidays = pd.DataFrame(list(self.holidays)) if self.holidays else None
        given: dict[str, Any] = {"holidays": holidays, "country": self.country, "region": self.region}
        if self.estimator == "panel":
            return fit_panel(panel, options, **given, threads=self.threads)
        from ml.models.prophet_panel.library import fit_library  # noqa: PLC0415 - hardly ever needed

        return fit_library(panel, options, **given, threads=self.threads)


@dataclass(frozen=True)
class Learned:
    """The estimates, and the last value of series that have none (NaN elsewhere), which is then repeated (`naive`)."""

    settings: Settings
    panel: Fitted
    last: Floats

    @property
    def features(self) -> list[str]:
        """The known columns that are read."""
        return list(self.panel.inputs)

    @property
    def models(self) -> NDArray[np.object_]:
        """What makes each series' forecast."""
        return np.where(self.panel.fitted, self.panel.name, NAIVE).astype(object)

    def update(self, panel: Panel) -> Learned:
        """The same estimates at the end of newer data; only series never seen before are estimated."""
        old = set(self.panel.ids[self.panel.fitted])
        fresh = panel.frame[~panel.frame["unique_id"].isin(old)]
        newer: Any = None  # of the same kind as the others, which have the same settings
        if fresh["y"].notna().any():
            newer = self.settings.estimate(replace(panel, frame=fresh.reset_index(drop=True)))
        fitted = self.panel.updated(panel, newer)
        return replace(self, panel=fitted, last=_last_values(panel, fitted))

    def predict(self, horizon: int, known: Mapping[str, Floats]) -> Points:
        """Expected values of the next periods; see `FittedPoints.predict`."""
        mean = self.panel.mean(self.panel.dates(horizon), known)
        return Points(np.maximum(np.where(np.isnan(mean), self.last[:, None], mean), 0.0), self.models)

    def quantiles(self, horizon: int, known: Mapping[str, Floats], shares: Sequence[float]) -> tuple[Floats, Floats]:
        """Expected values (N, H) and quantiles (N, H, Q), none below 0."""
        mean, found = self.panel.quantiles(horizon, shares, known, self.settings.threads)
        mean = np.where(np.isnan(mean), self.last[:, None], mean)
        found = np.where(np.isnan(found), self.last[:, None, None], found)
        return np.maximum(mean, 0.0), np.maximum(found, 0.0)


@dataclass(frozen=True)
class ProphetPoints:
    """A PointModel: `ConformalForecaster` gives it calibrated bands."""

    settings: Settings = field(default_factory=Settings)
    name: str = PROPHET

    @property
    def parameters(self) -> dict[str, Any]:
        return self.settings.parameters

    def fit(self, panel: Panel) -> Learned:
        """Estimate all series of `panel`."""
        return self.settings.fit(panel)


@dataclass
class ProphetForecaster:
    """A Forecaster with the bands of the model itself, as the library gives them."""

    settings: Settings = field(default_factory=Settings)
    name: str = PROPHET
    _learned: Learned | None = field(default=None, init=False, repr=False)

    @property
    def parameters(self) -> dict[str, Any]:
        return self.settings.parameters

    @property
    def features(self) -> list[str]:
        return self.learned.features

    @property
    def learned(self) -> Learned:
        """What `fit` found; DataError before it."""
        if self._learned is None:
            raise DataError(f"the model {self.name} has not been fitted; call fit(panel) first.")
        return self._learned

    def fit(self, panel: Panel) -> Self:
        """Estimate all series of `panel`; raises NotEnoughHistoryError below 2 periods."""
        self._learned = self.settings.fit(panel)
        return self

    def update(self, panel: Panel) -> Self:
        """See `Forecaster.update`: only series never seen before are estimated."""
        self._learned = self.learned.update(panel)
        return self

    def predict(self, horizon: int, known: pd.DataFrame | None = None, levels: Sequence[int] = LEVELS) -> pd.DataFrame:
        """See `Forecaster.predict`; raises DataError before `fit` and where known columns are missing."""
        learned = self.learned
        if horizon < 1:
            raise DataError(f"the horizon is {horizon}; expected at least 1 period.")
        ids, dates = learned.panel.ids, learned.panel.dates(horizon)
        values = known_matrices(learned.features, ids, dates, known)
        mean, found = learned.quantiles(horizon, values, tails(levels))
        bands = {tail_name(share): found[:, :, place].ravel() for place, share in enumerate(tails(levels))}
        rows = {"unique_id": np.repeat(ids.to_numpy(), horizon), "ds": np.tile(dates.to_numpy(), len(ids))}
        model = np.repeat(learned.models, horizon)
        return pd.DataFrame({**rows, "mean": mean.ravel(), **bands, "model": model})


def known_matrices(
    names: Sequence[str], ids: pd.Index[str], dates: pd.DatetimeIndex, known: pd.DataFrame | None
) -> dict[str, Floats]:
    """(N, H) for each name from long rows, NaN where one is missing; DataError where a column is."""
    if not names:
        return {}
    absent = list(names) if known is None else [name for name in names if name not in known.columns]
    if known is None or absent:
        raise DataError(
            f"the model was trained with the known columns {', '.join(names)}; the forecast was asked for without "
            f"{', '.join(absent)}. Pass known=panel.future(cutoff, horizon)."
        )
    wanted = pd.MultiIndex.from_product([ids, dates], names=KEYS)
    found = known.set_index(KEYS)[list(names)].reindex(wanted)
    return {name: found[name].to_numpy(dtype=np.float64).reshape(len(ids), len(dates)) for name in names}


def _last_values(panel: Panel, fitted: Fitted) -> Floats:
    """The last known value of each series without an estimate."""
    out = np.full(len(panel.ids), np.nan)
    for row in np.flatnonzero(~fitted.fitted):
        values = panel.wide.y[row]
        out[row] = values[np.isfinite(values)][-1]
    return out


def _json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
