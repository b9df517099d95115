"""Columns of holidays: one for each holiday and each day of its window.

A holiday is a row of a table with the columns of `prophet.Prophet(holidays=…)`: `holiday` and `ds`, optionally
`lower_window` and `upper_window` (days before and after) and `prior_scale`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.errors import DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Holidays:
    """The days (since 1970-01-01) on which each column is 1; columns are sorted by name, as the library has them."""

    names: tuple[str, ...] = ()
    days: tuple[NDArray[np.int64], ...] = ()
    prior: tuple[float, ...] = ()

    @classmethod
    def read(cls, frame: pd.DataFrame | None, prior_scale: float) -> Holidays:
        """Read such a table; `prior_scale` serves holidays that have none. DataError says what is wrong with it."""
        if frame is None or frame.empty:
            return cls()
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
        return cls(tuple(names), sets, tuple(priors[component(name)] for name in names))

    def features(self, days: NDArray[np.int64]) -> Floats:
        """(days, columns) of zeros and ones."""
        out = np.zeros((len(days), len(self.names)))
        for column, own in enumerate(self.days):
            out[:, column] = np.isin(days, own)
        return out


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
