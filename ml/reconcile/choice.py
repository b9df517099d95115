"""Which way of reconciling serves: bottom-up, unless a backtest says steadily otherwise."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.reconcile.levels import Hierarchy
from ml.reconcile.reconciliation import BOTTOM_UP, METHODS, TOP, LevelErrors, Reconciliation
from ml.reconcile.trial import Trial


def choose_reconciliation(
    base: pd.DataFrame, upper: pd.DataFrame, hierarchy: Hierarchy
) -> tuple[Reconciliation, pd.DataFrame]:
    """The method that serves, and the base backtest as it would have been reconciled by it.

    `base` holds backtest rows `unique_id, cutoff, ds, y, mean` (and quantiles), `upper` holds `unique_id, cutoff, ds,
    mean` of nodes above. Errors that weigh a forecast come from other origins and other periods than its own, so that
    none is judged by what it learned from. A method's gain is the mean over levels of the logarithm of bottom-up's
    WAPE over its own; of the gain, the steady part counts (see `ml.evaluation.bias.steady`).
    """
    trial = Trial.of(base, upper, hierarchy)
    if len(trial.sums.nodes) == 0 or trial.origins < 2:
        reason = "Totals are sums of the base: there is no level above it, or only one origin to compare methods on."
        return Reconciliation(BOTTOM_UP, reason, {BOTTOM_UP: trial.errors(trial.base)}), base
    made = {method: trial.reconciled(method) for method in METHODS}
    errors = {method: trial.errors(means) for method, means in made.items()}
    gains = {method: trial.gain(means, made[BOTTOM_UP]) for method, means in made.items()}
    best = max(METHODS, key=lambda method: gains[method])
    reason = _reason(best, gains[best], errors, trial.origins)
    model = trial.fit_errors(np.ones(len(trial.columns), dtype=bool)) if best != BOTTOM_UP else None
    return Reconciliation(best, reason, errors, model), trial.rows(base, made[best])


def _reason(best: str, gain: float, errors: dict[str, LevelErrors], origins: int) -> str:
    def top(method: str) -> str:
        value = errors[method].get(TOP)
        return "none" if value is None else f"{value:.1%}"

    if best == BOTTOM_UP:
        rivals = ", ".join(f"{method} {top(method)}" for method in METHODS[1:])
        return (
            f"Totals are sums of the base: over {origins} origins no other way was steadily better over all levels. "
            f"The grand total was {top(BOTTOM_UP)} off, with {rivals}."
        )
    return (
        f"Forecasts are reconciled by {best}: over {origins} origins its errors were steadily {1 - np.exp(-gain):.0%} "
        f"less than bottom-up's in the mean of all levels. The grand total was {top(best)} off, against "
        f"{top(BOTTOM_UP)}."
    )
