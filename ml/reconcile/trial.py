"""A backtest of the base and of the levels above, on which ways of reconciling are tried."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.evaluation.bias import steady
from ml.reconcile.levels import Hierarchy, level_name
from ml.reconcile.reconciliation import LevelErrors, move, reconcile
from ml.reconcile.sums import Sums, matrix_of
from ml.reconcile.upper import DIRECT_NODES
from ml.reconcile.weights import ErrorModel

Floats = NDArray[np.float64]

ORDINARY_GAIN = 0.02
"""A mean gain of this size (in logarithms of WAPE) says nothing about the next forecast."""
LEAST_GAIN = 0.01
"""A smaller steady gain is not worth the models of the levels above."""
WORSE_BASE = 1.02
"""A method that makes the base further off than this does not serve, however much the totals gain."""


@dataclass(frozen=True)
class Trial:
    """A backtest as matrices: `base` and `actual` are (series, columns), `direct` (nodes, columns).

    A column is a pair of cutoff and period; `origin` numbers its cutoff, `block` the stretch between two cutoffs in
    which its period lies.
    """

    hierarchy: Hierarchy
    sums: Sums
    columns: pd.MultiIndex
    origin: NDArray[np.int64]
    block: NDArray[np.int64]
    base: Floats
    actual: Floats
    direct: Floats

    @classmethod
    def of(cls, base: pd.DataFrame, upper: pd.DataFrame, hierarchy: Hierarchy) -> Trial:
        """An unknown actual is taken for forecast rightly: left out, it would count as 0 in a sum."""
        sums = hierarchy.direct_sums(DIRECT_NODES)
        columns = pd.MultiIndex.from_frame(base[["cutoff", "ds"]].drop_duplicates().sort_values(["cutoff", "ds"]))
        cutoffs, periods = columns.get_level_values("cutoff"), columns.get_level_values("ds")
        block = np.searchsorted(np.unique(cutoffs), periods)
        made = matrix_of(base, sums.base, columns, "mean")
        actual = matrix_of(base, sums.base, columns, "y")
        actual = np.nan_to_num(np.where(np.isnan(actual), made, actual))
        direct = matrix_of(upper, sums.nodes, columns, "mean")
        origin = pd.factorize(cutoffs)[0]
        return cls(hierarchy, sums, columns, origin, block, np.nan_to_num(made), actual, direct)

    @property
    def origins(self) -> int:
        """How many cutoffs there are."""
        return len(np.unique(self.origin))

    def fit_errors(self, taken: NDArray[np.bool_]) -> ErrorModel:
        """What the errors of the columns `taken` tell."""
        forecast = np.concatenate([self.direct, self.base])[:, taken]
        actual = np.concatenate([self.sums.matrix @ self.actual, self.actual])[:, taken]
        sizes = np.nan_to_num(forecast).mean(axis=1)
        ids, levels = self.sums.all_ids, self.sums.all_levels
        return ErrorModel.fit(ids, levels, actual - forecast, sizes, self.origin[taken])

    @cached_property
    def folds(self) -> list[tuple[NDArray[np.bool_], ErrorModel]]:
        """Columns of one origin and block, with the errors of all others that share neither."""
        found = []
        for origin, block in sorted(set(zip(self.origin.tolist(), self.block.tolist(), strict=True))):
            others = (self.origin != origin) & (self.block != block)
            tried = (self.origin == origin) & (self.block == block)
            if others.any():
                found.append((tried, self.fit_errors(others)))
        return found

    def reconciled(self, method: str) -> Floats:
        """The base forecasts as `method` would have made them."""
        out = self.base.copy()
        for tried, model in self.folds:
            out[:, tried] = reconcile(method, self.base[:, tried], self.direct[:, tried], self.sums, model)
        return out

    def errors(self, means: Floats, taken: NDArray[np.bool_] | None = None) -> LevelErrors:
        """WAPE of base forecasts at each level, of all columns or those `taken`."""
        columns = np.ones(len(self.columns), dtype=bool) if taken is None else taken
        whole = self.hierarchy.sums
        actual, made = self.actual[:, columns], means[:, columns]
        off = np.abs(whole.matrix @ (made - actual)).sum(axis=1)
        volume = np.abs(whole.matrix @ actual).sum(axis=1)
        found = {name: _share(off[whole.level == name], volume[whole.level == name]) for name in _ordered(whole.level)}
        return {**found, level_name(self.hierarchy.base): _share(np.abs(made - actual), np.abs(actual))}

    def gain(self, means: Floats, floor: Floats) -> float:
        """The steady part of the mean gain over `floor`; 0 where it is not worth it, or the base gets worse."""
        base = level_name(self.hierarchy.base)
        ours, theirs = self.errors(means), self.errors(floor)
        if (ours[base] or 0.0) > WORSE_BASE * (theirs[base] or 0.0):
            return 0.0
        origins = [self.origin == at for at in np.unique(self.origin)]
        per_origin = [_mean_gain(self.errors(means, at), self.errors(floor, at)) for at in origins]
        gain = steady(_mean_gain(ours, theirs), np.array(per_origin), ORDINARY_GAIN)
        return gain if gain >= LEAST_GAIN else 0.0

    def rows(self, base: pd.DataFrame, means: Floats) -> pd.DataFrame:
        """Backtest rows with other means."""
        row = self.sums.base.get_indexer(pd.Index(base["unique_id"]))
        return move(base, means[row, self.columns.get_indexer(pd.MultiIndex.from_frame(base[["cutoff", "ds"]]))])


def _ordered(levels: NDArray[np.object_]) -> list[str]:
    return list(dict.fromkeys(levels.tolist()))


def _share(off: Floats, volume: Floats) -> float | None:
    total = float(volume.sum())
    return float(off.sum()) / total if total > 0 else None


def _mean_gain(ours: LevelErrors, floor: LevelErrors) -> float:
    """The mean over levels of log(floor / ours); levels without error or volume on either side say nothing."""
    pairs = [(floor[name] or 0.0, ours[name] or 0.0) for name in floor]
    logs = [np.log(theirs / own) for theirs, own in pairs if theirs > 0 and own > 0]
    return float(np.mean(logs)) if logs else 0.0
