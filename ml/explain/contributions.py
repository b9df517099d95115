"""Why a global model forecasts what it does for one series and period: the share of each feature, by name.

Trees are explained by their exact Shapley values (see `ml.models.shares`), which add up on the logarithmic scale that
the trees work on. Here they become factors that multiply up to the forecast, and amounts that add up to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ml.errors import DataError
from ml.explain.themes import CORRECTION, OTHERS
from ml.models.shares import Explainable, Shares

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Contribution:
    """What one feature does: `value` is what it was (a name, a number, None where unknown), `factor` what it multiplies
    the forecast by, `units` what it adds in units of sales."""

    feature: str
    value: str | float | None
    factor: float
    units: float


@dataclass(frozen=True)
class Explanation:
    """`base`, what the model expects of the series knowing no feature, times all factors is the forecast; plus all
    units as well. Contributions with the largest effect come first."""

    base: float
    forecast: float
    contributions: tuple[Contribution, ...]

    def largest(self, count: int) -> Self:
        """The same with all but the `count` largest contributions put together as `others`."""
        kept, rest = self.contributions[:count], self.contributions[count:]
        if not rest:
            return self
        factor, units = math.prod(one.factor for one in rest), math.fsum(one.units for one in rest)
        return type(self)(self.base, self.forecast, (*kept, Contribution(OTHERS, None, factor, units)))


def explain_forecasts(
    fitted: Explainable,
    step: int,
    rows: Sequence[int],
    known: Mapping[str, Floats] | None = None,
    forecasts: Sequence[float] | None = None,
) -> list[Explanation]:
    """Explain the forecasts of the series at `rows` for the period `step` (1 is the next one).

    `known` holds (series, step or more) matrices, as the model's `predict` takes them; `forecasts` are what was issued
    for those rows, where it differs from what the trees say: the difference is a contribution of its own, named
    `correction`. Raises DataError for a series that the trees do not forecast (it is left to a simpler model).
    """
    if step < 1:
        raise DataError(f"the step is {step}; expected at least 1, the period after the data.")
    unable = [row for row in rows if not fitted.able[row]]
    shares = None if unable else fitted.shares(step, np.array(rows, dtype=np.int64), known or {})
    if shares is None:
        raise DataError(
            f"series {unable[0] if unable else rows[0]} is not forecast by trees, so no feature has a share in its "
            "forecast. Ask for one whose forecast names a model of trees, as lightgbm."
        )
    issued = shares.made if forecasts is None else np.asarray(forecasts, dtype=np.float64)
    return [_explanation(shares, row, float(forecast)) for row, forecast in enumerate(issued)]


def _explanation(shares: Shares, row: int, issued: float) -> Explanation:
    made = float(shares.made[row])
    factors, units = np.exp(shares.exponents[row]).tolist(), shares.units[row].tolist()
    found = [
        Contribution(name, value, factor, added)
        for (name, value), factor, added in zip(_named(shares, row), factors, units, strict=True)
    ]
    if not math.isclose(issued, made, rel_tol=1e-9):
        found.append(Contribution(CORRECTION, None, issued / made, issued - made))
    found.sort(key=lambda one: -abs(one.units))
    return Explanation(float(shares.base[row]), issued, tuple(found))


def _named(shares: Shares, row: int) -> list[tuple[str, str | float | None]]:
    """The features' names and values, numbers of names as the names that they stand for."""
    named: list[tuple[str, str | float | None]] = []
    for name, number in zip(shares.names, shares.values[row].tolist(), strict=True):
        value = None if math.isnan(number) else number
        encoder = shares.encoders.get(name)
        named.append((name, str(encoder.names[int(value)]) if encoder and value is not None else value))
    return named
