"""How unsure a delay is: noise grows with the time that payment takes, and differs between customers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHORTEST = 3.0
"""Days: below this, expected times of payment are as noisy as at it."""
RIDGE = 5.0


@dataclass(frozen=True)
class Scale:
    """Days of noise: exp(level) · spread^`own` · days^`power`, with the customer's spread and the days from issue to
    the expected payment: variance as a power of the mean (Carroll and Ruppert 1988, ch. 2)."""

    level: float
    own: float
    power: float

    def of(self, spread: Floats, days: Floats) -> Floats:
        """Standard deviations in days, for `spread` and `days` of one shape."""
        expected = np.maximum(days, SHORTEST)
        return np.asarray(np.exp(self.level + self.own * np.log(spread) + self.power * np.log(expected)))


def fit_scale(residual: Floats, spread: Floats, days: Floats) -> Scale:
    """Least squares on the logarithms of absolute residuals (n,), in days; drawn towards the spread alone."""
    if not len(residual):
        return Scale(0.0, 1.0, 0.0)
    size = np.log(np.maximum(np.abs(residual), 0.5)) - np.log(spread)
    inputs = np.column_stack([np.log(spread), np.log(np.maximum(days, SHORTEST))])
    middle = inputs.mean(axis=0)
    centred = inputs - middle
    found = np.linalg.solve(centred.T @ centred + RIDGE * np.eye(2), centred.T @ (size - size.mean()))
    return Scale(float(-found @ middle), float(1.0 + found[0]), float(found[1]))
