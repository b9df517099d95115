"""What the next order will be: its value, and the categories it is made of."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.customers.orders import Floats, Ints, Orders

HALF_LIFE = 120.0
"""Days after which an order counts half in what a customer buys."""
PRIOR = 0.5
"""What everybody bought lately counts as so many orders of the customer's own."""
LATELY = 60
LATEST = 3


def category_shares(orders: Orders, day: int, customers: Ints) -> Floats:
    """(customers, categories): the chance of each category to be the one that the customer's next order is mostly of,
    from what was known at the end of a day; rows add to 1.

    Shares by value of the customer's orders, the later the heavier, drawn towards what all bought in the last 60 days.
    """
    known = orders.until(day).baskets
    share = known["amount"] / known.groupby(["customer", "day"])["amount"].transform("sum")
    weight = share * 0.5 ** ((day - known["day"]) / HALF_LIFE)
    lately = np.bincount(known["category"], share * (known["day"] > day - LATELY), minlength=len(orders.categories))
    every = np.bincount(known["category"], share, minlength=len(orders.categories))
    usual = lately if lately.sum() > 0 else every
    place = pd.Series(np.arange(len(customers)), index=customers).reindex(known["customer"]).to_numpy(dtype=float)
    kept = ~np.isnan(place)
    sums = np.zeros((len(customers), len(orders.categories)))
    np.add.at(sums, (place[kept].astype(int), known["category"].to_numpy()[kept]), weight.to_numpy()[kept])
    sums += PRIOR * usual / max(float(usual.sum()), 1e-9)
    return np.asarray(sums / sums.sum(axis=1, keepdims=True))


def expected_amount(table: pd.DataFrame) -> Floats:
    """The value (n,) that the next order exceeds half of the time, from features: the customer's geometric mean, half
    of it that of its latest three orders, drawn towards everybody's by one order."""
    every = float(table["amount_mean"].mean())
    own = table["amount_mean"] + 0.5 * table["amount_trend"]
    return np.asarray(np.exp((own * table["orders"] + every) / (table["orders"] + 1)))


def last_main_category(orders: Orders, day: int) -> pd.Series:
    """The category that had the most value in each customer's last order by the end of a day: a baseline."""
    rows = orders.until(day).baskets
    return _main(rows, rows.groupby("customer")["day"].transform("max"))


def next_main_category(orders: Orders, day: int) -> pd.Series:
    """The category that had the most value in each customer's first order after a day."""
    rows = orders.baskets[orders.baskets["day"] > day]
    return _main(rows, rows.groupby("customer")["day"].transform("min"))


def _main(rows: pd.DataFrame, day: pd.Series) -> pd.Series:
    kept = rows[rows["day"] == day]
    best = kept.loc[kept.groupby("customer")["amount"].idxmax()]
    return pd.Series(best["category"].to_numpy(), index=best["customer"])
