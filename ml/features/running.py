"""Means over any window of any series, each in constant time, from running sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class RunningMeans:
    """Running sums of a (series, periods) matrix and of how many of its values are known (not NaN)."""

    sums: Floats
    counts: Floats

    @classmethod
    def of(cls, values: Floats) -> Self:
        """Sum up `values`, (series, periods)."""
        known = np.isfinite(values)
        nothing = np.zeros((len(values), 1))
        sums = np.concatenate([nothing, np.cumsum(np.where(known, values, 0.0), axis=1)], axis=1)
        return cls(sums, np.concatenate([nothing, np.cumsum(known, axis=1)], axis=1))

    def between(self, start: int | Places, end: int | Places) -> Floats:
        """The mean of the columns from `start` to before `end`, (series, windows); NaN where none is known.

        Both are columns or arrays of columns; what lies outside of the matrix counts as unknown.
        """
        last = self.sums.shape[1] - 1
        first, after = np.clip(np.atleast_1d(start), 0, last), np.clip(np.atleast_1d(end), 0, last)
        after = np.maximum(after, first)
        total, count = self.sums[:, after] - self.sums[:, first], self.counts[:, after] - self.counts[:, first]
        return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0), dtype=np.float64)


def columns(values: Floats, places: Places) -> Floats:
    """The columns `places` of a (series, periods) matrix; NaN for those outside of it."""
    inside = (places >= 0) & (places < values.shape[1])
    found = values[:, np.clip(places, 0, values.shape[1] - 1)]
    return np.where(inside, found, np.nan)
