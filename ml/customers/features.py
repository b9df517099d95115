"""What was known of each customer's ordering at the end of a day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.customers.orders import Orders

WINDOWS = (14, 30, 60, 90, 180)
HALF_LIVES = (15, 30, 60, 120)
REACH = 30
"""Days of `covered`, the share of past days that were at most so long after an order, and of `months`, the share of
such stretches with one."""
LATEST = 3
PRIOR = 2.0
"""The gap that is usual for all counts as so many of the customer's own."""
USUAL_GAP = 30.0
FEATURES = (
    "recency", "tenure", "orders", "rate", "gap_mean", "gap_median", "gap_last", "gap_spread", "typical_gap", "overdue",
    "fresh_15", "fresh_30", "fresh_60", "fresh_120", "covered", "months", "amount_mean", "amount_last",
    "amount_trend", "lines_mean", "returned", "categories", *(f"orders_{days}" for days in WINDOWS),
)  # fmt: skip
"""Names of the features, in the order of the columns."""


def features_at(orders: Orders, day: int) -> pd.DataFrame:
    """One row a customer that had ordered by the end of a day; the index is the position in `orders.codes`.

    Days and amounts of later orders are not looked at. `overdue` is recency over the typical gap.
    """
    known = orders.until(day)
    found = known.orders
    by = found.groupby("customer")
    last, first, count = by["day"].max(), by["day"].min(), by["day"].size()
    gaps = _gaps(found)
    usual = float(gaps["gap"].median()) if len(gaps) else USUAL_GAP
    gap = gaps.groupby("customer")["gap"]
    table = pd.DataFrame({"recency": day - last, "tenure": day - first, "orders": count}).astype(float)
    table["rate"] = table["orders"] / (table["tenure"] + USUAL_GAP)
    table["gap_mean"], table["gap_median"], table["gap_last"] = gap.mean(), gap.median(), gap.last()
    table["gap_spread"] = gap.std() / table["gap_mean"]
    own = table["orders"] - 1
    logs = np.log(gaps["gap"]).groupby(gaps["customer"]).sum().reindex(table.index, fill_value=0.0)
    table["typical_gap"] = np.exp((logs + PRIOR * np.log(usual)) / (own + PRIOR))
    table["overdue"] = table["recency"] / table["typical_gap"]
    age = day - found["day"]
    for days in WINDOWS:
        table[f"orders_{days}"] = (age < days).groupby(found["customer"]).sum().astype(float)
    for half_life in HALF_LIVES:
        table[f"fresh_{half_life}"] = (0.5 ** (age / half_life)).groupby(found["customer"]).sum()
    later = found.groupby("customer")["day"].shift(-1).fillna(day)
    table["covered"] = (later - found["day"]).clip(upper=REACH).groupby(found["customer"]).sum() / (table["tenure"] + 1)
    table["months"] = (found["day"] // REACH).groupby(found["customer"]).nunique() / (table["tenure"] / REACH + 1)
    table = table.join(_amounts(found)).join(_breadth(known.baskets))
    return table[list(FEATURES)]


def _gaps(found: pd.DataFrame) -> pd.DataFrame:
    """Days between an order and the one before, one row a pair, in order of days."""
    gap = found.groupby("customer")["day"].diff()
    return pd.DataFrame({"customer": found["customer"], "gap": gap}).dropna()


def _amounts(found: pd.DataFrame) -> pd.DataFrame:
    logs = np.log(found["amount"])
    by = logs.groupby(found["customer"])
    latest = logs[found.groupby("customer").cumcount(ascending=False) < LATEST].groupby(found["customer"]).mean()
    return pd.DataFrame(
        {
            "amount_mean": by.mean(),
            "amount_last": by.last(),
            "amount_trend": latest - by.mean(),
            "lines_mean": found["lines"].groupby(found["customer"]).mean(),
            "returned": found["returned"].groupby(found["customer"]).sum()
            / found["amount"].groupby(found["customer"]).sum(),
        }
    )


def _breadth(baskets: pd.DataFrame) -> pd.Series:
    return baskets.groupby("customer")["category"].nunique().astype(float).rename("categories")
