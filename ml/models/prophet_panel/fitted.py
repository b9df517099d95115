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

from ml.errors import DataError
from ml.models.prophet_panel import forecast
from ml.models.prophet_panel.design import Days
from ml.models.prophet_panel.groups import Group, Inputs, estimate
from ml.models.prophet_panel.holidays import Holidays
from ml.models.prophet_panel.options import Options
from ml.panel import Panel
from ml.periods import following, period_dates, period_numbers

Floats = NDArray[np.float64]
Known = Mapping[str, Floats]


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
    def fitted(self) -> NDArray[np.bool_]:
        """Which series have an estimate (N)."""
        return np.asarray(self._places[:, 0] >= 0)

    def dates(self, horizon: int) -> pd.DatetimeIndex:
        """The `horizon` periods that forecasts are made for."""
        return following(self.last, horizon, self.freq)

    def mean(self, dates: pd.DatetimeIndex, known: Known | None = None) -> Floats:
        """Expected values (N, H) on any dates, past ones too; `known` gives the regressors, (N, H) by name."""
        days, values = days_of(dates), self.regressors(known, len(dates))
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
        days, values = days_of(dates), self.regressors(known, horizon)
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
        days, values = days_of(dates), self.regressors(known, len(dates))
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

    def updated(self, panel: Panel, newer: Self) -> Self:
        """These estimates at the end of `panel`, and those of `newer` for series that are new in it."""
        place = {name: row for row, name in enumerate(panel.ids)}
        groups = [_renumbered(group, self.ids, place) for group in self.groups]
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

    def regressors(self, known: Known | None, horizon: int) -> Floats:
        """(N, H, regressors); DataError where a fitted series lacks a value."""
        return regressor_values(self.options, known or {}, self.ids, self.fitted, horizon)


def fit_panel(
    panel: Panel,
    options: Options | None = None,
    *,
    holidays: pd.DataFrame | None = None,
    region: str | None = None,
    threads: int = 1,
    chunk: int = 256,
) -> FittedPanel:
    """Estimate all series of a panel; neither `threads` nor `chunk` nor other series change a bit of a series' result.

    `holidays` is a table as `prophet.Prophet` takes it. With `region`, a static column, each series has the holidays of
    the rows with its value in the column of that name, and of those without any. Raises DataError for regressors that
    are no known columns or lack values where y has one.
    """
    options = options or Options()
    wide = panel.wide
    known = {spec.name: wide.known[spec.name] for spec in options.regressors if spec.name in wide.known}
    seen = np.isfinite(wide.y)
    values = regressor_values(options, known, panel.ids, seen, len(wide.numbers))
    tables, codes = _regional(panel, options, holidays, region)
    inputs = Inputs(wide.y, days_of(panel.periods), options, values, tables, codes)
    groups = tuple(estimate(inputs, threads, chunk))
    return FittedPanel(panel.ids, panel.freq, panel.last, options, groups)


def days_of(dates: pd.DatetimeIndex) -> Days:
    """Days since 1970-01-01."""
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)


def regressor_values(
    options: Options, known: Known, ids: pd.Index[str], needed: NDArray[np.bool_], horizon: int
) -> Floats:
    """(N, H, regressors); DataError where one is absent or lacks a value that is needed (N, or N × H)."""
    names = [spec.name for spec in options.regressors]
    absent = [name for name in names if name not in known]
    if absent:
        raise DataError(f"no values of {', '.join(absent)}; expected a known column for each regressor. Add it.")
    out = np.empty((len(ids), horizon, len(names)))
    wanted = needed if needed.ndim == 2 else needed[:, None]
    for place, name in enumerate(names):
        out[:, :, place] = known[name]
        lacking = (wanted & ~np.isfinite(out[:, :, place])).any(axis=1)
        if lacking.any():
            raise DataError(
                f"column {name}: series {ids[int(np.argmax(lacking))]!r} lacks values; expected one for each period. "
                "Fill them, or leave the regressor out."
            )
    return out


def _regional(
    panel: Panel, options: Options, holidays: pd.DataFrame | None, region: str | None
) -> tuple[list[Holidays], NDArray[np.int64]]:
    """The tables of holidays, one for each region, and which one each series has."""
    if holidays is None or region is None:
        return [Holidays.read(holidays, options.holidays_prior_scale)], np.zeros(len(panel.ids), dtype=np.int64)
    if region not in panel.static or region not in holidays.columns:
        raise DataError(f"{region!r} is no static column of the panel and of the holidays; expected one of both.")
    codes, names = pd.factorize(panel.statics[region])
    own = [holidays[holidays[region].isna() | (holidays[region].astype(str) == name)] for name in names]
    return [Holidays.read(table, options.holidays_prior_scale) for table in own], np.asarray(codes, dtype=np.int64)


def _renumbered(group: Group, ids: pd.Index[str], place: dict[str, int]) -> Group:
    rows = np.array([place.get(name, -1) for name in ids[group.rows]], dtype=np.int64)
    return replace(group, rows=rows).part(rows >= 0)


def _each(run: Callable[[Group], None], groups: Sequence[Group], threads: int, chunk: int = 256) -> None:
    """Run for all groups, large ones in parts."""
    parts = [group.part(slice(start, start + chunk)) for group in groups for start in range(0, len(group.rows), chunk)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, parts))
