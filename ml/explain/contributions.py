"""Why a boosted model forecasts what it does for one series and period: the share of each feature, by name.

Trees are explained by their exact Shapley values (Lundberg et al. 2020; LightGBM's `pred_contrib`), which add up on the
logarithmic scale that the trees work on. Here they become factors that multiply up to the forecast, and amounts that
add up to it by the logarithmic mean (Ang 2004).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from ml.errors import DataError
from ml.features.table import FeatureTable
from ml.models.boosting import Trees
from ml.models.recursive import FittedRecursive

Floats = NDArray[np.float64]

LEAST = 1e-3
"""Logarithms below which a forecast is none: a thousandth of the series' size."""
CORRECTION = "correction"
"""What happened to the trees' own forecast afterwards: bias correction, reconciliation."""
OTHERS = "others"


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
    fitted: FittedRecursive,
    step: int,
    rows: Sequence[int],
    known: dict[str, Floats] | None = None,
    forecasts: Sequence[float] | None = None,
) -> list[Explanation]:
    """Explain the forecasts of the series at `rows` for the period `step` (1 is the next one).

    `known` holds (series, step or more) matrices, as `FittedRecursive.predict` takes them; `forecasts` are what was
    issued for those rows, where it differs from what the trees say: the difference is a contribution of its own, named
    `correction`. Raises DataError for a series that the trees do not forecast (it is left to a simpler model).
    """
    trees = fitted.regressor
    unable = [row for row in rows if not fitted.able[row]]
    if not isinstance(trees, Trees) or unable:
        raise DataError(
            f"series {unable[0] if unable else rows[0]} is not forecast by trees, so no feature has a share in its "
            "forecast. Ask for one whose forecast names lightgbm as its model."
        )
    features, level = features_of(fitted, step, known or {})
    chosen, at = features[list(rows)], list(rows)
    shares = shap_values(trees.booster, chosen)
    ends = np.zeros((len(level), 2))  # logarithms without and with the features' shares
    ends[at] = level[at, None] + np.stack([shares[:, -1], shares.sum(axis=1)], axis=1)
    base, made = fitted.table.unscaled(np.maximum(ends, LEAST))[at].T
    issued = fitted.table.unscaled(ends)[at, 1] if forecasts is None else np.asarray(forecasts, dtype=np.float64)
    return [
        _explanation(_named(fitted.table, chosen[i]), shares[i, :-1], float(base[i]), float(made[i]), float(issued[i]))
        for i in range(len(rows))
    ]


def features_of(
    fitted: FittedRecursive, step: int, known: dict[str, Floats]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """What the trees read for all series at `step`, (series, features), and the levels that they add changes to."""
    if step < 1:
        raise DataError(f"the step is {step}; expected at least 1, the period after the data.")
    past = fitted.seen
    if step > 1:
        before = {name: matrix[:, : step - 1] for name, matrix in known.items()}
        past = np.concatenate([past, fitted.table.scaled(fitted.predict(step - 1, before).mean)], axis=1)
    plans = {name: matrix[:, step - 1 : step] for name, matrix in known.items()}
    reach = fitted.table.plan.reach
    features, level = fitted.table.rows(past[:, -reach:], np.array([fitted.last + step]), plans)
    return features[:, 0], level[:, 0]


def shap_values(booster: lgb.Booster, features: NDArray[np.float32]) -> Floats:
    """(rows, features + 1): each feature's share in the raw score of each row; the last column is what all share."""
    return np.asarray(booster.predict(features, pred_contrib=True, num_threads=1), dtype=np.float64)


def _explanation(
    named: Sequence[tuple[str, str | float | None]], shares: Floats, base: float, made: float, issued: float
) -> Explanation:
    """Shares of the logarithm become exponents of the ratio from `base` to `made`, whatever lies between."""
    total = float(shares.sum())
    growth = math.log(made / base)
    exponents = shares * (growth / total) if abs(total) > 1e-9 else shares
    mean = (made - base) / growth if abs(growth) > 1e-9 else base
    found = [
        Contribution(name, value, math.exp(exponent), float(mean * exponent))
        for (name, value), exponent in zip(named, exponents, strict=True)
    ]
    if not math.isclose(issued, made, rel_tol=1e-9):
        found.append(Contribution(CORRECTION, None, issued / made, issued - made))
    found.sort(key=lambda one: -abs(one.units))
    return Explanation(base, issued, tuple(found))


def _named(table: FeatureTable, features: NDArray[np.float32]) -> list[tuple[str, str | float | None]]:
    """The features' names and values, numbers of names as the names that they stand for."""
    named: list[tuple[str, str | float | None]] = []
    for name, number in zip(table.names, features.tolist(), strict=True):
        value = None if math.isnan(number) else number
        encoder = table.encoders.get(name)
        named.append((name, str(encoder.names[int(value)]) if encoder and value is not None else value))
    return named
