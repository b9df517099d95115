"""A whole panel, estimated: forecasts, quantiles, components and coefficients of all its series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.errors import ConfigurationError, DataError
from ml.models.prophet_panel import forecast
from ml.models.prophet_panel.design import Days
from ml.models.prophet_panel.groups import Group, Inputs, estimate
from ml.models.prophet_panel.holidays import Holidays, regional_holidays
from ml.models.prophet_panel.inputs import Known, check_conditions, input_values
from ml.models.prophet_panel.options import Options
from ml.panel import Panel
from ml.periods import following, period_dates, period_numbers

Floats = NDArray[np.float64]

PROPHET = "prophet"


@dataclass(frozen=True)
class FittedPanel:
    """Estimates of N series, in the order of `ids`; forecasts start after `last`.

    Series with fewer than two values have no estimate: their numbers are NaN. See `fitted` for which have one.
    """

    ids: pd.Index[str]
    freq: str
    last: pd.Timestamp
    options: Options
    groups: tuple[Group, ...]

    @property
    def name(self) -> str:
        """What makes the forecasts."""
        return PROPHET

    @property
    def inputs(self) -> tuple[str, ...]:
        """The known columns that are read."""
        return self.options.inputs

    @property
    def fitted(self) -> NDArray[np.bool_]:
        """Which series have an estimate (N)."""
        return np.asarray(self._places[:, 0] >= 0)

    def dates(self, horizon: int) -> pd.DatetimeIndex:
        """The `horizon` periods that forecasts are made for."""
        return following(self.last, horizon, self.freq)

    def mean(self, dates: pd.DatetimeIndex, known: Known | None = None) -> Floats:
        """Expected values (N, H) on any dates, past ones too; `known` gives the inputs, (N, H) by name."""
        days, values = days_of(dates), self.values(known, len(dates))
        out = np.full((len(self.ids), len(dates)), np.nan)
        for group in self.groups:
            out[group.rows] = forecast.terms(group.design, group.estimates, days, values[group.rows]).mean
        return out

    def quantiles(
        self, horizon: int, shares: Sequence[float], known: Known | None = None, threads: int = 1
    ) -> tuple[Floats, Floats]:
        """Expected values (N, H) and the quantiles `shares` (N, H, Q) of the next `horizon` periods.

        Of the distribution that the library simulates: changes of slope to come, and noise. Its paths start after a
        series' last known value, which may lie before `last`.
        """
        dates = self.dates(horizon)
        days, values = days_of(dates), self.values(known, horizon)
        upper = sorted({max(share, 1 - share) for share in np.round(shares, 9)} - {0.5})
        mean = np.full((len(self.ids), horizon), np.nan)
        out = np.full((len(self.ids), horizon, len(shares)), np.nan)

        def run(part: Group) -> None:
            found = forecast.terms(part.design, part.estimates, days, values[part.rows])
            mean[part.rows] = found.mean
            ahead = self.ahead(part, days)
            effects = np.zeros((len(part.rows), len(ahead)))
            effects[:, -horizon:] = found.multiplicative
            offsets = forecast.offsets(part.design, part.estimates, ahead, effects, upper)[:, -horizon:]
            for place, share in enumerate(np.round(shares, 9)):
                sign = np.sign(share - 0.5)
                distance = offsets[:, :, upper.index(max(share, 1 - share))] if sign else 0.0
                out[part.rows, :, place] = found.mean + sign * distance

        _each(run, self.groups, threads)
        return mean, out

    def components(self, dates: pd.DatetimeIndex, known: Known | None = None) -> dict[str, Floats]:
        """Each component (N, H) by name, as `Prophet.predict` has them; 0 where a series lacks it."""
        days, values = days_of(dates), self.values(known, len(dates))
        out: dict[str, Floats] = {}
        for group in self.groups:
            for name, part in forecast.components(group.design, group.estimates, days, values[group.rows]).items():
                whole = out.setdefault(name, np.where(self.fitted[:, None], 0.0, np.full((1, len(dates)), np.nan)))
                whole[group.rows] = part
        return out

    def changepoints(self) -> pd.DataFrame:
        """Where slopes may change and by how much: `unique_id, ds, delta` (units of y per day), all candidates."""
        parts = []
        for group in self.groups:
            design, size = group.design, len(group.design.changepoints)
            rate = group.estimates.delta * group.estimates.scale[:, None] / design.span
            dates = pd.DatetimeIndex(design.changepoints.astype("datetime64[D]").astype("datetime64[ns]"))
            ids = np.repeat(self.ids.to_numpy()[group.rows], size)
            parts.append(pd.DataFrame({"unique_id": ids, "ds": np.tile(dates, len(group.rows)), "delta": rate.ravel()}))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["unique_id", "ds", "delta"])

    def coefficients(self, unique_id: str) -> dict[str, Any]:
        """One series' `m, k, sigma, scale, floor` (floats), `delta` and `beta` (arrays) and `columns` (names of β)."""
        group, row = self.find(unique_id)
        own = {name: getattr(group.estimates, name)[row] for name in ("m", "k", "sigma", "scale", "floor")}
        arrays = {"delta": group.estimates.delta[row], "beta": group.estimates.beta[row]}
        return {**{name: float(value) for name, value in own.items()}, **arrays, "columns": group.design.columns}

    def find(self, unique_id: str) -> tuple[Group, int]:
        """The group of a series and its row there; DataError where it has no estimate."""
        place = int(self.ids.get_indexer(pd.Index([unique_id]))[0])
        number, row = self._places[place] if place >= 0 else (-1, -1)
        if number < 0:
            raise DataError(
                f"series {unique_id!r} has no estimate; expected one of the fitted series, with two values or more."
            )
        return self.groups[number], int(row)

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """The number of each series' group and its row there, (N, 2); -1 where it has none."""
        out = np.full((len(self.ids), 2), -1)
        for number, group in enumerate(self.groups):
            out[group.rows, 0], out[group.rows, 1] = number, np.arange(len(group.rows))
        return out

    def updated(self, panel: Panel, newer: Self | None) -> Self:
        """These estimates at the end of `panel`, and those of `newer` for series that are new in it."""
        place = {name: row for row, name in enumerate(panel.ids)}
        groups = [_renumbered(group, self.ids, place) for group in self.groups]
        if newer is not None:
            groups += [_renumbered(group, newer.ids, place) for group in newer.groups]
        kept = tuple(group for group in groups if len(group.rows))
        return replace(self, ids=panel.ids, last=panel.last, groups=kept)

    def ahead(self, group: Group, days: Days) -> Days:
        """All periods after the group's last known one, up to the last of `days`."""
        end = group.design.start + group.design.span
        if end == days_of(pd.DatetimeIndex([self.last]))[0]:
            return days
        ended = pd.Timestamp(np.datetime64(end, "D"))
        number, last = period_numbers(pd.DatetimeIndex([ended, self.last]), self.freq)
        between = period_dates(np.arange(number + 1, last + 1), self.freq, like=self.last)
        return np.concatenate([days_of(between), days])

    def values(self, known: Known | None, horizon: int) -> Floats:
        """(N, H, inputs); DataError where a fitted series lacks a value."""
        found = input_values(self.inputs, known or {}, self.ids, self.fitted, horizon)
        check_conditions(self.options.conditions, found[:, :, len(self.options.regressors) :])
        return found


def fit_panel(
    panel: Panel,
    options: Options | None = None,
    *,
    holidays: pd.DataFrame | None = None,
    country: str | Mapping[str, str] | None = None,
    region: str | None = None,
    threads: int = 1,
    chunk: int = 256,
) -> FittedPanel:
    """Estimate all series of a panel; neither `threads` nor `chunk` nor other series change a bit of a series' result.

    `holidays` is a table as `prophet.Prophet` takes it, `country` (a code) adds public ones as `add_country_holidays`
    does. With `region`, a static column, each series has the holidays of the rows with its value in the column of that
    name, and of those without any; `country` may then give a code for each region. Raises DataError for regressors and
    conditions that are no known columns or lack values where y has one, ConfigurationError for options that the library
    alone covers.
    """
    options = options or Options()
    if options.uncovered:
        raise ConfigurationError(
            f"{options.uncovered} is not estimated for whole panels; expected linear or flat growth and no MCMC. "
            "ProphetForecaster and ProphetPoints hand it over to the library."
        )
    wide = panel.wide
    seen = np.isfinite(wide.y)
    values = input_values(options.inputs, wide.known, panel.ids, seen, len(wide.numbers))
    check_conditions(options.conditions, values[:, :, len(options.regressors) :])
    tables, codes = holidays_of(panel, options, holidays, country, region)
    inputs = Inputs(wide.y, days_of(panel.periods), options, values, tables, codes)
    groups = tuple(estimate(inputs, threads, chunk))
    return FittedPanel(panel.ids, panel.freq, panel.last, options, groups)


def days_of(dates: pd.DatetimeIndex) -> Days:
    """Days since 1970-01-01."""
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)


def holidays_of(
    panel: Panel,
    options: Options,
    holidays: pd.DataFrame | None,
    country: str | Mapping[str, str] | None,
    region: str | None,
) -> tuple[list[Holidays], NDArray[np.int64]]:
    """The holidays, for each region its own, and which ones each series has."""
    prior = options.holidays_prior_scale
    if region is None:
        if isinstance(country, Mapping):
            raise ConfigurationError("countries are given by region; expected region=, the static column that says it.")
        return [Holidays.read(holidays, prior, country)], np.zeros(len(panel.ids), dtype=np.int64)
    if region not in panel.static or (holidays is not None and region not in holidays.columns):
        raise DataError(f"{region!r} is no static column of the panel and of the holidays; expected one of both.")
    return regional_holidays(holidays, country, prior, panel.statics[region])


def _renumbered(group: Group, ids: pd.Index[str], place: dict[str, int]) -> Group:
    rows = np.array([place.get(name, -1) for name in ids[group.rows]], dtype=np.int64)
    return replace(group, rows=rows).part(rows >= 0)


def _each(run: Callable[[Group], None], groups: Sequence[Group], threads: int, chunk: int = 256) -> None:
    """Run for all groups, large ones in parts."""
    parts = [group.part(slice(start, start + chunk)) for group in groups for start in range(0, len(group.rows), chunk)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, parts))
