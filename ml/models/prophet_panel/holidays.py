"""Columns of holidays: one for each holiday and each day of its window.

A holiday is a row of a table with the columns of `prophet.Prophet(holidays=…)`: `holiday` and `ds`, optionally
`lower_window` and `upper_window` (days before and after) and `prior_scale`. A country's public holidays come beside
them, as `Prophet.add_country_holidays` has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.errors import ConfigurationError, DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Holidays:
    """The days (since 1970-01-01) on which each column is 1; columns are sorted by name, as the library has them.

    Days of the public holidays of `country` are not kept: they are looked up for the years that are asked for.
    """

    names: tuple[str, ...] = ()
    days: tuple[NDArray[np.int64], ...] = ()
    prior: tuple[float, ...] = ()
    country: str | None = None
    country_prior: float = 10.0

    @classmethod
    def read(cls, frame: pd.DataFrame | None, prior_scale: float, country: str | None = None) -> Holidays:
        """Read such a table; `prior_scale` serves holidays that have none. DataError says what is wrong with it.

        `country` is a code such as DE; ConfigurationError where it is unknown.
        """
        if country is not None:
            country_days(country, 2000)
        if frame is None or frame.empty:
            return cls(country=country, country_prior=prior_scale)
        _check(frame)
        days = pd.DatetimeIndex(frame["ds"]).to_numpy().astype("datetime64[D]").astype(np.int64)
        found: dict[str, list[int]] = {}
        priors: dict[str, float] = {}
        for number, row in enumerate(frame.itertuples()):
            name = str(row.holiday)
            prior = float(getattr(row, "prior_scale", np.nan))
            prior = prior_scale if np.isnan(prior) else prior
            if priors.setdefault(name, prior) != prior or not prior > 0:
                raise DataError(
                    f"holiday {name!r} has the prior scales {priors[name]} and {prior}; expected one, above 0."
                )
            for offset in range(_window(row, "lower_window"), _window(row, "upper_window") + 1):
                key = f"{name}_delim_{'+' if offset >= 0 else '-'}{abs(offset)}"
                found.setdefault(key, []).append(int(days[number]) + offset)
        names = sorted(found)
        sets = tuple(np.unique(np.array(found[name], dtype=np.int64)) for name in names)
        return cls(tuple(names), sets, tuple(priors[component(name)] for name in names), country, prior_scale)

    def seen(self, days: NDArray[np.int64]) -> Holidays:
        """With a column for each public holiday in the years of these days: those that are estimated."""
        if self.country is None:
            return self
        found = dict(zip(self.names, zip(self.days, self.prior, strict=True), strict=True))
        own = {component(name): prior for name, prior in zip(self.names, self.prior, strict=True)}
        for name in _public(self.country, days):
            if own.get(component(name), self.country_prior) != self.country_prior:
                raise DataError(
                    f"holiday {component(name)!r} has the prior scale {own[component(name)]}, and is a public one of "
                    f"{self.country} with {self.country_prior}; expected one. Leave its prior_scale out, or rename it."
                )
            found.setdefault(name, (np.empty(0, dtype=np.int64), self.country_prior))
        names = tuple(sorted(found))
        return replace(
            self, names=names, days=tuple(found[n][0] for n in names), prior=tuple(found[n][1] for n in names)
        )

    def features(self, days: NDArray[np.int64]) -> Floats:
        """(days, columns) of zeros and ones."""
        out = np.zeros((len(days), len(self.names)))
        public = {} if self.country is None else _public(self.country, days)
        for column, (name, own) in enumerate(zip(self.names, self.days, strict=True)):
            out[:, column] = np.isin(days, [*own, *public.get(name, ())])
        return out


def regional_holidays(
    frame: pd.DataFrame | None, country: str | Mapping[str, str] | None, prior_scale: float, region: pd.Series[str]
) -> tuple[list[Holidays], NDArray[np.int64]]:
    """The holidays of each region and, for each series, the place of its own.

    `region` holds the region of each series, under the name of the table's column: a region has the rows of its own and
    those without one. `country` is one for all, or one a region.
    """
    codes, names = pd.factorize(region, use_na_sentinel=False)
    found = []
    for name in names:
        rows = frame
        if frame is not None and region.name in frame.columns:
            rows = frame[frame[region.name].isna() | (frame[region.name].astype(str) == str(name))]
        own = country.get(str(name)) if isinstance(country, Mapping) else country
        found.append(Holidays.read(rows, prior_scale, own))
    return found, np.asarray(codes, dtype=np.int64)


@lru_cache(maxsize=512)
def country_days(country: str, year: int) -> Mapping[str, tuple[int, ...]]:
    """The public holidays of a year, days since 1970-01-01 by their English name; ConfigurationError without any."""
    import holidays  # noqa: PLC0415 - only where a country is named

    if country not in holidays.list_supported_countries(include_aliases=True):
        raise ConfigurationError(f"there are no holidays of the country {country!r}; expected a code such as DE or US.")
    calendar = holidays.country_holidays(country, expand=False, language="en_US", years=[year])
    found: dict[str, list[int]] = {}
    for date in calendar:
        for name in calendar.get_list(date):
            found.setdefault(name, []).append(int(np.datetime64(date, "D").astype(np.int64)))
    return {name: tuple(days) for name, days in found.items()}


def _public(country: str, days: NDArray[np.int64]) -> dict[str, list[int]]:
    """Days by column, in all years that these days lie in."""
    found: dict[str, list[int]] = {}
    for year in np.unique(days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970):
        for name, own in country_days(country, int(year)).items():
            found.setdefault(f"{name}_delim_+0", []).extend(own)
    return found


def component(column: str) -> str:
    """The component that a column belongs to: 'Easter_delim_-1' -> 'Easter'."""
    return column.split("_delim_", maxsplit=1)[0]


def _window(row: object, name: str) -> int:
    value = getattr(row, name, 0)
    return 0 if pd.isna(value) else int(value)


def _check(frame: pd.DataFrame) -> None:
    absent = [name for name in ("holiday", "ds") if name not in frame.columns]
    if absent or frame[["holiday", "ds"]].isna().any().any():
        raise DataError(
            f"the table of holidays lacks {', '.join(absent) or 'values'}; expected holiday and ds in each row."
        )
    windows = [name for name in ("lower_window", "upper_window") if name in frame.columns]
    if len(windows) == 1:
        raise DataError(
            f"the table of holidays has {windows[0]} alone; expected lower_window and upper_window, or neither."
        )
    if windows and ((frame["lower_window"] > 0).any() or (frame["upper_window"] < 0).any()):
        raise DataError(
            "a holiday's lower_window is above 0 or its upper_window below; expected days before and after."
        )
