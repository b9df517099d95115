"""What happens to the demo company: holidays, price changes, promotions, stockouts; and each as an array over days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from dateutil.easter import easter  # type: ignore[import-untyped]

from ml.demo.company import Company

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

PROMOTIONS_A_YEAR = 4.0  # of a product
UPLIFT_ELASTICITY = 2.4  # lines grow with (1 - discount) ** -2.4 while a promotion runs
DIP, DIP_DAYS = 0.85, 10  # afterwards customers sit on stock
STOCKOUTS_A_YEAR = 0.5  # of a product in an area
SUPPLY_FAILURES = 8  # a product missing everywhere


@dataclass(frozen=True)
class Market:
    """Everything that moves demand beside trend and season; both ends of an interval are included.

    - `holidays`: day, name
    - `prices`: product_code, valid_from, list_price
    - `promotions`: product_code, start, end, discount (a share)
    - `stockouts`: area, product_code, start, end
    """

    holidays: pd.DataFrame
    prices: pd.DataFrame
    promotions: pd.DataFrame
    stockouts: pd.DataFrame


def open_market(rng: np.random.Generator, company: Company, days: pd.DatetimeIndex) -> Market:
    """Draw the events of `days`."""
    return Market(
        holidays=list_holidays(days),
        prices=_draw_prices(rng, company.products, days),
        promotions=_draw_promotions(rng, company.products, days),
        stockouts=_draw_stockouts(rng, company, days),
    )


def list_holidays(days: pd.DatetimeIndex) -> pd.DataFrame:
    """The days on which nearly nothing is sold."""
    rows = []
    for year in range(days[0].year, days[-1].year + 1):
        sunday = pd.Timestamp(easter(year))
        rows += [
            (pd.Timestamp(year, 1, 1), "New Year's Day"),
            (sunday - pd.Timedelta(days=2), "Good Friday"),
            (sunday + pd.Timedelta(days=1), "Easter Monday"),
            (pd.Timestamp(year, 5, 1), "Labour Day"),
            (pd.Timestamp(year, 12, 25), "Christmas Day"),
            (pd.Timestamp(year, 12, 26), "Second Christmas Day"),
        ]
    holidays = pd.DataFrame(rows, columns=["day", "name"])
    return holidays[holidays["day"].isin(days)].reset_index(drop=True)


def price_matrix(market: Market, products: pd.DataFrame, days: pd.DatetimeIndex) -> Floats:
    """List prices, shape (products, days)."""
    wide = market.prices.pivot(index="valid_from", columns="product_code", values="list_price")
    filled = wide.reindex(wide.index.union(days)).ffill().loc[days, products["product_code"]]
    return np.asarray(filled.to_numpy().T, dtype=np.float64)


def discount_matrix(market: Market, products: pd.DataFrame, days: pd.DatetimeIndex) -> Floats:
    """Discounts as shares, 0 where no promotion runs; shape (products, days)."""
    discounts = np.zeros((len(products), len(days)))
    for row, first, last, discount in _intervals(market.promotions, products, days):
        discounts[row, first : last + 1] = discount
    return discounts


def promotion_effect(market: Market, products: pd.DataFrame, days: pd.DatetimeIndex) -> Floats:
    """The factor on order lines during promotions and in the days after them; shape (products, days)."""
    effect = np.ones((len(products), len(days)))
    for row, _, last, _ in _intervals(market.promotions, products, days):
        effect[row, last + 1 : last + 1 + DIP_DAYS] = DIP
    discounts = discount_matrix(market, products, days)
    return np.where(discounts > 0, (1.0 - discounts) ** -UPLIFT_ELASTICITY, effect)


def stockout_mask(market: Market, company: Company, days: pd.DatetimeIndex) -> Flags:
    """True where nothing can be sold; shape (areas, products, days)."""
    mask = np.zeros((len(company.areas), len(company.products), len(days)), dtype=bool)
    areas = pd.Index(company.areas["area"]).get_indexer(market.stockouts["area"])
    rows = _intervals(market.stockouts.assign(discount=0.0), company.products, days)
    for area, (row, first, last, _) in zip(areas, rows, strict=True):
        mask[area, row, first : last + 1] = True
    return mask


def _intervals(
    events: pd.DataFrame, products: pd.DataFrame, days: pd.DatetimeIndex
) -> list[tuple[int, int, int, float]]:
    """Events as (row of the product, first day, last day, discount), days counted from the first."""
    row = pd.Index(products["product_code"]).get_indexer(events["product_code"])
    first = (events["start"] - days[0]).dt.days
    last = (events["end"] - days[0]).dt.days
    return list(zip(row.tolist(), first.tolist(), last.tolist(), events["discount"].tolist(), strict=True))


def _draw_prices(rng: np.random.Generator, products: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    """The first list price, then a rise in most Januaries and a change in some Julys."""
    codes, current = products["product_code"], products["list_price"].to_numpy()
    tables = [pd.DataFrame({"product_code": codes, "valid_from": days[0], "list_price": current})]
    for month in days[1:][(days[1:].day == 1) & days[1:].month.isin([1, 7])]:
        likely, mean = (0.85, 0.04) if month.month == 1 else (0.30, 0.01)
        changes = rng.random(len(codes)) < likely
        current = np.where(changes, current * (1.0 + rng.normal(mean, 0.02, len(codes))), current).round(2)
        tables.append(
            pd.DataFrame({"product_code": codes[changes], "valid_from": month, "list_price": current[changes]})
        )
    return pd.concat(tables, ignore_index=True)


def _draw_promotions(rng: np.random.Generator, products: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Promotions of one or two weeks from a Monday on; those of one product never overlap."""
    rows = []
    spacing = 365.25 / PROMOTIONS_A_YEAR
    for code in products["product_code"]:
        start = rng.uniform(0, spacing)
        while start < len(days):
            day = days[int(start)]
            monday = day - pd.Timedelta(days=day.weekday())
            weeks, discount = int(rng.integers(1, 3)), float(rng.choice([0.10, 0.15, 0.20, 0.25, 0.30]))
            rows.append((code, max(monday, days[0]), monday + pd.Timedelta(days=7 * weeks - 1), discount))
            start += spacing * rng.uniform(0.6, 1.4)
    return pd.DataFrame(rows, columns=["product_code", "start", "end", "discount"])


def _draw_stockouts(rng: np.random.Generator, company: Company, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Local stockouts of a few days to weeks, and failures of a supplier that empty every area for weeks."""
    areas, codes = company.areas["area"].to_numpy(), company.products["product_code"].to_numpy()
    local = rng.poisson(STOCKOUTS_A_YEAR * len(days) / 365.25 * len(areas) * len(codes))
    area, code = rng.integers(0, len(areas), local), rng.integers(0, len(codes), local)
    start, length = rng.integers(0, len(days), local), rng.integers(5, 26, local)
    failures = rng.permutation(len(codes))[:SUPPLY_FAILURES]
    failure_start, failure_length = rng.integers(0, len(days), SUPPLY_FAILURES), rng.integers(14, 36, SUPPLY_FAILURES)
    area = np.concatenate([area, np.tile(np.arange(len(areas)), SUPPLY_FAILURES)])
    code = np.concatenate([code, np.repeat(failures, len(areas))])
    start = np.concatenate([start, np.repeat(failure_start, len(areas))])
    length = np.concatenate([length, np.repeat(failure_length, len(areas))])
    end = np.minimum(start + length, len(days)) - 1
    return pd.DataFrame({"area": areas[area], "product_code": codes[code], "start": days[start], "end": days[end]})
