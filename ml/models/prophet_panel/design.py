"""The design that series with the same dates share: scaled time, changepoints, and columns of the regression."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.models.prophet_panel.holidays import Holidays, component
from ml.models.prophet_panel.options import MODES, Options, Order, Seasonality

Floats = NDArray[np.float64]
Days = NDArray[np.int64]

BUILT_IN = (("yearly", 365.25, 10), ("weekly", 7.0, 3), ("daily", 1.0, 4))
"""Name, period in days, Fourier order."""
ENOUGH_DAYS = {"yearly": 730, "weekly": 14, "daily": 2}
"""History from which a seasonality is estimated unasked."""
SPACING_DAYS = {"yearly": np.inf, "weekly": 7, "daily": 1}
"""… where two dates lie closer together than that."""
TREND_PRIOR = 5.0
"""Standard deviation of the priors of offset and growth, in scaled units."""


@dataclass(frozen=True)
class Design:
    """How one group of series sees time. Small: it is kept with the estimates; features are made when needed.

    `changepoints` are days since 1970-01-01. `centre` and `spread` standardise the regressors.
    """

    start: int
    span: int
    count: int
    changepoints: Days
    seasonalities: tuple[Seasonality, ...]
    options: Options
    holidays: Holidays = field(repr=False)
    centre: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()

    @classmethod
    def of(cls, days: Days, options: Options, holidays: Holidays) -> Design:
        """For series observed on these days (ascending, at least two)."""
        span = int(days[-1] - days[0])
        seasonalities = resolve_seasonalities(options, days)
        points = place_changepoints(days, options)
        return cls(int(days[0]), span, len(days), points, seasonalities, options, holidays.seen(days))

    def with_regressors(self, values: Floats) -> Design:
        """Standardised by the observed `values` (days, inputs)."""
        found = [standardisation(values[:, i], spec.standardize) for i, spec in enumerate(self.options.regressors)]
        return replace(self, centre=tuple(c for c, _ in found), spread=tuple(s for _, s in found))

    def __getstate__(self) -> dict[str, Any]:
        """Without what is only remembered to save time."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    @cached_property
    def hinges(self) -> Floats:
        """Where the slope may change, in scaled time (S)."""
        return np.asarray((self.changepoints - self.start) / self.span, dtype=np.float64)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the regression's columns, in the library's order."""
        seasons = [f"{s.name}_delim_{i + 1}" for s in self.seasonalities for i in range(2 * s.fourier_order)]
        return (*seasons, *self.holidays.names, *(spec.name for spec in self.options.regressors))

    @cached_property
    def components(self) -> dict[str, NDArray[np.bool_]]:
        """The columns of each component: seasonalities, holidays, regressors, and the sums that the library has."""
        own = np.array([component(name) for name in self.columns], dtype=object)
        found = {name: np.asarray(own == name, dtype=np.bool_) for name in dict.fromkeys(own)}
        kinds = np.array([kind for kind, count in self._kinds for _ in range(count)], dtype=object)
        modes = np.where(self.multiplicative, "multiplicative", "additive")
        sums = {"holidays": kinds == "holiday"}
        sums |= {f"extra_regressors_{mode}": (kinds == "regressor") & (modes == mode) for mode in MODES}
        return {**found, **{name: columns for name, columns in sums.items() if columns.any()}}

    @property
    def _kinds(self) -> tuple[tuple[str, int], ...]:
        """How many columns of each kind there are, in their order."""
        seasons = sum(2 * season.fourier_order for season in self.seasonalities)
        regressors = len(self.options.regressors)
        return (("season", seasons), ("holiday", len(self.holidays.names)), ("regressor", regressors))

    @cached_property
    def prior(self) -> Floats:
        """The prior scale of each column (K)."""
        options = self.options
        seasons = [
            s.prior_scale or options.seasonality_prior_scale
            for s in self.seasonalities
            for _ in range(2 * s.fourier_order)
        ]
        regressors = [spec.prior_scale or options.holidays_prior_scale for spec in options.regressors]
        return np.array([*seasons, *self.holidays.prior, *regressors], dtype=np.float64)

    @cached_property
    def multiplicative(self) -> NDArray[np.bool_]:
        """Which columns multiply the trend (K)."""
        options = self.options
        modes = [s.mode or options.seasonality_mode for s in self.seasonalities for _ in range(2 * s.fourier_order)]
        modes += [options.holiday_mode] * len(self.holidays.names)
        modes += [spec.mode or options.seasonality_mode for spec in options.regressors]
        return np.array([mode == "multiplicative" for mode in modes], dtype=np.bool_)

    def time(self, days: Days) -> Floats:
        """Scaled time: 0 on the first observed day, 1 on the last."""
        return np.asarray((days - self.start) / self.span, dtype=np.float64)

    @cached_property
    def condition(self) -> NDArray[np.int64]:
        """Per column the place of its condition among the inputs, -1 where it has none (K)."""
        places = {name: place for place, name in enumerate(self.options.inputs)}
        seasons = [
            places.get(s.condition_name or "", -1) for s in self.seasonalities for _ in range(2 * s.fourier_order)
        ]
        return np.array([*seasons, *[-1] * (len(self.columns) - len(seasons))], dtype=np.int64)

    def features(self, days: Days, values: Floats) -> Floats:
        """All columns (days, K) of a series with the inputs `values` (days, inputs)."""
        out = np.concatenate([self.calendar(days), self.regressors(values)], axis=1)
        for column in np.flatnonzero(self.condition >= 0):
            out[:, column] *= values[:, self.condition[column]]
        return out

    def calendar(self, days: Days) -> Floats:
        """The columns that dates decide, (days, K - regressors): seasonalities as if each acted always, holidays."""
        parts = [fourier(days, season.period, season.fourier_order) for season in self.seasonalities]
        return np.concatenate([np.empty((len(days), 0)), *parts, self.holidays.features(days)], axis=1)

    def regressors(self, values: Floats) -> Floats:
        """The regressors of `values` (…, inputs), standardised as the observed ones."""
        own = values[..., : len(self.options.regressors)]
        if not self.centre:
            return own
        return np.asarray((own - np.array(self.centre)) / np.array(self.spread), dtype=np.float64)


def fourier(days: Days, period: float, order: int) -> Floats:
    """(days, 2·order): sine and cosine of each harmonic, counted from 1970-01-01."""
    angle = (np.arange(1, order + 1) / period) * (2 * np.pi * days[:, None])
    out = np.empty((len(days), 2 * order))
    out[:, 0::2], out[:, 1::2] = np.sin(angle), np.cos(angle)
    return out


def resolve_seasonalities(options: Options, days: Days) -> tuple[Seasonality, ...]:
    """Those that were asked for, and the built-in ones where the history is long and dense enough."""
    found = {season.name: season for season in options.seasonalities}
    span, spacing = days[-1] - days[0], np.diff(days).min()
    for name, period, default in BUILT_IN:
        unfit = span < ENOUGH_DAYS[name] or spacing >= SPACING_DAYS[name]
        asked: Order = getattr(options, f"{name}_seasonality")
        order = _order(asked, default, disabled=bool(unfit) or name in found)
        if order > 0:
            found[name] = Seasonality(name, period, order)
    return tuple(found.values())


def _order(asked: Order, default: int, *, disabled: bool) -> int:
    if asked == "auto":
        return 0 if disabled else default
    if isinstance(asked, bool):
        return default if asked else 0
    return int(asked)


def place_changepoints(days: Days, options: Options) -> Days:
    """Evenly over the first part of the observed days, or where they were asked for."""
    if options.growth == "flat":
        return np.empty(0, dtype=np.int64)
    if options.changepoints is not None:
        given = np.array(sorted(options.changepoints), dtype="datetime64[D]").astype(np.int64)
        return np.asarray(given[(given >= days[0]) & (given <= days[-1])], dtype=np.int64)
    size = int(np.floor(len(days) * options.changepoint_range))
    count = min(options.n_changepoints, size - 1)
    if count <= 0:
        return np.empty(0, dtype=np.int64)
    places = np.linspace(0, size - 1, count + 1).round().astype(np.int64)
    return np.asarray(days[places[1:]], dtype=np.int64)


def standardisation(values: Floats, asked: str | bool) -> tuple[float, float]:
    """What to subtract from a regressor and to divide it by: (0, 1) for constant and, unless asked, binary ones."""
    found = np.unique(values)
    if len(found) < 2 or asked is False or (asked == "auto" and found.tolist() == [0.0, 1.0]):
        return 0.0, 1.0
    return float(values.mean()), float(values.std(ddof=1))
