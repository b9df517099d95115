"""How far payments lie from where they were expected, in standard deviations: one law for all customers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PSEUDO = 2.0
"""A law with heavy tails counts as so many observations, so that nothing is impossible that was not seen yet."""
DEGREES = 3.0
POINTS = 400


@dataclass(frozen=True)
class ResidualLaw:
    """`unpaid` (k,): share of residuals that exceed each of `at` (k,)."""

    at: Floats
    unpaid: Floats

    def exceeds(self, residual: Floats) -> Floats:
        """Share of residuals above each given one, of any shape."""
        return np.interp(residual, self.at, self.unpaid)


def fit_law(residual: Floats, seen: NDArray[np.bool_], weight: Floats) -> ResidualLaw:
    """The product-limit estimate (Kaplan and Meier 1958) of weighted residuals (n,), those not `seen` as censored,
    mixed with Student's t of 3 degrees of freedom."""
    from scipy.stats import t  # noqa: PLC0415 - takes 0.3 s to load

    reach = max(12.0, float(residual.max(initial=0.0)) + 1.0)
    at = np.linspace(-reach, reach, POINTS)
    order = np.argsort(residual, kind="stable")
    values, own, seen = residual[order], weight[order], seen[order]
    at_risk = np.cumsum(own[::-1])[::-1]
    steps = np.where(seen, 1.0 - own / np.maximum(at_risk, own + 1e-12), 1.0)
    product = np.cumprod(steps)
    middles = np.concatenate([[1.0], product])
    found = middles[np.searchsorted(values, at, "right")] if len(values) else np.zeros(POINTS)
    total = float(own[seen].sum())
    return ResidualLaw(at, (total * found + PSEUDO * t.sf(at, DEGREES)) / (total + PSEUDO))
