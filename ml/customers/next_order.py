"""When a customer orders next: a discrete-time hazard model over all customers, as curves of not having ordered yet.

It learns from many past days at once: each customer on each of these days, with the days until its next order, or until
the data ended (then it is censored). Boosted trees and a logistic regression on logarithms are averaged in their odds:
out of time the pair was better than either. One-time and intermittent customers are customers like others: their
features say so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ml.customers.features import FEATURES, features_at
from ml.customers.orders import Floats, Ints, Orders
from ml.errors import NotEnoughHistoryError
from ml.receivables.curves import Curves

EDGES = np.array([0.0, 7, 14, 21, 30, 45, 60, 90, 120, 180, 365])
"""Days after the day of prediction between which the chance of ordering is told."""
STEP = 15
"""Days between the past days that are learned from."""
MOST_DAYS = 10
LEAST_HISTORY = 60
"""Days of data before the first day that is learned from."""
LEAST_CUSTOMERS = 20
ROUNDS = 120
SIGNED = ("amount_mean", "amount_last", "amount_trend")
PARAMETERS = {
    "objective": "binary:logistic",
    "base_score": 0.5,
    "eta": 0.05,
    "max_depth": 4,
    "min_child_weight": 50,
    "subsample": 0.7,
    "colsample_bytree": 0.4,
    "tree_method": "hist",
    "verbosity": 0,
}


@dataclass(frozen=True)
class NextOrderModel:
    """Trees and a regression on the same rows; `middle` and `spread` (m,) scale the regression's inputs."""

    booster: xgb.Booster
    regression: LogisticRegression
    middle: Floats
    spread: Floats

    def curves(self, table: pd.DataFrame) -> Curves:
        """Probabilities (customers, edges) of no order yet, from features; days count from that of the features."""
        stretches = len(EDGES) - 1
        row, stretch = np.repeat(np.arange(len(table)), stretches), np.tile(np.arange(stretches), len(table))
        odds = self.booster.inplace_predict(_trees(table, row, stretch), predict_type="margin").astype(np.float64)
        inputs = (_logs(table, row, stretch) - self.middle) / self.spread
        odds = (odds + self.regression.decision_function(inputs)) / 2
        kept = 1.0 / (1.0 + np.exp(odds.reshape(len(table), stretches)))
        return Curves(EDGES, np.concatenate([np.ones((len(table), 1)), np.cumprod(kept, axis=1)], axis=1))


def train_next_order(orders: Orders, day: int, threads: int = 1, seed: int = 0) -> NextOrderModel:
    """Learn from what was known at the end of a day (since 1970). Raises NotEnoughHistoryError below 75 days of data,
    or 20 customers."""
    known = orders.until(day)
    first = int(known.orders["day"].min()) if len(known.orders) else day
    starts = list(range(day - STEP, first + LEAST_HISTORY, -STEP))[:MOST_DAYS]
    if not starts:
        raise NotEnoughHistoryError(day - first, LEAST_HISTORY + STEP, "days of orders")
    if known.orders["customer"].nunique() < LEAST_CUSTOMERS:
        raise NotEnoughHistoryError(known.orders["customer"].nunique(), LEAST_CUSTOMERS, "customers")
    parts = [_lessons(known, start, day) for start in starts]
    table = pd.concat([part[0] for part in parts], ignore_index=True)
    waited, seen = (np.concatenate([part[place] for part in parts]) for place in (1, 2))
    row, stretch, ordered = _expand(waited, seen)
    settings = {**PARAMETERS, "nthread": threads, "seed": seed}
    data = xgb.QuantileDMatrix(_trees(table, row, stretch), ordered, nthread=threads)
    booster = xgb.train(settings, data, num_boost_round=ROUNDS)
    logs = _logs(table, row, stretch)
    middle, spread = logs.mean(axis=0), logs.std(axis=0) + 1e-6
    regression = LogisticRegression(C=0.05, max_iter=300).fit((logs - middle) / spread, ordered)
    return NextOrderModel(booster, regression, middle, spread)


def wait_of(orders: Orders, customers: Ints, start: int, end: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Days from `start` to each customer's next order up to the end of `end`, and whether there was one; if not, the
    days until `end`."""
    later = orders.orders[(orders.orders["day"] > start) & (orders.orders["day"] <= end)]
    following = later.groupby("customer")["day"].min().reindex(customers)
    seen = following.notna().to_numpy()
    return np.where(seen, following.to_numpy(dtype=float) - start, end - start), seen


def _lessons(known: Orders, start: int, end: int) -> tuple[pd.DataFrame, Floats, NDArray[np.bool_]]:
    table = features_at(known, start)
    return table, *wait_of(known, table.index.to_numpy(), start, end)


def _expand(waited: Floats, seen: NDArray[np.bool_]) -> tuple[Ints, Ints, Floats]:
    """Row, stretch and whether the order came in it, for each stretch that was lived through or ended by the order."""
    lower, upper = EDGES[:-1][None, :], EDGES[1:][None, :]
    wait = waited[:, None]
    at_risk = np.where(seen[:, None], wait > lower, wait >= upper)
    row, stretch = np.nonzero(at_risk)
    return row, stretch, (seen[:, None] & (wait <= upper))[row, stretch].astype(float)


def _trees(table: pd.DataFrame, row: Ints, stretch: Ints) -> NDArray[np.float32]:
    own = table[list(FEATURES)].to_numpy(dtype=np.float32)[row]
    then = (table["recency"].to_numpy()[row] + EDGES[stretch + 1]) / table["typical_gap"].to_numpy()[row]
    return np.column_stack([own, EDGES[stretch + 1], then]).astype(np.float32)


def _logs(table: pd.DataFrame, row: Ints, stretch: Ints) -> Floats:
    """Logarithms of the features (0 where unknown), each stretch as a case of its own, alone and with the rhythm."""
    filled = table[list(FEATURES)].fillna(0.0)
    filled = filled.assign(**{name: np.log1p(filled[name].clip(lower=0)) for name in FEATURES if name not in SIGNED})
    cases = np.eye(len(EDGES) - 1)[stretch]
    rhythm = filled[["recency", "fresh_60", "overdue"]].to_numpy()[row]
    late = (EDGES[stretch] > 21)[:, None] * rhythm
    return np.column_stack([filled.to_numpy()[row], cases, late, np.log1p(EDGES[stretch])[:, None] * rhythm])
