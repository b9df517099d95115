"""What the stock plan is made of beside the demand: items with their levels, open orders, suppliers, places and rules.

An item is a product in a place that counts its stock. Its level is the last one that was counted, moved on to today by
what was sold, consumed and received since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from ml.db.catalog import Product
from ml.db.inventory import CLOSED, JobOrder, Place, PurchaseOrder, StockLevel, Supplier, SupplierProduct
from ml.db.keys import normalise
from ml.db.sales import SalesDaily
from ml.errors import DataError
from ml.etl.extract import read_frame
from ml.grains import newest_sale

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

KEY = ["area", "product_id"]
MEASURED_DAYS = 730
"""Days back to which orders tell lead times."""


@dataclass(frozen=True)
class Warehouse:
    """Everything as it is in the tables. `items` has a row per item: `area, product_id, counted_on, on_hand, reserved`,
    and what the product's row says; `orders` a row per line of a purchase order, the oldest first, with `giver`: the
    place that supplies it where that is no supplier, '' else; `jobs` a row per product that a job order still consumes.
    `today` is the first day that is planned."""

    items: pd.DataFrame
    orders: pd.DataFrame
    jobs: pd.DataFrame
    terms: pd.DataFrame
    suppliers: list[Supplier]
    places: dict[str, Place]
    today: date


def read_warehouse(session: Session) -> Warehouse:
    """Read the tables; raises DataError where no stock was ever counted."""
    items = _read_levels(session)
    if items.empty:
        raise DataError("no stock levels are known; import them (data set stock) before planning.")
    last_sale = newest_sale(session)
    today = max([*items["counted_on"], *([last_sale] if last_sale else [])]) + timedelta(days=1)
    since = items["counted_on"].min()
    jobs = _read_jobs(session, since)
    places = {place.name: place for place in session.scalars(sa.select(Place).order_by(Place.id))}
    orders = _with_givers(_read_orders(session, today), places)
    received = orders[orders["received_on"].notna()]
    items = _with_supplying(items, places)
    items["on_hand"] += _moves(items, _read_sold(session, since, today), "day", -1.0)
    items["on_hand"] += _moves(items, jobs[jobs["day"] < today], "day", -1.0)
    items["on_hand"] += _moves(items, received, "received_on", 1.0, "received")
    items["on_hand"] += _moves(items, received.assign(area=received["giver"]), "received_on", -1.0, "received")
    products = _read_products(session)
    items = items.merge(products, on="product_id", how="left")
    suppliers = list(session.scalars(sa.select(Supplier).order_by(Supplier.name)))
    return Warehouse(items, orders, jobs[jobs["day"] >= today], _read_terms(session), suppliers, places, today)


def _read_levels(session: Session) -> pd.DataFrame:
    """The last level of each item."""
    newest = (
        sa.select(StockLevel.area, StockLevel.product_id, sa.func.max(StockLevel.day).label("day"))
        .group_by(StockLevel.area, StockLevel.product_id)
        .subquery()
    )
    same = sa.and_(
        StockLevel.area == newest.c.area,
        StockLevel.product_id == newest.c.product_id,
        StockLevel.day == newest.c.day,
    )
    columns: list[Any] = [
        StockLevel.area,
        StockLevel.product_id,
        StockLevel.day,
        StockLevel.on_hand,
        StockLevel.reserved,
    ]
    query = sa.select(*columns).join(newest, same)
    frame = read_frame(session, query, [*KEY, "counted_on", "on_hand", "reserved"])
    frame = frame.astype({"on_hand": float, "reserved": float}).fillna({"reserved": 0.0})
    return frame.drop_duplicates(KEY, keep="last").sort_values(KEY, ignore_index=True)


def _with_supplying(items: pd.DataFrame, places: dict[str, Place]) -> pd.DataFrame:
    """With an empty item for each product that a place supplies to others and does not count itself; raises DataError
    for places that supply one another in a circle."""
    for name in places:
        above(name, places)
    known = set(map(tuple, items[KEY].to_numpy()))
    missing = {
        (parent, product) for area, product in known for parent in above(area, places) if (parent, product) not in known
    }
    if not missing:
        return items
    made = pd.DataFrame(sorted(missing), columns=KEY).assign(on_hand=0.0, reserved=0.0, counted_on=None)
    return pd.concat([items, made], ignore_index=True).sort_values(KEY, ignore_index=True)


def above(name: str, places: dict[str, Place]) -> list[str]:
    """The places that supply a place, the nearest first."""
    found: list[str] = []
    while (place := places.get(name)) is not None and place.supplied_by:
        name = place.supplied_by
        if name in found or len(found) > len(places):
            raise DataError(f"place {name!r} supplies itself by way of others; correct the data set places.")
        found.append(name)
    return found


def _read_orders(session: Session, today: date) -> pd.DataFrame:
    mine = PurchaseOrder
    columns: list[Any] = [
        mine.area, mine.product_id, mine.supplier, mine.ordered_on, mine.expected_on, mine.received_on,
        mine.qty_ordered, mine.qty_received, mine.unit_cost, mine.status,
    ]  # fmt: skip
    query = (
        sa.select(*columns)
        .where(mine.ordered_on > today - timedelta(days=MEASURED_DAYS))
        .order_by(mine.ordered_on, mine.id)
    )
    names = [
        *KEY, "supplier", "ordered_on", "expected_on", "received_on", "ordered", "received", "unit_cost", "status",
    ]  # fmt: skip
    frame = read_frame(session, query, names)
    frame["supplier"] = frame["supplier"].map(normalise)
    frame = frame.astype({"ordered": float, "received": float, "unit_cost": float})
    done = frame["received_on"].notna() & frame["received"].isna()
    frame["received"] = frame["received"].where(~done, frame["ordered"]).fillna(0.0)
    closed = frame["received_on"].notna() | frame["status"].str.strip().str.lower().isin(CLOSED)
    frame["open"] = (frame["ordered"] - frame["received"]).clip(lower=0.0).where(~closed, 0.0)
    return frame


def _with_givers(orders: pd.DataFrame, places: dict[str, Place]) -> pd.DataFrame:
    """With the place that a line moves stock from: the one that supplies the line's place, where it is the supplier."""
    supplying = {area: place.supplied_by for area, place in places.items() if place.supplied_by}
    giver = orders["area"].map(supplying).fillna("")
    return orders.assign(giver=giver.where(giver.map(normalise) == orders["supplier"], ""))


def _read_jobs(session: Session, since: date) -> pd.DataFrame:
    columns: list[Any] = [JobOrder.area, JobOrder.product_id, JobOrder.needed_on, JobOrder.qty, JobOrder.status]
    query = sa.select(*columns).where(JobOrder.needed_on > since)
    frame = read_frame(session, query, [*KEY, "day", "units", "status"])
    cancelled = frame["status"].str.strip().str.lower().isin(("cancelled", "canceled"))
    return frame[~cancelled].astype({"units": float})


def _read_sold(session: Session, since: date, today: date) -> pd.DataFrame:
    mine = SalesDaily
    columns: list[Any] = [mine.area, mine.product_id, mine.sale_date, sa.func.sum(mine.total_qty)]
    query = (
        sa.select(*columns)
        .where(mine.sale_date > since, mine.sale_date < today)
        .group_by(mine.area, mine.product_id, mine.sale_date)
    )
    return read_frame(session, query, [*KEY, "day", "units"]).astype({"units": float})


def _moves(items: pd.DataFrame, rows: pd.DataFrame, day: str, sign: float, units: str = "units") -> Floats:
    """What came in or went out of each item after it was counted."""
    found = rows[[*KEY, day, units]].merge(items[[*KEY, "counted_on"]].assign(row=np.arange(len(items))), on=KEY)
    after = found["counted_on"].notna() & (found[day] > found["counted_on"])
    late = found[after.astype(bool)]
    return sign * np.bincount(late["row"], late[units], minlength=len(items)).astype(np.float64)


def _read_products(session: Session) -> pd.DataFrame:
    mine = Product
    columns = [
        mine.id, mine.code, mine.category, mine.price, mine.cost, mine.lead_time_days, mine.supplier, mine.pack_size,
    ]  # fmt: skip
    names = ["product_id", "code", "category", "price", "cost", "lead", "supplier", "pack"]
    frame = pd.DataFrame(session.execute(sa.select(*columns)).all(), columns=names)
    frame["supplier"] = frame["supplier"].map(normalise)
    return frame.astype({"price": float, "cost": float, "lead": float, "pack": float})


def _read_terms(session: Session) -> pd.DataFrame:
    mine = SupplierProduct
    columns: list[Any] = [
        mine.product_id, mine.supplier, mine.unit_cost, mine.pack_size, mine.minimum_qty, mine.lead_time_days,
        mine.shelf_life_days,
    ]  # fmt: skip
    names = ["product_id", "supplier", "unit_cost", "pack", "minimum", "lead", "shelf_life"]
    frame = pd.DataFrame(session.execute(sa.select(*columns).order_by(mine.id)).all(), columns=names)
    frame["supplier"] = frame["supplier"].map(normalise)
    return frame.astype(dict.fromkeys(names[2:], float))
