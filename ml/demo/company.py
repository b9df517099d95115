"""The structure of the demo company: its areas, products and customers. Nothing here depends on sales."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from ml.demo.names import CATALOGUE, CHANNELS, CUSTOMER_FIRST, CUSTOMER_LAST, PLACES

CUSTOMERS = 300
CHANNEL_SHARES = (0.56, 0.24, 0.20)  # of the customers, in the order of CHANNELS
REGION_GROWTH = {"North": 0.02, "East": 0.05, "South": 0.09, "West": -0.06}
CATEGORY_GROWTH = {
    "Beverages": 0.05, "Confectionery": 0.02, "Pantry": 0.04, "Home Care": 0.03,
    "Personal Care": 0.07, "Garden": 0.06, "Winter Goods": -0.02, "Stationery": -0.08,
}  # fmt: skip
LAUNCHES = 6
DISCONTINUATIONS = 4


@dataclass(frozen=True)
class Company:
    """Who sells what to whom.

    - `areas`: region, territory, area, weight (share of the lines), growth (a year)
    - `products`: product_code, product_name, category, subcategory, list_price (at the first day), weight,
      growth (a year), pack (typical quantity of a line), elasticity, launched, discontinued (NaT: not in the data)
    - `customers`: customer_code, customer_name, area (row of `areas`), channel, size, weekday (0 Monday: when it
      likes to order)
    """

    areas: pd.DataFrame
    products: pd.DataFrame
    customers: pd.DataFrame


def found_company(rng: np.random.Generator, days: pd.DatetimeIndex) -> Company:
    """Draw the company that trades on `days`."""
    areas = _draw_areas(rng)
    return Company(areas, _draw_products(rng, days), _draw_customers(rng, areas))


def _draw_areas(rng: np.random.Generator) -> pd.DataFrame:
    names = [
        (region, territory, area)
        for region, inner in PLACES.items()
        for territory, all_ in inner.items()
        for area in all_
    ]
    areas = pd.DataFrame(names, columns=["region", "territory", "area"])
    weight = rng.lognormal(0.0, 0.5, len(areas))
    areas["weight"] = weight / weight.sum()
    areas["growth"] = areas["region"].map(REGION_GROWTH) + rng.normal(0.0, 0.02, len(areas))
    return areas


def _draw_products(rng: np.random.Generator, days: pd.DatetimeIndex) -> pd.DataFrame:
    names = [
        (name, category, subcategory, price)
        for category, inner in CATALOGUE.items()
        for subcategory, all_ in inner.items()
        for name, price in all_
    ]
    products = pd.DataFrame(names, columns=["product_name", "category", "subcategory", "list_price"])
    count = len(products)
    products.insert(0, "product_code", [f"P-{number:04d}" for number in range(1001, 1001 + count)])
    weight = rng.lognormal(0.0, 0.6, count) / np.sqrt(products["list_price"].to_numpy() / 10.0)
    products["weight"] = weight / weight.sum()
    products["growth"] = products["category"].map(CATEGORY_GROWTH) + rng.normal(0.0, 0.02, count)
    products["pack"] = np.maximum(1.5, 60.0 / products["list_price"] * rng.uniform(0.7, 1.4, count))
    products["elasticity"] = rng.uniform(0.5, 1.6, count)
    return _draw_lifecycles(rng, products, days)


def _draw_lifecycles(rng: np.random.Generator, products: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Some products appear, others disappear, all in the middle of the data; none does both."""
    chosen = rng.permutation(len(products))[: LAUNCHES + DISCONTINUATIONS]
    start = rng.uniform(0.25, 0.80, LAUNCHES) * len(days)
    end = rng.uniform(0.50, 0.90, DISCONTINUATIONS) * len(days)
    products["launched"] = pd.Series(pd.NaT, index=products.index, dtype="datetime64[ns]")
    products["discontinued"] = pd.Series(pd.NaT, index=products.index, dtype="datetime64[ns]")
    products.loc[chosen[:LAUNCHES], "launched"] = days[start.astype(int)]
    products.loc[chosen[LAUNCHES:], "discontinued"] = days[end.astype(int)]
    return products


def _draw_customers(rng: np.random.Generator, areas: pd.DataFrame) -> pd.DataFrame:
    """Every area has a customer of each channel; the others settle where the area is large."""
    settled = np.repeat(np.arange(len(areas)), len(CHANNELS))
    more = CUSTOMERS - len(settled)
    area = np.concatenate([settled, rng.choice(len(areas), more, p=areas["weight"])])
    channel = np.concatenate(
        [np.tile(np.arange(len(CHANNELS)), len(areas)), rng.choice(len(CHANNELS), more, p=CHANNEL_SHARES)]
    )
    customers = pd.DataFrame({"area": area, "channel": np.array(CHANNELS)[channel]})
    customers["customer_name"] = _customer_names(rng, customers["channel"])
    customers.insert(0, "customer_code", [f"C-{number:04d}" for number in range(1, CUSTOMERS + 1)])
    customers["size"] = rng.lognormal(0.0, 0.7, CUSTOMERS)
    customers["weekday"] = rng.integers(0, 5, CUSTOMERS)
    return customers


def _customer_names(rng: np.random.Generator, channels: pd.Series) -> pd.Series:
    """A name for each customer, used once, that suits its channel."""
    pieces = []
    for channel, last in CUSTOMER_LAST.items():
        members = channels.index[channels == channel]
        pool = [" ".join(pair) for pair in product(CUSTOMER_FIRST, last)]
        chosen = rng.permutation(len(pool))[: len(members)]
        pieces.append(pd.Series([pool[place] for place in chosen], index=members))
    return pd.concat(pieces).sort_index()
