"""Order lines drawn from expected demand, with their customers, quantities and amounts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.demo.company import Company
from ml.demo.demand import years_since_start
from ml.demo.market import Floats, Market, discount_matrix, price_matrix
from ml.demo.names import CHANNELS

Integers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

CHANNEL_GROWTH = {"Retail": 0.0, "Wholesale": 0.02, "Online": 0.22}  # a year, at the others' cost
CHANNEL_PRICE = {"Retail": 1.0, "Wholesale": 0.88, "Online": 1.04}  # of the list price
CHANNEL_PACK = {"Retail": 1.0, "Wholesale": 2.6, "Online": 0.6}  # of the product's typical quantity
FAVOURITE_DAY = 5.0  # how much likelier a customer orders on its own weekday
QUANTITY_NOISE = 0.4


def draw_sales(
    rng: np.random.Generator, company: Company, market: Market, days: pd.DatetimeIndex, expected: Floats
) -> pd.DataFrame:
    """Order lines, sorted by day, customer and product; the columns are those of the CSV file."""
    counts = rng.poisson(expected)
    area, article, day = (np.repeat(place, counts[counts > 0]) for place in np.nonzero(counts))
    customer = _choose_customers(rng, company, area, day, days)
    order = np.lexsort((article, customer, day))
    area, article, day, customer = area[order], article[order], day[order], customer[order]
    quantity = _draw_quantities(rng, company, article, customer)
    amount = _unit_prices(company, market, days)[_channel_codes(company)[customer], article, day] * quantity
    return pd.DataFrame(
        {
            "sale_date": days[day],
            "order_ref": _order_refs(day, customer),
            **_named(company.areas, area, "region", "territory", "area"),
            **_named(company.customers, customer, "customer_code", "customer_name", "channel"),
            **_named(company.products, article, "product_code", "product_name", "category", "subcategory"),
            "sales_qty": quantity,
            "sales_amount": amount.round(2),
        }
    )


def _choose_customers(
    rng: np.random.Generator, company: Company, area: Integers, day: Integers, days: pd.DatetimeIndex
) -> Integers:
    """A customer of the line's area: by size, its channel's growth, and its favourite weekday."""
    customers = company.customers
    growth = (1.0 + customers["channel"].map(CHANNEL_GROWTH).to_numpy())[:, None] ** years_since_start(days)
    favourite = customers["weekday"].to_numpy()[:, None] == days.weekday.to_numpy()
    weight = customers["size"].to_numpy()[:, None] * growth * np.where(favourite, FAVOURITE_DAY, 1.0)
    chance = rng.random(len(area))
    chosen = np.empty(len(area), dtype=np.int64)
    for place in range(len(company.areas)):
        members = np.flatnonzero(customers["area"] == place)
        lines = np.flatnonzero(area == place)
        up_to = np.cumsum(weight[members], axis=0)
        shares = (up_to / up_to[-1])[:-1, day[lines]]
        chosen[lines] = members[(chance[lines] > shares).sum(axis=0)]
    return chosen


def _draw_quantities(rng: np.random.Generator, company: Company, article: Integers, customer: Integers) -> Integers:
    pack = company.customers["channel"].map(CHANNEL_PACK) * np.sqrt(company.customers["size"])
    typical = company.products["pack"].to_numpy()[article] * pack.to_numpy()[customer]
    drawn = np.rint(typical * rng.lognormal(0.0, QUANTITY_NOISE, len(article)))
    return np.asarray(np.maximum(1, drawn.astype(np.int64)))


def _unit_prices(company: Company, market: Market, days: pd.DatetimeIndex) -> Floats:
    """What a unit costs, to the cent, shape (channels, products, days)."""
    discounted = price_matrix(market, company.products, days) * (1.0 - discount_matrix(market, company.products, days))
    factors = np.array([CHANNEL_PRICE[channel] for channel in CHANNELS])
    return np.asarray((factors[:, None, None] * discounted).round(2))


def _channel_codes(company: Company) -> Integers:
    return np.asarray(pd.Index(CHANNELS).get_indexer(pd.Index(company.customers["channel"])))


def _order_refs(day: Integers, customer: Integers) -> pd.Categorical:
    """One order a customer and day, numbered from 1 on; the lines must be sorted by both."""
    is_new = np.r_[True, (day[1:] != day[:-1]) | (customer[1:] != customer[:-1])]
    names = pd.Index([f"SO-{number:07d}" for number in range(1, int(is_new.sum()) + 1)])
    return pd.Categorical.from_codes((np.cumsum(is_new) - 1).tolist(), names)


def _named(table: pd.DataFrame, place: Integers, *columns: str) -> dict[str, pd.Categorical]:
    """Columns of a structure table, spread over the lines."""
    named = {}
    for column in columns:
        code, names = pd.factorize(table[column])
        named[column] = pd.Categorical.from_codes(code[place].tolist(), names)
    return named
