"""How many invoices of its own a customer needs before its own mean says more than everybody's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST, MOST, USUAL = 0.25, 50.0, 2.0
"""Bounds of the estimate, and what is taken where there is nothing to estimate from."""


def credibility(values: Floats, group: NDArray[np.int64]) -> float:
    """k of the mean (sum + k·prior) / (n + k): variance within groups over that between them.

    Bühlmann and Straub's estimators (Bühlmann and Gisler, A Course in Credibility Theory, ch. 4) on `values` (n,) of
    `group` (n,). Groups that do not differ give the upper bound: their own means say nothing.
    """
    _, place, count = np.unique(group, return_inverse=True, return_counts=True)
    groups, total = len(count), len(values)
    if groups < 2 or total <= groups:
        return USUAL
    means = np.bincount(place, values) / count
    within = float(((values - means[place]) ** 2).sum()) / (total - groups)
    spread = float((count * (means - values.mean()) ** 2).sum()) - (groups - 1) * within
    between = spread / (total - float((count**2).sum()) / total)
    if between <= 0:
        return MOST
    return float(np.clip(within / between, LEAST, MOST))


def within_variance(values: Floats, group: NDArray[np.int64]) -> float:
    """Variance of `values` around the means of their groups; 1 where no group has two."""
    _, place, count = np.unique(group, return_inverse=True, return_counts=True)
    if len(values) <= len(count):
        return 1.0
    means = np.bincount(place, values) / count
    return max(float(((values - means[place]) ** 2).sum()) / (len(values) - len(count)), 1.0)
