"""What sales sees of each customer: when it orders next, how much of what, its stage, and who should have ordered."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.customers.baskets import category_shares, expected_amount
from ml.customers.features import features_at
from ml.customers.next_order import NextOrderModel
from ml.customers.orders import Floats, Orders

STAGES = ("new", "active", "slowing", "lapsed")
SLOWING, LAPSED = 1.5, 4.0
"""Recency over the typical gap from which a customer slows down, and counts as lapsed."""
NEW_ORDERS = 2


def predict_next_orders(model: NextOrderModel, orders: Orders, day: int) -> pd.DataFrame:
    """One row a customer with an order by the end of `day`; the index is its code.

    Columns: `p10, p50, p90` (dates after `day`; what lies beyond a year is an extrapolation), `in_30_days` (chance of
    an order), `amount` (median value of the next order), `category` and `category_chance` (the likeliest),
    `stage`, `one_time` (ordered once), `last_order, typical_gap` (days), `overdue` (whether it should have ordered),
    `at_stake`: the amount times the chance that no order comes within a typical gap, or 30 days if that is longer.
    """
    table = features_at(orders, day)
    curves = model.curves(table)
    none = np.zeros(len(table))
    shares = category_shares(orders, day, table.index.to_numpy())
    found = pd.DataFrame(index=pd.Index(orders.codes[table.index], name="customer_code"))
    for name, share in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9)):
        found[name] = pd.Timestamp(day, unit="D") + pd.to_timedelta(curves.band_day(share, none), unit="D")
    found["in_30_days"] = 1.0 - curves.at(np.full(len(table), 30.0))
    found["amount"] = expected_amount(table)
    found["category"] = orders.categories[shares.argmax(axis=1)]
    found["category_chance"] = shares.max(axis=1)
    found["stage"] = stage_of(table)
    found["one_time"] = (table["orders"] == 1).to_numpy()
    found["last_order"] = pd.Timestamp(day, unit="D") - pd.to_timedelta(table["recency"].to_numpy(), unit="D")
    found["typical_gap"] = table["typical_gap"].to_numpy()
    soon = np.clip(np.ceil(table["typical_gap"].to_numpy()), 1.0, 30.0)
    found["at_stake"] = found["amount"] * curves.at(soon)
    found["overdue"] = np.isin(found["stage"], ["slowing"]) & (table["orders"] > 1).to_numpy()
    return found


def stage_of(table: pd.DataFrame) -> Floats:
    """The lifecycle stage (n,) from features: lapsed and slowing by how many typical gaps went by without an order;
    of the others, those with one or two orders and a short history are new."""
    overdue = table["overdue"].to_numpy()
    young = (table["orders"] <= NEW_ORDERS) & (table["tenure"] <= 2 * table["typical_gap"])
    return np.select([overdue >= LAPSED, overdue >= SLOWING, young], ["lapsed", "slowing", "new"], "active")


def overdue_to_order(predicted: pd.DataFrame) -> pd.DataFrame:
    """Customers who should have ordered by now, the most value at stake first."""
    return predicted[predicted["overdue"]].sort_values("at_stake", ascending=False)


def median_gap_wait(table: pd.DataFrame) -> Floats:
    """The baseline: days until the last order plus the customer's median gap (everybody's for one-time customers), at
    least one."""
    gap = table["gap_median"].fillna(table["gap_median"].median())
    return np.asarray(np.maximum(gap - table["recency"], 1.0))
