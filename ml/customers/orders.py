"""Orders of customers: what each bought on a day, from sales rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.errors import DataError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEEDED = ("customer_code", "sale_date", "sales_amount")


@dataclass(frozen=True)
class Orders:
    """`orders`: one row a customer and day with sales, in order of both: `customer` (position in `codes`), `day` (since
    1970), `amount`, `lines`, `returned` (value given back since the order before, positive). `baskets`: the value a
    customer bought of each category on a day: `customer, day, category` (position in `categories`), `amount, lines`."""

    codes: pd.Index[str]
    categories: pd.Index[str]
    orders: pd.DataFrame
    baskets: pd.DataFrame
    end: int

    @cached_property
    def next_day(self) -> Ints:
        """The day of the customer's next order, for each order; -1 after the last."""
        later = self.orders.groupby("customer")["day"].shift(-1)
        return later.fillna(-1).to_numpy(dtype=np.int64)

    def until(self, day: int) -> Orders:
        """What was known at the end of a day."""
        kept = [frame[frame["day"] <= day].reset_index(drop=True) for frame in (self.orders, self.baskets)]
        return Orders(self.codes, self.categories, kept[0], kept[1], min(day, self.end))


def build_orders(sales: pd.DataFrame) -> Orders:
    """Orders from rows of the data set `sales`: `customer_code, sale_date, sales_amount`, and `category` if any.

    All rows of a customer and day are one order. Rows without a customer are left out; negative rows are returns: they
    are no order. The last day of the data is `end`. Raises DataError for a missing column.
    """
    missing = [name for name in NEEDED if name not in sales.columns]
    if missing:
        raise DataError(f"sales have no column {', '.join(missing)}; expected {', '.join(NEEDED)}.")
    days = pd.to_datetime(sales["sale_date"]).to_numpy(dtype="datetime64[D]").astype(np.int64)
    category = sales["category"].fillna("").astype(str) if "category" in sales.columns else pd.Series("", sales.index)
    rows = pd.DataFrame(
        {
            "code": sales["customer_code"],
            "day": days,
            "category": category,
            "amount": sales["sales_amount"].astype(float),
        }
    ).dropna(subset=["code"])
    rows["customer"], codes = pd.factorize(rows["code"].astype(str), sort=True)
    rows["category"], names = pd.factorize(rows["category"], sort=True)
    bought, given = rows[rows["amount"] > 0], rows[rows["amount"] < 0]
    orders = bought.groupby(["customer", "day"])["amount"].agg(["sum", "size"]).reset_index()
    orders.columns = pd.Index(["customer", "day", "amount", "lines"])
    back = given.groupby(["customer", "day"])["amount"].sum().abs().rename("returned").reset_index()
    baskets = bought.groupby(["customer", "day", "category"])["amount"].agg(["sum", "size"]).reset_index()
    baskets.columns = pd.Index(["customer", "day", "category", "amount", "lines"])
    return Orders(pd.Index(codes), pd.Index(names), _with_returns(orders, back), baskets, int(days.max(initial=0)))


def _with_returns(orders: pd.DataFrame, back: pd.DataFrame) -> pd.DataFrame:
    """Returns count on the customer's first order from their day on: from then on they are known."""
    found = pd.merge_asof(
        back.sort_values("day"),
        orders[["customer", "day"]].assign(order_day=orders["day"]).sort_values("day"),
        on="day",
        by="customer",
        direction="forward",
    )
    total = found.dropna(subset=["order_day"]).groupby(["customer", "order_day"])["returned"].sum()
    keys = pd.MultiIndex.from_frame(orders[["customer", "day"]])
    return orders.assign(returned=total.reindex(keys).fillna(0.0).to_numpy())
