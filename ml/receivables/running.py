"""Sums over what a group had seen before a day, for any number of groups and days at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SPAN = 1 << 22
"""More days than any calendar here has: group and day make one sortable number."""


class RunningSums:
    """Events of groups, each on a day with some values; asks are answered by binary search on running totals.

    `group` and `day` are whole numbers (n,), day counted from 1970; `values` has arrays (n,).
    """

    def __init__(self, group: Ints, day: Ints, values: Mapping[str, Floats]) -> None:
        keys = group.astype(np.int64) * SPAN + day
        order = np.argsort(keys, kind="stable")
        self._keys = keys[order]
        self._totals = {
            name: np.concatenate([[0.0], np.cumsum(np.asarray(column, dtype=np.float64)[order])])
            for name, column in values.items()
        }

    def count(self, group: Ints, day: Ints) -> Floats:
        """Events of each group before each day (m,)."""
        first, last = self._range(group, day)
        return (last - first).astype(np.float64)

    def total(self, name: str, group: Ints, day: Ints, latest: int | None = None) -> Floats:
        """Sum of a value over the events of each group before each day, or over the `latest` of them (m,)."""
        first, last = self._range(group, day)
        if latest is not None:
            first = np.maximum(first, last - latest)
        totals = self._totals[name]
        return np.asarray(totals[last] - totals[first])

    def _range(self, group: Ints, day: Ints) -> tuple[Ints, Ints]:
        start = group.astype(np.int64) * SPAN
        first = np.searchsorted(self._keys, start, "left")
        return first, np.searchsorted(self._keys, start + day, "left")
