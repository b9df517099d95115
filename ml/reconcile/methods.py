"""Ways to make base forecasts agree with forecasts of their sums. All work on matrices (series, columns)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from ml.reconcile.sums import Sums
from ml.reconcile.weights import Covariance

Floats = NDArray[np.float64]


STEADY = 1e-9
"""Variance, as a share of the mean one, that every node is given: some never sold anything, and never erred."""


def proportions(base: Floats, direct: Floats, sums: Sums) -> Floats:
    """Scale the base series of each node so that they add up to its forecast `direct`.

    This is top-down by forecast proportions (Athanasopoulos, Ahmed and Hyndman 2009). `sums` holds one level. Nodes
    without a forecast, or of which nothing is expected below, stay as they are.
    """
    total = sums.matrix @ base
    ratio = np.divide(direct, total, out=np.ones_like(total), where=(total > 0) & np.isfinite(direct))
    return np.asarray(base * (sums.matrix.T @ ratio), dtype=np.float64)


def mint(base: Floats, direct: Floats, sums: Sums, covariance: Covariance) -> Floats:
    """The coherent base forecasts of least error variance: MinT (Wickramasuriya, Athanasopoulos and Hyndman 2019).

    `covariance` is of the nodes of `sums`, then of the base series. With `C = [I, -sums]` and the disagreement
    `r = direct - sums @ base`, forecasts move by `-W C' (C W C')^-1 r`: a system with one unknown per node above the
    base, however many series lie below. Negative results count as none.
    """
    matrix, count = sums.matrix, len(sums.nodes)
    if not count:
        return base
    above, below = covariance.own[:count], covariance.own[count:]
    factors = covariance.columns[:count] - matrix @ covariance.columns[count:]
    system = (matrix @ sparse.diags_array(below) @ matrix.T).toarray() + np.diag(above) + factors @ factors.T
    size = float(np.trace(system)) / count
    if size < np.finfo(np.float64).tiny:
        return base  # nothing ever erred: nothing says which forecasts should move
    solved = linalg.solve(system / size + STEADY * np.eye(count), direct - matrix @ base, assume_a="pos") / size
    moved = below[:, None] * -(matrix.T @ solved) + covariance.columns[count:] @ (factors.T @ solved)
    return np.asarray(np.maximum(base - moved, 0.0), dtype=np.float64)
