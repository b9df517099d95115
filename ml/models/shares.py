"""What each feature has to do with a forecast of trees: exact Shapley values, on the scale on which they add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ml.features.encoders import CategoryEncoder

Floats = NDArray[np.float64]

LEAST = 1e-3
"""Logarithms below which a forecast is none: a thousandth of the series' size."""
FLAT = 1e-9
"""Logarithms and sums of shares below which nothing moves."""


@dataclass(frozen=True)
class Shares:
    """Shapley values of some forecasts (Lundberg et al. 2020), (rows, features), of the logarithm that trees forecast.

    `values` are the features as the trees read them. `base` and `made`, (rows,), are in units of sales: what the trees
    expect knowing no feature but the series' size, and what they forecast. `encoders` say which names the numbers
    stand for.
    """

    names: Sequence[str]
    values: NDArray[np.float32]
    shares: Floats
    base: Floats
    made: Floats
    encoders: Mapping[str, CategoryEncoder] = field(default_factory=dict)

    @property
    def growth(self) -> Floats:
        """The logarithm of made ÷ base, (rows,)."""
        return np.asarray(np.log(self.made / self.base), dtype=np.float64)

    @property
    def exponents(self) -> Floats:
        """Shares as logarithms of factors, (rows, features): base times all of these factors is what was made.

        Whatever lies between the trees' scale and sales, each feature keeps its part of the way from base to made.
        """
        total = self.shares.sum(axis=1)
        moved = np.abs(total) > FLAT
        scale = np.divide(self.growth, total, out=np.ones_like(total), where=moved)
        return np.asarray(self.shares * scale[:, None], dtype=np.float64)

    @property
    def units(self) -> Floats:
        """What each feature adds in units of sales, (rows, features), by the logarithmic mean (Ang 2004)."""
        moved = np.abs(self.growth) > FLAT
        mean = np.divide(self.made - self.base, self.growth, out=self.base.copy(), where=moved)
        return np.asarray(self.exponents * mean[:, None], dtype=np.float64)


@runtime_checkable
class Explainable(Protocol):
    """A fitted model whose forecasts can be taken apart by feature."""

    @property
    def able(self) -> NDArray[np.bool_]:
        """Of which series the trees make the forecast; the others are left to a simpler model."""

    def shares(self, step: int, rows: NDArray[np.int64], known: Mapping[str, Floats]) -> Shares | None:
        """Of the forecasts of the series at `rows` for the period `step` (1 is the next one); None without trees.

        `known` holds (series, step or more) matrices, as `predict` takes them.
        """
