"""Curves of what is not yet paid: for each invoice the probability that it is still unpaid so many days after due.

All models speak in curves, so that probabilities, quantiles and simulated days of one prediction cannot contradict
each other. What is known to be unpaid is a condition on the curve: the past is cut off, the rest grows to one. So no
quantile lies in the past, and none moves back when an invoice only gets older.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TAIL_DAYS = 180.0
"""Mean time until payment beyond the last edge, where nothing was ever seen."""
TINY = 1e-9


@dataclass(frozen=True)
class Curves:
    """`unpaid` (n, k): probability at issue that the delay exceeds each of `edges` (k,), days after the due date in
    rising order; it never rises along a row. Between edges it is a straight line, beyond them exponential."""

    edges: Floats
    unpaid: Floats

    def __len__(self) -> int:
        return len(self.unpaid)

    def at(self, delay: Floats) -> Floats:
        """Probability that the delay of each row exceeds `delay` (n,)."""
        place = np.clip(np.searchsorted(self.edges, delay, "right") - 1, 0, len(self.edges) - 2)
        rows = np.arange(len(self))
        left, right = self.edges[place], self.edges[place + 1]
        share = np.clip((delay - left) / (right - left), 0.0, 1.0)
        inside = self.unpaid[rows, place] * (1 - share) + self.unpaid[rows, place + 1] * share
        beyond = np.maximum(delay - self.edges[-1], 0.0)
        return np.asarray(np.where(delay < self.edges[0], 1.0, inside) * np.exp(-beyond / TAIL_DAYS))

    def exceeds(self, delay: float, passed: Floats) -> Floats:
        """Probability of a delay above `delay`, knowing that it exceeds `passed` (n,)."""
        known = np.maximum(self.at(passed), TINY)
        share = np.minimum(self.at(np.full(len(self), delay)) / known, 1.0)
        return np.asarray(np.where(passed >= delay, 1.0, share))

    def quantile(self, shares: Floats, passed: Floats) -> Floats:
        """The delay (n,) that is not exceeded with probability `shares` (n,), knowing that it exceeds `passed` (n,)."""
        target = np.maximum(self.at(passed) * (1.0 - shares), TINY * TINY)
        place = np.clip((self.unpaid > target[:, None]).sum(axis=1) - 1, 0, len(self.edges) - 2)
        rows = np.arange(len(self))
        high, low = self.unpaid[rows, place], self.unpaid[rows, place + 1]
        share = np.clip((high - target) / np.maximum(high - low, TINY), 0.0, 1.0)
        inside = self.edges[place] + share * (self.edges[place + 1] - self.edges[place])
        last = self.unpaid[:, -1]
        beyond = self.edges[-1] + TAIL_DAYS * np.log(np.maximum(last, TINY * TINY) / target)
        return np.asarray(np.maximum(np.where(target < last, beyond, inside), passed))

    def days(self, shares: Floats, passed: Floats) -> Ints:
        """As `quantile`, the whole days on which payments fall; the first is the day after `passed`."""
        return np.ceil(np.maximum(self.quantile(shares, passed), passed + TINY) - TINY).astype(np.int64)

    def band_day(self, share: float, passed: Floats) -> Ints:
        """The whole day of one quantile (n,), rounded so that bands cover what they say.

        Day d lasts from d - 1 to d. A band from the day that holds P10 to the day that holds P90 covers both days
        wholly, and so more than 80 %: 83 % with the noise of usual payments. Here P10 is the day whose beginning, and
        P90 the day whose end lies nearest to the quantile; P50 is the day that holds it.
        """
        middle = self.days(np.full(len(self), 0.5), passed)
        if share == 0.5:
            return middle
        nearest = np.round(self.quantile(np.full(len(self), share), passed)).astype(np.int64)
        if share < 0.5:
            return np.minimum(np.maximum(nearest + 1, passed.astype(np.int64) + 1), middle)
        return np.maximum(nearest, middle)

    def mean(self, passed: Floats) -> Floats:
        """Expected delay (n,) given that it exceeds `passed`: the area under the rest of the curve, after `passed`."""
        areas = (self.unpaid[:, :-1] + self.unpaid[:, 1:]) / 2 * np.diff(self.edges)
        tail = self.unpaid[:, -1] * TAIL_DAYS
        after = np.concatenate([np.cumsum(areas[:, ::-1], axis=1)[:, ::-1], np.zeros((len(self), 1))], axis=1)
        place = np.clip(np.searchsorted(self.edges, passed, "right"), 0, len(self.edges) - 1)
        start = self.at(passed)
        piece = (start + self.unpaid[np.arange(len(self)), place]) / 2 * (self.edges[place] - passed)
        rest = piece + after[np.arange(len(self)), place] + tail
        return np.asarray(passed + np.where(passed >= self.edges[-1], TAIL_DAYS, rest / np.maximum(start, TINY)))

    def bent(self, late: Floats, passed: Floats) -> Curves:
        """The same curves with another probability of lateness (n,), given that `passed` went by unpaid.

        What lies before and after the due date is stretched in proportion, so the shapes stay. Rows that are overdue
        already stay as they are.
        """
        start, own = np.maximum(self.at(passed), TINY), self.at(np.zeros(len(self)))
        usable = (passed < 0) & (own > TINY) & (own < start - TINY)
        wanted = np.clip(late, 0.001, 0.999) * start
        after = self.unpaid * np.where(usable, wanted / np.maximum(own, TINY), 1.0)[:, None]
        slope = np.where(usable, (start - wanted) / np.maximum(start - own, TINY), 1.0)[:, None]
        before = start[:, None] - (start[:, None] - self.unpaid) * slope
        inside = np.where(self.edges[None, :] >= 0, after, before)
        gone = self.edges[None, :] < passed[:, None]
        return Curves(self.edges, np.where(gone, np.maximum(self.unpaid, inside), inside))

    def rows(self, chosen: Ints | slice) -> Curves:
        """Some of the curves."""
        return Curves(self.edges, self.unpaid[chosen])


def falling(unpaid: Floats) -> Floats:
    """Survival made proper: within 0 and 1 and never rising along a row."""
    return np.minimum.accumulate(np.clip(unpaid, 0.0, 1.0), axis=1)


def make_edges(terms: Floats, delay: Floats, inner: int = 40) -> Floats:
    """Edges for invoices with such `terms` (days) whose settled ones had such `delay`: dense where payments are.

    The due date, 30 and 90 days after it are always edges; the first lies before the earliest possible payment.
    """
    first = -float(terms.max(initial=30.0)) - 1.0
    dense = np.quantile(delay, np.linspace(0, 1, inner)) if len(delay) else np.array([0.0])
    fixed = [first, -7, -3, 0, 3, 7, 14, 21, 30, 45, 60, 90, 120, 180, 365]
    return np.unique(np.concatenate([fixed, np.floor(dense[dense > first])])).astype(np.float64)
