"""XGBoost (Chen and Guestrin 2016) as the payment models use it: corrections to a simpler model, no more than hold.

The trees begin at the simpler model's answer (`base_margin`). How many rounds help is found on the latest fifth of the
lessons, which is later than all others; then all lessons are learned for that many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from ml.receivables.history import Floats, Ints

USUAL = {
    "eta": 0.05,
    "max_depth": 3,
    "subsample": 0.7,
    "colsample_bytree": 0.6,
    "lambda": 5.0,
    "tree_method": "hist",
    "verbosity": 0,
}
MOST_ROUNDS = 300
PATIENCE = 15
LATEST = 0.8
LEAST_ROWS = 200


@dataclass(frozen=True)
class Boosted:
    """Trees over all lessons, and the answer of trees over the earlier ones for the later ones: `later` (n,) says which
    lessons these are, `margin` has theirs. It is as honest as a forecast: nothing of them was learned."""

    booster: xgb.Booster
    later: NDArray[np.bool_]
    margin: Floats

    def correction(self, inputs: NDArray[np.float32]) -> Floats:
        """What the trees add to the margin (n,)."""
        return np.asarray(self.booster.inplace_predict(inputs, predict_type="margin"), dtype=np.float64)


def boost(settings: dict[str, Any], inputs: NDArray[np.float32], target: Floats, margin: Floats, days: Ints) -> Boosted:
    """Learn `target` (n,) from `inputs` (n, m), starting at `margin` (n,); `days` (n,) tells what is later.

    Deterministic for a seed. With few rows nothing is corrected: the trees change nothing.
    """
    chosen = {**USUAL, **settings}
    everything = xgb.QuantileDMatrix(inputs, target, base_margin=margin, nthread=chosen["nthread"])
    later = days >= np.quantile(days, LATEST) if len(days) else np.zeros(0, dtype=bool)
    if len(target) < LEAST_ROWS or later.all():
        return Boosted(xgb.train({**chosen, "eta": 0.0}, everything, num_boost_round=1), later, margin[later])
    threads = chosen["nthread"]
    first = xgb.QuantileDMatrix(inputs[~later], target[~later], base_margin=margin[~later], nthread=threads)
    second = xgb.QuantileDMatrix(inputs[later], target[later], base_margin=margin[later], nthread=threads, ref=first)
    watched = {"num_boost_round": MOST_ROUNDS, "early_stopping_rounds": PATIENCE, "verbose_eval": False}
    trial = xgb.train(chosen, first, evals=[(second, "later")], **watched)
    rounds = trial.best_iteration + 1
    judged = trial.predict(second, output_margin=True, iteration_range=(0, rounds))
    return Boosted(xgb.train(chosen, everything, num_boost_round=rounds), later, judged.astype(np.float64))
