"""Coherent forecasts over region > territory > area and category > product: means add up exactly at every level."""

from ml.reconcile.choice import choose_reconciliation
from ml.reconcile.levels import Hierarchy, level_name, parent_levels
from ml.reconcile.reconciler import Reconciler, fit_reconciler
from ml.reconcile.reconciliation import METHODS, Reconciliation
from ml.reconcile.upper import UpperForecaster, backtest_upper, upper_panel

__all__ = [
    "METHODS",
    "Hierarchy",
    "Reconciler",
    "Reconciliation",
    "UpperForecaster",
    "backtest_upper",
    "choose_reconciliation",
    "fit_reconciler",
    "level_name",
    "parent_levels",
    "upper_panel",
]
