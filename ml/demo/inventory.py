"""The demo company's stock, to fit its sales: products' terms, suppliers, places, levels, purchase and job orders.

- A warehouse in each region supplies its areas within two days; suppliers deliver to warehouses.
- Ten suppliers, one or two for each category, with weekdays for orders and deliveries, minimum orders and free freight;
  one has no calendar. Lead times vary by a quarter around 5 to 24 days. A unit costs 62 % of its list price.
- Warehouses order each product every two to four weeks what sold in that time, give or take a fifth; what was ordered
  within the lead time of the last day is open, one line in fifteen of it late.
- Levels are of the last day of the sales: areas hold 10 days of their sales by the median, warehouses 16, both widely
  spread: one in fifty has run out, as many hold months. What was discontinued is still there.
- Each region packs gift boxes on Tuesdays from six products; the boxes of the coming six weeks are job orders, too.
- As in life: a product without a cost, one without a supplier, one counted below zero.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.demo.company import Company
from ml.demo.names import SUPPLIERS

STREAM = 23
"""Of the seed: other draws of the company do not move these."""
COST = 0.62
ORDER_DAYS = ("Mon Thu", "Tue", "Mon-Fri", "Wed", "Mon Wed Fri", "Tue Thu", "Mon-Fri", "Fri", "Mon-Fri", "")
TERMS_DAYS = (7, 14, 5, 21, 10, 7, 12, 24, 6, 9)
SPREAD = 0.25
YEAR, RECENT = 364, 56
TRANSFER_DAYS = 2
AREA_COVER, WAREHOUSE_COVER, COVER_SPREAD = 10.0, 16.0, 0.6
RESERVED, EMPTY, FULL, FULL_COVER = 0.05, 0.02, 0.02, 15.0
LATE = 15
BOXED, BOX_WEEKS = 6, 6
PERISHABLE = {"Confectionery": 180, "Pantry": 360}


@dataclass(frozen=True)
class Inventory:
    """Rows of the data sets of these names (`docs/data-sets.md`), in an order in which they can be loaded."""

    products: pd.DataFrame
    suppliers: pd.DataFrame
    supplier_products: pd.DataFrame
    places: pd.DataFrame
    purchase_orders: pd.DataFrame
    job_orders: pd.DataFrame
    stock: pd.DataFrame


def warehouse(region: str) -> str:
    """What the warehouse of a region is called."""
    return f"{region} Warehouse"


def draw_inventory(seed: int, company: Company, sales: pd.DataFrame) -> Inventory:
    """What there is at the end of the last day of `sales`."""
    rng, last = np.random.default_rng([seed, STREAM]), pd.Timestamp(sales["sale_date"].max())
    suppliers = _suppliers()
    products = _products(rng, company)
    sold = _sold(sales, last)
    orders = _orders(rng, sold, products, last)
    return Inventory(
        products=products.drop(columns=["list_price", "lead"]),
        suppliers=suppliers.drop(columns="lead"),
        supplier_products=_terms(products),
        places=_places(company),
        purchase_orders=orders,
        job_orders=_boxes(products, sold, last),
        stock=_levels(rng, sold, last),
    )


def _suppliers() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "supplier": SUPPLIERS,
            "order_days": ORDER_DAYS,
            "delivery_days": ["Mon-Fri" if days else "" for days in ORDER_DAYS],
            "closed_days": ["2026-12-24 2026-12-25 2027-01-01" if days else "" for days in ORDER_DAYS],
            "lead_time_days": TERMS_DAYS,
            "minimum_order": [250.0 * (1 + place % 4) for place in range(len(SUPPLIERS))],
            "free_freight_from": [1_500.0 * (1 + place % 3) for place in range(len(SUPPLIERS))],
            "lead": TERMS_DAYS,
        }
    )


def _products(rng: np.random.Generator, company: Company) -> pd.DataFrame:
    """Products with supplier and cost; the last three of the list have flaws."""
    found = company.products[["product_code", "category", "subcategory", "list_price"]].copy()
    groups = pd.factorize(found["category"])[0]
    place = (groups + len(company.products["category"].unique()) * rng.integers(0, 2, len(found))) % len(SUPPLIERS)
    found["name"] = company.products["product_name"]
    found["price"] = found["list_price"].round(2)
    found["cost"] = (found["list_price"] * COST).round(2)
    found["supplier"] = np.array(SUPPLIERS)[place]
    found["lead"] = np.array(TERMS_DAYS)[place]
    found["pack_size"] = rng.choice([1, 6, 12, 24], len(found), p=[0.3, 0.3, 0.25, 0.15]).astype(float)
    found.loc[found.index[-1], "cost"] = np.nan
    found.loc[found.index[-2], "supplier"] = ""
    return found


def _terms(products: pd.DataFrame) -> pd.DataFrame:
    """Prices and packs of the suppliers; what spoils keeps for some months."""
    with_one = products[products["supplier"] != ""]
    return pd.DataFrame(
        {
            "supplier": with_one["supplier"],
            "product_code": with_one["product_code"],
            "unit_cost": with_one["cost"],
            "pack_size": with_one["pack_size"],
            "minimum_qty": with_one["pack_size"] * 2,
            "shelf_life_days": with_one["category"].map(PERISHABLE),
        }
    )


def _places(company: Company) -> pd.DataFrame:
    areas = company.areas
    houses = pd.DataFrame(
        {"place": [warehouse(one) for one in areas["region"].unique()], "region": areas["region"].unique()}
    )
    served = pd.DataFrame(
        {
            "place": areas["area"], "supplied_by": areas["region"].map(warehouse), "transfer_days": TRANSFER_DAYS,
            "region": areas["region"], "territory": areas["territory"],
        }
    )  # fmt: skip
    return pd.concat([houses, served], ignore_index=True)


def _sold(sales: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """By region, area and product: units a day of the last weeks, and of the last year."""
    keys = ["region", "area", "product_code"]
    age = (last - sales["sale_date"]).dt.days
    found = sales.assign(
        recent=sales["sales_qty"].where(age < RECENT, 0.0) / RECENT,
        year=sales["sales_qty"].where(age < YEAR, 0.0) / YEAR,
    )
    summed = found.groupby(keys, observed=True)[["recent", "year"]].sum().reset_index()
    return summed.astype(dict.fromkeys(keys, str))


def _orders(rng: np.random.Generator, sold: pd.DataFrame, products: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """A year of orders of the warehouses; received ones, and those that are still open."""
    by_house = sold.groupby(["region", "product_code"])[["recent", "year"]].sum().reset_index()
    named = by_house.merge(products, on="product_code")
    named = named[(named["supplier"] != "") & (named["year"] > 0)]
    rows: list[dict[str, Any]] = []
    for item in named.to_dict("records"):
        every = int(rng.integers(14, 29))
        for back in range(int(rng.integers(0, every)), YEAR, every):
            daily = item["recent"] if back < RECENT else item["year"]
            units = np.ceil(daily * every * rng.uniform(0.8, 1.2) / item["pack_size"]) * item["pack_size"]
            if units > 0:
                rows.append(_order(rng, item, last - pd.Timedelta(days=back), units))
    made = pd.DataFrame(rows).sort_values(["ordered_on", "supplier", "area"], ignore_index=True)
    is_new = (made[["ordered_on", "supplier", "area"]] != made[["ordered_on", "supplier", "area"]].shift()).any(axis=1)
    number = is_new.cumsum()
    made.insert(0, "order_ref", [f"PO-{one:05d}" for one in number])
    made.insert(1, "line_ref", (made.groupby(number).cumcount() + 1).astype(str))
    open_ones = made["received_on"] > last
    late = open_ones & (np.arange(len(made)) % LATE == 0)
    made.loc[late, "expected_on"] = last - pd.Timedelta(days=1)
    made["received_on"] = made["received_on"].where(~open_ones)
    made["qty_received"] = made["qty_received"].where(~open_ones)
    made["status"] = np.where(open_ones, "open", "closed")
    return made


def _order(rng: np.random.Generator, item: Mapping[Hashable, Any], day: pd.Timestamp, units: float) -> dict[str, Any]:
    took = max(1, round(item["lead"] * (1.0 + SPREAD * rng.standard_normal())))
    return {
        "supplier": item["supplier"], "area": warehouse(item["region"]), "product_code": item["product_code"],
        "ordered_on": day, "expected_on": day + pd.Timedelta(days=item["lead"]),
        "received_on": day + pd.Timedelta(days=took), "qty_ordered": units, "qty_received": units,
        "unit_cost": item["cost"],
    }  # fmt: skip


def _boxes(products: pd.DataFrame, sold: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """Gift boxes of each region, packed on Tuesdays."""
    boxed = products[products["category"] == "Confectionery"]["product_code"].head(BOXED).tolist()
    first = last - pd.Timedelta(days=(last.weekday() - 1) % 7 + 7 * BOX_WEEKS)
    rows = []
    for week in range(2 * BOX_WEEKS + 1):
        day = first + pd.Timedelta(weeks=week)
        for number, region in enumerate(sorted(sold["region"].unique())):
            made = 10 + 5 * ((week + number) % 4)
            rows += [
                {
                    "order_ref": f"JO-{week * 10 + number + 1:04d}", "line_ref": str(line), "area": warehouse(region),
                    "product_code": code, "needed_on": day, "qty": made, "status": "closed" if day <= last else "open",
                }
                for line, code in enumerate(boxed, 1)
            ]  # fmt: skip
    return pd.DataFrame(rows)


def _levels(rng: np.random.Generator, sold: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """What areas and warehouses hold; what has not sold lately still lies there from last year."""
    houses = sold.groupby(["region", "product_code"])[["recent", "year"]].sum().reset_index()
    houses = houses.assign(area=houses["region"].map(warehouse), cover=WAREHOUSE_COVER)
    both = pd.concat([sold.assign(cover=AREA_COVER), houses], ignore_index=True)
    daily = np.maximum(both["recent"], 0.3 * both["year"])
    chance = rng.random(len(both))
    held = np.select(
        [chance < EMPTY, chance > 1.0 - FULL], [0.0, FULL_COVER], rng.lognormal(0.0, COVER_SPREAD, len(both))
    )
    units = np.ceil(daily * both["cover"] * held)
    reserved = np.floor(units * np.where(rng.random(len(both)) < RESERVED, 0.3, 0.0))
    found = pd.DataFrame(
        {
            "day": last,
            "area": both["area"],
            "product_code": both["product_code"],
            "on_hand": units,
            "reserved": reserved,
        }
    )
    found.loc[found.index[7], ["on_hand", "reserved"]] = [-3.0, 0.0]
    return found
