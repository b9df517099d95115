"""From base forecasts to coherent ones, for whoever trains and forecasts: two calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ml.models.base import PointModel
from ml.panel import Panel
from ml.progress import Progress, silent
from ml.reconcile.choice import choose_reconciliation
from ml.reconcile.levels import Hierarchy
from ml.reconcile.reconciliation import Reconciliation
from ml.reconcile.upper import DIRECT_NODES, UpperForecaster, backtest_upper, upper_panel


@dataclass
class Reconciler:
    """The way that was chosen, and the fitted models of the levels above; null where the base is merely added up."""

    reconciliation: Reconciliation
    upper: UpperForecaster | None = None

    def reconcile(self, made: pd.DataFrame, panel: Panel, hierarchy: Hierarchy) -> pd.DataFrame:
        """Base forecasts for the periods after `panel` with reconciled means; `made` as of `Forecaster.predict`.

        Where `hierarchy` is of one partition, with the levels that lie in it wholly, and of those the ones that the
        backtest saw.
        """
        model = self.reconciliation.model
        if self.upper is None or model is None:
            return made
        if hierarchy.crossing:
            hierarchy = hierarchy.known_to(model.law.factors)
        if not len(hierarchy.direct_sums(DIRECT_NODES).nodes):
            return made
        above = self.upper.predict(upper_panel(panel, hierarchy), made["ds"].nunique())
        return self.reconciliation.apply(made, above, hierarchy)


def fit_reconciler(
    frame: pd.DataFrame,
    panel: Panel,
    hierarchy: Hierarchy,
    members: Mapping[str, PointModel],
    horizon: int,
    *,
    progress: Progress = silent,
) -> tuple[Reconciler, pd.DataFrame]:
    """Choose how to reconcile on a backtest of the base, and fit what it needs.

    `frame` holds the backtest of the model that serves (`unique_id, cutoff, ds, y, mean`, quantiles), `panel` what it
    learned from, `members` the models whose mean forecasts the levels above. Returns the reconciler, and the backtest
    as it would have been reconciled: what bands and errors of all levels are measured on.
    """
    if len(hierarchy.levels) == 1:
        reconciliation, rows = choose_reconciliation(frame, frame.iloc[:0], hierarchy)
        return Reconciler(reconciliation), rows
    above = upper_panel(panel, hierarchy)
    cutoffs: Sequence[pd.Timestamp] = sorted(frame["cutoff"].unique())
    tried = backtest_upper(above, members, [pd.Timestamp(cutoff) for cutoff in cutoffs], horizon, progress)
    reconciliation, rows = choose_reconciliation(frame, tried, hierarchy)
    fitted = UpperForecaster.fit(above, members) if reconciliation.needs_upper else None
    return Reconciler(reconciliation, fitted), rows
