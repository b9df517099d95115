"""The ways of reconciling by name, and the one that was chosen, at work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.reconcile.levels import Hierarchy
from ml.reconcile.methods import mint, proportions
from ml.reconcile.sums import Sums, matrix_of
from ml.reconcile.upper import DIRECT_NODES
from ml.reconcile.weights import ErrorModel

Floats = NDArray[np.float64]
LevelErrors = dict[str, float | None]

BOTTOM_UP, PROPORTIONS, MINT_VARIANCE, MINT_SHRINK = "bottom_up", "proportions", "mint_variance", "mint_shrink"
METHODS = (BOTTOM_UP, PROPORTIONS, MINT_VARIANCE, MINT_SHRINK)
"""Sums of the base; the total shared out; MinT with uncorrelated errors; MinT with shrunk correlations."""
TOP = "total/total"


@dataclass(frozen=True)
class Reconciliation:
    """How base forecasts are made to agree with those of the levels above; pickled with the model.

    `errors` is the WAPE of the mean by method and level ("place/product") in the backtest; `model` is null where
    nothing but the base was compared.
    """

    method: str
    reason: str
    errors: dict[str, LevelErrors]
    model: ErrorModel | None = None

    def as_dict(self) -> dict[str, Any]:
        """What was chosen, why, and the errors of all ways by level, as JSON values."""
        return {"method": self.method, "reason": self.reason, "errors": self.errors}

    @property
    def needs_upper(self) -> bool:
        """Whether forecasts above the base have to be made at all."""
        return self.method != BOTTOM_UP

    def apply(self, base: pd.DataFrame, upper: pd.DataFrame, hierarchy: Hierarchy) -> pd.DataFrame:
        """Base rows (`unique_id, ds, mean`, quantiles) with the reconciled mean, around which the quantiles move.

        `upper` holds `unique_id, ds, mean` of nodes above. What adds up base rows adds up exactly afterwards.
        """
        if not self.needs_upper or self.model is None:
            return base
        sums = hierarchy.direct_sums(DIRECT_NODES)
        periods = pd.Index(base["ds"].unique(), name="ds")
        made = np.nan_to_num(matrix_of(base, sums.base, periods, "mean"))
        direct = matrix_of(upper, sums.nodes, periods, "mean")
        mean = reconcile(self.method, made, direct, sums, self.model)
        return move(
            base, mean[sums.base.get_indexer(pd.Index(base["unique_id"])), periods.get_indexer(pd.Index(base["ds"]))]
        )


def reconcile(method: str, base: Floats, direct: Floats, sums: Sums, model: ErrorModel) -> Floats:
    """Reconciled base forecasts (series, columns) by one of METHODS; nodes not forecast at all are left out."""
    if method == BOTTOM_UP:
        return base
    forecast = np.isfinite(direct).all(axis=1) & ((method != PROPORTIONS) | (sums.level == TOP))
    kept, direct = sums.only(forecast), direct[forecast]
    if not len(kept.nodes):
        return base
    if method == PROPORTIONS:
        return proportions(base, direct, kept)
    size = np.concatenate([direct, base]).mean(axis=1)
    known = model if method == MINT_SHRINK else model.uncorrelated()
    return mint(base, direct, kept, known.covariance(kept.all_ids, kept.all_levels, size))


def move(rows: pd.DataFrame, mean: Floats) -> pd.DataFrame:
    """The rows with another mean: quantiles keep their relation to it, or their distance where it was 0."""
    quantiles = [name for name in rows.columns if name[:1] == "p" and name[1:].isdigit()]
    before = rows["mean"].to_numpy(dtype=np.float64)
    ratio = np.divide(mean, before, out=np.ones_like(before), where=before > 0)[:, None]
    added = np.where(before > 0, 0.0, mean - before)[:, None]
    return rows.assign(mean=mean, **dict(zip(quantiles, (rows[quantiles].to_numpy() * ratio + added).T, strict=True)))
