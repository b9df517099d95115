"""The tables' rows as what the core plans: stock with its terms, suppliers with calendars, receipts, and rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from ml.db.keys import normalise
from ml.db.profiles import SeriesProfile
from ml.db.restock import StockPolicy
from ml.errors import DataError
from ml.inventory import suppliers as core
from ml.inventory.calendars import read_calendar
from ml.inventory.demand import Demand
from ml.inventory.rules import Rules
from ml.inventory.stock import ASSUMED_LEAD, Receipts, Stock
from ml.pipelines.restock_items import KEY, Warehouse, above

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

NEVER_SOLD = 9_999
"""Days that an item is taken to have been idle which was never sold and never came in."""

JOB_DAYS = 365
"""Days ahead to which job orders count: no delivery takes as long."""


@dataclass(frozen=True)
class Network:
    """Who supplies whom: `parent` is the row of the item that an item gets its stock from (-1: a supplier), `depth` how
    many places are above it; both (items,)."""

    parent: Codes
    depth: Codes

    @classmethod
    def of(cls, house: Warehouse) -> Network:
        """From the places."""
        rows = {(area, product): row for row, (area, product) in enumerate(house.items[KEY].itertuples(index=False))}
        ways = {area: above(area, house.places) for area in house.items["area"].unique()}
        pairs = list(house.items[KEY].itertuples(index=False))
        parent = [rows[ways[area][0], product] if ways[area] else -1 for area, product in pairs]
        return cls(np.array(parent, dtype=np.int64), np.array([len(ways[area]) for area, _ in pairs], dtype=np.int64))

    def summed(self, values: Floats) -> Floats:
        """Values of items with those of all items that they supply added, (items, …)."""
        found = values.astype(np.float64).copy()
        for depth in range(int(self.depth.max(initial=0)), 0, -1):
            rows = np.flatnonzero(self.depth == depth)
            np.add.at(found, self.parent[rows], found[rows])
        return found

    def least(self, values: Floats) -> Floats:
        """Values of items, or of those that they supply where one of these is less, (items,)."""
        found = values.copy()
        for depth in range(int(self.depth.max(initial=0)), 0, -1):
            rows = np.flatnonzero(self.depth == depth)
            np.minimum.at(found, self.parent[rows], found[rows])
        return found

    def own_part(self, excess: Floats, held: Floats) -> Floats:
        """Of the excess of items with all that they supply, (items,), what lies in each place itself: what is too much
        below is counted there, and no place has more than it holds."""
        found, below = excess.copy(), np.zeros(len(excess))
        for depth in range(int(self.depth.max(initial=0)), -1, -1):
            rows = np.flatnonzero(self.depth == depth)
            found[rows] = np.clip(excess[rows] - below[rows], 0.0, held[rows])
            inner = rows[self.parent[rows] >= 0]
            np.add.at(below, self.parent[inner], found[inner] + below[inner])
        return found

    @property
    def supplies(self) -> NDArray[np.bool_]:
        """Which items supply others."""
        return np.isin(np.arange(len(self.parent)), self.parent)


def echelon(demand: Demand, network: Network) -> Demand:
    """Demand of places that supply others is theirs and that of all below; deviations add up by their squares."""
    if not network.supplies.any():
        return demand
    known = None if demand.known is None else network.summed(demand.known)
    return Demand(network.summed(demand.mean), np.sqrt(network.summed(demand.sd**2)), demand.correlation, known)


@dataclass(frozen=True)
class Stocked:
    """What is planned: `stock` with its `suppliers`, and `receipts`.

    A place that supplies others has their stock and their receipts from suppliers beside its own (its echelon); `own`
    is what lies there itself, (items,), `available` what of that is not reserved, and `promised` what open transfers
    will take of it: they are taken as not yet shipped.
    """

    stock: Stock
    suppliers: tuple[core.Supplier, ...]
    receipts: Receipts
    own: Floats
    available: Floats
    promised: Floats
    on_order: Floats
    broken: dict[str, str]
    """What is wrong with a supplier's calendar, by its name."""


def stocked(house: Warehouse, network: Network, last_sale: Floats) -> Stocked:
    """Put the stock together; `last_sale` is days since an item was sold, NaN for never."""
    items = _with_terms(house)
    internal = np.array([bool(way) for way in (above(area, house.places) for area in items["area"])], dtype=bool)
    names, broken, made = _suppliers(house, items)
    by_place = items["area"].map(lambda area: house.places[area].supplied_by if area in house.places else "")
    supplier = np.where(internal, by_place.map(_place_name), items["supplier"]).tolist()
    code = np.array([names.get(name, -1) for name in supplier], dtype=np.int64)
    lead, spread = _lead_times(house, items, code, names)
    transfer = items["area"].map(lambda area: house.places[area].transfer_days if area in house.places else None)
    lead = np.where(internal, transfer.astype(float), lead)
    spread = np.where(internal, 0.0, spread)
    outside, inside = _split(house, items, lead)
    receipts = Receipts(*outside)
    own = items["on_hand"].to_numpy(float)
    kept = items["reserved"].to_numpy(float)
    held, reserved = network.summed(np.maximum(own, 0.0)), network.summed(kept)
    stock = Stock(
        ids=(items["area"] + " / " + items["code"]).to_numpy(object),
        on_hand=np.where(network.supplies, held, own), reserved=reserved,
        cost=items["cost"].to_numpy(float), price=items["price"].to_numpy(float), supplier=code, lead=lead,
        lead_spread=spread, pack=items["pack"].fillna(1.0).to_numpy(float),
        minimum=np.where(internal, 0.0, items["minimum"].fillna(0.0)),
        shelf_life=items["shelf_life"].to_numpy(float), idle=network.least(_idle(house, items, last_sale)),
    )  # fmt: skip
    promised, on_order = np.zeros(len(items)), receipts.within(np.full(len(items), np.inf))
    givers = network.parent[inside[0]]
    np.add.at(promised, givers[givers >= 0], inside[2][givers >= 0])
    on_order = on_order + np.bincount(inside[0], inside[2], minlength=len(items))
    above_too = _up(receipts, network)
    all_of_them = Receipts(
        *(
            np.concatenate([outer, inner])
            for outer, inner in zip((above_too.item, above_too.day, above_too.units), inside, strict=True)
        )
    )
    available = np.maximum(own - np.maximum(kept, 0.0), 0.0)
    return Stocked(stock, made, all_of_them, own, available, promised, on_order, broken)


def _place_name(place: str) -> str:
    """What a place is called among the suppliers."""
    return f"\x00{place}" if place else ""


def _with_terms(house: Warehouse) -> pd.DataFrame:
    """Items with their supplier and its terms: the product's own supplier, else the cheapest that offers it, else the
    one that was last ordered from."""
    items, terms = house.items.copy(), house.terms
    cheapest = terms.sort_values(["product_id", "unit_cost"], na_position="last").drop_duplicates("product_id")
    bought = house.orders[house.orders["giver"] == ""]
    last = bought[bought["supplier"] != ""].drop_duplicates("product_id", keep="last")
    for source in (cheapest, last):
        named = items["product_id"].map(source.set_index("product_id")["supplier"]).fillna("")
        items["supplier"] = items["supplier"].where(items["supplier"] != "", named)
    own = terms.drop_duplicates(["product_id", "supplier"], keep="last")
    found = items.merge(own, on=["product_id", "supplier"], how="left", suffixes=("", "_terms"))
    paid = bought.dropna(subset=["unit_cost"]).drop_duplicates("product_id", keep="last")
    last_cost = found["product_id"].map(paid.set_index("product_id")["unit_cost"])
    found["cost"] = found["unit_cost"].fillna(found["cost"]).fillna(last_cost.astype(float))
    found["pack"] = found["pack_terms"].fillna(found["pack"])
    found["lead_given"] = found["lead_terms"]
    return found


def _suppliers(
    house: Warehouse, items: pd.DataFrame
) -> tuple[dict[str, int], dict[str, str], tuple[core.Supplier, ...]]:
    """Suppliers by name with their places in the tuple, what is wrong with calendars, and the tuple."""
    rows = {normalise(row.name): row for row in house.suppliers}
    broken: dict[str, str] = {}
    made = []
    places = sorted({place.supplied_by for place in house.places.values() if place.supplied_by})
    names = sorted({*rows, *items["supplier"], *house.orders["supplier"]} - {"", *map(normalise, places)})
    for name in names:
        row, calendar = rows.get(name), None
        if row is not None:
            try:
                calendar = read_calendar(row.order_days, row.delivery_days, row.closed_days)
            except DataError as error:
                broken[name] = str(error)
        free_from, least = (row.free_freight_from, row.minimum_order) if row is not None else (None, None)
        made.append(core.Supplier(name, calendar, free_from, least or 0.0))
    made += [core.Supplier(place, core.Calendar()) for place in places]
    keys = [*names, *map(_place_name, places)]
    return {name: place for place, name in enumerate(keys)}, broken, tuple(made)


def _lead_times(house: Warehouse, items: pd.DataFrame, code: Codes, names: dict[str, int]) -> tuple[Floats, Floats]:
    """Mean and deviation of suppliers' lead times: measured, else as the terms, the supplier or the product say."""
    orders = house.orders[house.orders["received_on"].notna() & (house.orders["giver"] == "")]
    days = (pd.to_datetime(orders["received_on"]) - pd.to_datetime(orders["ordered_on"])).dt.days
    by = np.asarray(orders["supplier"].map(names).fillna(-1), dtype=np.int64)
    products = orders["product_id"].to_numpy(np.int64)
    measured = core.measure_lead_times(
        products, by, np.asarray(days, dtype=np.float64), items["product_id"].to_numpy(np.int64), code
    )
    agreed = {normalise(row.name): row.lead_time_days for row in house.suppliers}
    said = items["lead_given"].fillna(items["supplier"].map(agreed).astype(float)).fillna(items["lead"])
    known = np.isfinite(measured.mean)
    return np.where(known, measured.mean, said.to_numpy(float)), np.where(known, measured.spread, np.nan)


def _split(
    house: Warehouse, items: pd.DataFrame, lead: Floats
) -> tuple[tuple[Codes, Codes, Floats], tuple[Codes, Codes, Floats]]:
    """Open orders as row, day and units: those of suppliers, and those of other places. Late ones come today."""
    rows = house.orders[house.orders["open"] > 0]
    rows = rows.merge(items[KEY].assign(row=np.arange(len(items))), on=KEY)
    item = rows["row"].to_numpy(np.int64)
    assumed = np.where(np.isnan(lead[item]), ASSUMED_LEAD, lead[item])
    ordered = (pd.to_datetime(rows["ordered_on"]) - pd.Timestamp(house.today)).dt.days.to_numpy(float)
    expected = (pd.to_datetime(rows["expected_on"]) - pd.Timestamp(house.today)).dt.days.to_numpy(float)
    day = np.maximum(np.where(np.isnan(expected), np.ceil(ordered + assumed), expected), 0.0).astype(np.int64)
    inner = (rows["giver"] != "").to_numpy()
    units = rows["open"].to_numpy(float)
    return (item[~inner], day[~inner], units[~inner]), (item[inner], day[inner], units[inner])


def _up(receipts: Receipts, network: Network) -> Receipts:
    """Receipts of items, and again of all above them."""
    item, day, units = [receipts.item], [receipts.day], [receipts.units]
    rows = network.parent[receipts.item]
    while (rows >= 0).any():
        inside = rows >= 0
        item.append(rows[inside])
        day.append(day[-1][inside])
        units.append(units[-1][inside])
        rows = network.parent[rows[inside]]
    return Receipts(np.concatenate(item), np.concatenate(day), np.concatenate(units))


def _idle(house: Warehouse, items: pd.DataFrame, last_sale: Floats) -> Floats:
    """Days since an item was sold or came in."""
    received = house.orders.dropna(subset=["received_on"])[[*KEY, "received_on"]]
    received = received.assign(came=pd.to_datetime(received["received_on"]))
    came = received.groupby(KEY)["came"].max().reset_index()
    found = items[KEY].merge(came, on=KEY, how="left")["came"]
    return np.nan_to_num(np.fmin(last_sale, days_since(house.today, found)), nan=NEVER_SOLD)


def job_demand(house: Warehouse) -> Floats:
    """What job orders will consume, (items, days up to the last of them)."""
    rows = house.jobs.merge(house.items[KEY].assign(row=np.arange(len(house.items))), on=KEY)
    day = (pd.to_datetime(rows["day"]) - pd.Timestamp(house.today)).dt.days.to_numpy(np.int64)
    soon = day < JOB_DAYS
    found = np.zeros((len(house.items), int(day[soon].max(initial=-1)) + 1))
    np.add.at(found, (rows["row"].to_numpy()[soon], day[soon]), rows["units"].to_numpy(float)[soon])
    return found


def read_rules(session: Session, house: Warehouse) -> tuple[list[Rules], Codes]:
    """The rules, and the one of each item: the finest policy that fits, else the default.

    Raises ConfigurationError for a stored rule that is none."""
    rows = session.scalars(sa.select(StockPolicy).order_by(StockPolicy.id)).all()
    rules, which = [Rules()], np.zeros(len(house.items), dtype=np.int64)
    best, items = np.full(len(house.items), -1), house.items
    classes = _classes(session, items)
    for row in rows:
        rules.append(Rules.from_dict(row.rules))
        fits = np.ones(len(items), dtype=bool)
        wanted: list[tuple[Any, Any]] = [
            (row.area, items["area"]), (row.category, items["category"]),
            (row.volume_class, classes), (row.product_id, items["product_id"]),
        ]  # fmt: skip
        for value, found in wanted:
            fits &= (found == value).to_numpy() if value else True
        fine = 8 * bool(row.product_id) + 4 * bool(row.category) + 2 * bool(row.volume_class) + bool(row.area)
        better = fits & (fine > best)
        which[better], best[better] = len(rules) - 1, fine
    return rules, which


def _classes(session: Session, items: pd.DataFrame) -> pd.Series[str]:
    """A, B or C of each item, '' for what was never sold."""
    mine = SeriesProfile
    query = sa.select(mine.area, mine.product_id, mine.volume_class)
    rows = session.execute(query.where(mine.location_level == "area", mine.product_level == "product")).all()
    known = pd.DataFrame(rows, columns=[*KEY, "class"]).drop_duplicates(KEY)
    return items[KEY].merge(known, on=KEY, how="left")["class"].fillna("")


def days_since(today: date, days: pd.Series[Any]) -> Floats:
    """Days from dates to today, NaN for none."""
    return np.asarray((pd.Timestamp(today) - pd.to_datetime(days)).dt.days, dtype=np.float64)
