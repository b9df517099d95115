"""Panel: the one in-memory form of many series; every step takes and gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.errors import DataError
from ml.etl.cleaning import gaps as filling
from ml.periods import check_freq, following, period_dates, period_number, period_numbers

KEYS = ["unique_id", "ds"]


@dataclass(frozen=True)
class Wide:
    """The same numbers as matrices, one row per series: the form that the models compute on.

    `y` is (series, periods) with NaN before a series starts and where it is unknown; `known` holds one such matrix
    per known column; `first` is the column of each series' first period; `numbers` are the periods' numbers.
    """

    ids: pd.Index[str]
    numbers: NDArray[np.int64]
    y: NDArray[np.float64]
    known: dict[str, NDArray[np.float64]]
    first: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Periods per series since it started."""
        return len(self.numbers) - self.first


@dataclass(frozen=True)
class Panel:
    """A long table of series that all end in the same period, with a row for each period.

    `frame` has the columns `unique_id` (str), `ds` (first day of the period), `y` (units or money per
    period), then `static` columns (one value per series) and `known` columns (numbers known for future
    periods too: price plans, promotions, holidays). Rows after the last period with any `y` carry known
    columns only. `season_length` counts periods: 7 for days, 52 for weeks, 12 for months.
    """

    frame: pd.DataFrame
    freq: str
    season_length: int
    static: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        freq: str,
        season_length: int,
        static: Sequence[str] = (),
        known: Sequence[str] = (),
    ) -> Panel:
        """Check and sort a table; raises DataError naming the column, what was expected and the remedy.

        Gaps are an error here, never filled silently: `fill_gaps` is the explicit step before this one.
        """
        check_freq(freq)
        if season_length < 1:
            raise DataError(f"the season length is {season_length}; expected at least 1 period.")
        clean = _typed(frame, list(static), list(known))
        clean = clean.sort_values(KEYS, kind="stable", ignore_index=True)
        _check_unique(clean)
        panel = cls(clean, freq, season_length, tuple(static), tuple(known))
        panel._check_complete()
        _check_static(clean, panel.static)
        return panel

    @cached_property
    def last(self) -> pd.Timestamp:
        """The last period with sales: "now" for this panel."""
        return pd.Timestamp(self._history["ds"].max())

    @cached_property
    def periods(self) -> pd.DatetimeIndex:
        """All periods from the first one of any series to the last with sales."""
        return period_dates(self.wide.numbers, self.freq, like=self.last)

    @property
    def ids(self) -> pd.Index[str]:
        """The names of the series, sorted."""
        return self.wide.ids

    @cached_property
    def statics(self) -> pd.DataFrame:
        """One row per series, in the order of `ids`, with the static columns."""
        rows = self._history.drop_duplicates("unique_id").set_index("unique_id")
        return rows[list(self.static)]

    def until(self, cutoff: pd.Timestamp) -> Panel:
        """What was known at the end of period `cutoff`: no later row of any column, no series not yet begun.

        Raises DataError where nothing lies at or before the cutoff.
        """
        past = self._history[self._history["ds"] <= cutoff]
        if past.empty:
            first = self._history["ds"].min()
            raise DataError(
                f"the cutoff {cutoff:%Y-%m-%d} is before the first period {first:%Y-%m-%d}; take a later one."
            )
        return replace(self, frame=past.reset_index(drop=True))

    def only(self, rows: NDArray[np.intp]) -> Panel:
        """The series at the places `rows` of `ids`."""
        wanted = self.frame["unique_id"].isin(self.ids[rows])
        return replace(self, frame=self.frame[wanted].reset_index(drop=True))

    def future(self, cutoff: pd.Timestamp, horizon: int) -> pd.DataFrame:
        """The known columns of the `horizon` periods after `cutoff`: `unique_id, ds, *known`, never `y`."""
        periods = following(cutoff, horizon, self.freq)
        rows = self.frame[self.frame["ds"].isin(periods)]
        return rows[[*KEYS, *self.known]].reset_index(drop=True)

    @cached_property
    def wide(self) -> Wide:
        """The series as matrices, aligned by period."""
        history = self._history
        codes, ids = pd.factorize(history["unique_id"])
        numbers = period_numbers(pd.DatetimeIndex(history["ds"]), self.freq)
        start, end = int(numbers.min()), int(numbers.max())
        shape = (len(ids), end - start + 1)

        def matrix(column: str) -> NDArray[np.float64]:
            out = np.full(shape, np.nan)
            out[codes, numbers - start] = history[column].to_numpy(dtype=np.float64)
            return out

        first = np.full(len(ids), shape[1], dtype=np.int64)
        np.minimum.at(first, codes, numbers - start)
        known = {name: matrix(name) for name in self.known}
        return Wide(pd.Index(ids, dtype=object), np.arange(start, end + 1), matrix("y"), known, first)

    @cached_property
    def _history(self) -> pd.DataFrame:
        return self.frame[self.frame["y"].notna()]

    def _check_complete(self) -> None:
        """Every series has a row for each period from its own first one to the panel's last."""
        begun = self._history.groupby("unique_id", sort=False)["ds"].min()
        rows = self.frame[(self.frame["ds"] >= self.frame["unique_id"].map(begun)) & (self.frame["ds"] <= self.last)]
        numbers = pd.Series(period_numbers(pd.DatetimeIndex(rows["ds"]), self.freq), index=rows.index)
        grouped = numbers.groupby(rows["unique_id"], sort=True)
        missing = numbers.max() - grouped.min() + 1 - grouped.size()
        if (missing > 0).any():
            name = missing.index[int(np.argmax(missing.to_numpy() > 0))]
            raise DataError(
                f"series {name!r} lacks {missing[name]} of the periods between its first one and {self.last:%Y-%m-%d}; "
                "expected none missing. Call ml.panel.fill_gaps first (it fills with 0)."
            )


def fill_gaps(
    frame: pd.DataFrame,
    freq: str,
    static: Sequence[str] = (),
    known: Sequence[str] = (),
    *,
    gaps: str = "zero",
    until: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Give every series each period from its first one to the table's last with sales, or `until` where that is later.

    Missing `y` becomes what `gaps` says (see `ml.etl.cleaning.gaps`): 0 unless asked otherwise.
    Static columns repeat the series' first value, known columns carry on the last value before the gap.
    Rows after the last period with any `y` (known columns only) stay as they are.
    """
    check_freq(freq)
    clean = _typed(frame, list(static), list(known))
    sold = clean[clean["y"].notna()]
    numbers = period_numbers(pd.DatetimeIndex(sold["ds"]), freq)
    first = pd.Series(numbers, index=sold["unique_id"].to_numpy()).groupby(level=0).min()
    last = int(numbers.max()) if until is None else max(int(numbers.max()), period_number(until, freq))
    counts = (last - first + 1).to_numpy()
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    dates = period_dates(np.repeat(first.to_numpy(), counts) + offsets, freq, like=sold["ds"].iloc[0])
    grid = pd.DataFrame({"unique_id": np.repeat(first.index.to_numpy(), counts), "ds": dates})
    later = clean[(clean["ds"] > dates.max()) & clean["unique_id"].isin(first.index)]
    filled = pd.concat([grid, later[KEYS]], ignore_index=True).merge(clean, on=KEYS, how="left")
    filled = filled.sort_values(KEYS, kind="stable", ignore_index=True)
    past = filled["ds"] <= dates.max()
    filled.loc[past, "y"] = filling.fill(filled.loc[past, "y"], filled.loc[past, "unique_id"], gaps)
    carried = [*static, *known]
    if carried:
        filled[carried] = filled.groupby("unique_id", sort=False)[carried].ffill()
    return filled


def _typed(frame: pd.DataFrame, static: list[str], known: list[str]) -> pd.DataFrame:
    """The wanted columns with their types: text, dates and finite numbers."""
    wanted = [*KEYS, "y", *static, *known]
    absent = [name for name in wanted if name not in frame.columns]
    if absent:
        found = ", ".join(map(str, frame.columns))
        raise DataError(f"the table has no column {', '.join(absent)}; found {found}. Add it, or do not name it.")
    out = frame[wanted].copy()
    out["unique_id"] = out["unique_id"].astype(str).astype(object)
    out["ds"] = _dates(out["ds"])
    for name in ["y", *known]:
        out[name] = _numbers(out[name], name)
    for name in static:
        out[name] = out[name].astype(str).where(out[name].notna(), "").astype(object)
    if not out["y"].notna().any():
        raise DataError("column y: expected at least one number, found none. Give the sales of at least one period.")
    return out


def _dates(column: pd.Series) -> pd.Series:
    try:
        dates = pd.to_datetime(column, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise DataError(f"column ds: expected dates such as 2024-01-01, found something else ({error}).") from error
    if dates.isna().any():
        raise DataError(f"column ds: expected a date in every row, found {int(dates.isna().sum())} empty. Remove them.")
    return dates.astype("datetime64[ns]")


def _numbers(column: pd.Series, name: str) -> pd.Series:
    try:
        numbers = pd.to_numeric(column).astype(np.float64)
    except (ValueError, TypeError) as error:
        raise DataError(f"column {name}: expected numbers, found something else ({error}).") from error
    if np.isinf(numbers.to_numpy()).any():
        raise DataError(f"column {name}: expected finite numbers, found an infinite one. Correct or remove that row.")
    return numbers


def _check_unique(frame: pd.DataFrame) -> None:
    twice = frame.duplicated(KEYS)
    if twice.any():
        row = frame[twice].iloc[0]
        raise DataError(
            f"series {row['unique_id']!r} has more than one row for {row['ds']:%Y-%m-%d}; expected one. "
            "Sum them per period first."
        )


def _check_static(frame: pd.DataFrame, static: tuple[str, ...]) -> None:
    for name in static:
        values = frame.groupby("unique_id")[name].nunique()
        if (values > 1).any():
            raise DataError(
                f"static column {name}: series {values.idxmax()!r} has {values.max()} different values; expected one. "
                "Pass a column that changes over time as a known column."
            )
