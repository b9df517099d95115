"""How far each forecast of a hierarchy may be off, and together with which others: the covariance that MinT weighs by.

Errors of a rolling-origin backtest are few and hang together: the steps of one origin err alike. So a variance is taken
half from a law of the panel (the larger a series, the larger its errors, as a power; Taylor 1961), and correlations are
shrunk towards none as far as they differ between origins (Schäfer and Strimmer 2005, with an origin as one draw). The
covariance is never written out: a diagonal and a few columns say all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RANK = 8
"""Directions in which errors are seen to go together."""
EXPONENTS = (1.0, 2.0)
"""Of the law: errors of counts grow with the square root of the volume, errors of growth with the volume."""
SMALLEST = 1e-6
"""A variance is at least this share of the mean one: a series that was never off may be so yet."""


@dataclass(frozen=True)
class Law:
    """`variance = factor[level] * size ** exponent`, where `size` is the mean forecast of a node."""

    exponent: float
    factors: dict[str, float]

    @classmethod
    def fit(cls, variance: Floats, size: Floats, level: NDArray[np.object_]) -> Self:
        """By least squares on logarithms within levels; factors keep each level's sum of variances."""
        table = pd.DataFrame({"v": variance, "s": size, "level": level})
        table = table[(table["v"] > 0) & (table["s"] > 0)]
        logs = table[["v", "s"]].apply(np.log)
        moves = logs - logs.groupby(table["level"]).transform("mean")
        spread = float((moves["s"] ** 2).sum())
        exponent = float(np.clip((moves["v"] * moves["s"]).sum() / spread, *EXPONENTS)) if spread > 0 else EXPONENTS[1]
        sums = table.assign(p=table["s"] ** exponent).groupby("level")[["v", "p"]].sum()
        return cls(exponent, {str(name): float(v / p) for name, v, p in sums.itertuples()})

    def __call__(self, size: Floats, level: NDArray[np.object_]) -> Floats:
        """The variances of nodes; 0 for levels that never erred."""
        factor = np.array([self.factors.get(name, 0.0) for name in level])
        return np.asarray(factor * np.abs(size) ** self.exponent, dtype=np.float64)


@dataclass(frozen=True)
class Covariance:
    """`diag(variance - rowsum(columns ** 2)) + columns @ columns.T`, (nodes, nodes); never written out."""

    variance: Floats
    columns: Floats

    @property
    def own(self) -> Floats:
        """The part of each variance that has nothing to do with other nodes."""
        return np.asarray(self.variance - np.square(self.columns).sum(axis=1), dtype=np.float64)


@dataclass(frozen=True)
class ErrorModel:
    """What a backtest tells of the errors of all nodes, for these nodes and for others of the same levels.

    `share` is a node's variance by the law's, `columns` its correlations' factors; both by the position in `ids`.
    """

    ids: pd.Index[str]
    share: Floats
    columns: NDArray[np.float32]
    law: Law

    @classmethod
    def fit(
        cls, ids: pd.Index[str], level: NDArray[np.object_], errors: Floats, size: Floats, origin: NDArray[np.int64]
    ) -> Self:
        """From errors (nodes, origins x steps), NaN where unknown; `origin` numbers the origin of each column."""
        known = np.isfinite(errors)
        clean = np.where(known, errors, 0.0)
        variance = np.square(clean).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        law = Law.fit(variance, size, level)
        usual = law(size, level)
        mixed = np.where(known.any(axis=1), (variance + usual) / 2, usual)
        deviation = np.sqrt(np.maximum(variance, np.finfo(float).tiny))
        columns = _factors(clean / deviation[:, None], origin)
        share = np.divide(mixed, usual, out=np.ones_like(mixed), where=usual > 0)
        return cls(ids, share, columns.astype(np.float32), law)

    def uncorrelated(self) -> ErrorModel:
        """The same, as if errors had nothing to do with each other."""
        return replace(self, columns=self.columns[:, :0])

    def covariance(self, ids: pd.Index[str], level: NDArray[np.object_], size: Floats) -> Covariance:
        """The covariance of the errors of nodes `ids`, whose mean forecasts are `size`; unseen ones follow the law."""
        at = self.ids.get_indexer(ids)
        seen = at >= 0
        variance = self.law(size, level) * np.where(seen, self.share[at], 1.0)
        variance = np.maximum(variance, SMALLEST * max(float(variance.mean()), np.finfo(float).tiny))
        columns = np.where(seen[:, None], self.columns[at], 0.0) * np.sqrt(variance)[:, None]
        return Covariance(variance, columns)


def shrinkage(scaled: Floats, origin: NDArray[np.int64]) -> float:
    """How far correlations are shrunk: 0 leaves them, 1 leaves none.

    The sum of the variances of all correlations over the sum of their squares, both without writing them out:
    sums over pairs of nodes are sums over pairs of columns. `scaled` is (nodes, columns), of unit mean square.
    """
    labels = np.unique(origin)
    count = len(labels)
    if count < 2:
        return 1.0
    member = (origin[:, None] == labels).astype(np.float64)
    steps = member.sum(axis=0)
    within = (np.square(scaled) @ member) / steps
    products = member.T @ np.square(scaled.T @ scaled) @ member / np.outer(steps, steps) - within.T @ within
    weights = steps / steps.sum()
    squares = float(weights @ products @ weights)
    noise = float(np.square(weights) @ (np.diag(products) - 2 * products @ weights + squares)) * count / (count - 1)
    return 1.0 if squares <= 0 else float(np.clip(noise / squares, 0.0, 1.0))


def _factors(scaled: Floats, origin: NDArray[np.int64]) -> Floats:
    """(nodes, RANK) whose outer product gives the shrunk correlations, in the strongest directions."""
    kept = 1.0 - shrinkage(scaled, origin)
    values, vectors = np.linalg.eigh(scaled.T @ scaled / scaled.shape[1])
    strongest = vectors[:, np.argsort(values)[::-1][:RANK]]
    columns = np.sqrt(kept / scaled.shape[1]) * scaled @ strongest
    most = np.sqrt(np.maximum(np.square(columns).sum(axis=1, keepdims=True) / 0.99, 1.0))
    return np.asarray(columns / most, dtype=np.float64)
