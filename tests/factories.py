"""Small sales histories in the database, for tests of what is built on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.db.imports import Import
from ml.db.keys import hash_key
from ml.db.sales import SalesRaw
from ml.grains import MONTHLY
from ml.hierarchy import node_key
from ml.pipelines.refresh import refresh_aggregates
from ml.progress import silent


@dataclass(frozen=True)
class Sale:
    """One row of sales."""

    day: date
    amount: float
    region: str = "North"
    territory: str = "N1"
    area: str = "Ayton"
    product: str = "P-1"
    category: str = "Tools"
    subcategory: str = ""
    units: float = 1.0


PLACES = (("North", "N1", "Ayton"), ("North", "N1", "Beeford"), ("North", "N2", "Corby"), ("South", "S1", "Derwent"))
PRODUCTS = (("P-1", "Tools"), ("P-2", "Tools"), ("P-3", "Paint"))


def monthly_sales(months: int, first: date = date(2022, 1, 1)) -> Iterator[Sale]:
    """Weekly sales of 4 areas and 3 products, with a season; the first and last day of each month sell."""
    for back in range(months):
        start = MONTHLY.shift(first, back)
        selling = (*(start + timedelta(weeks=week) for week in range(4)), MONTHLY.last_day(start))
        for i, (region, territory, area) in enumerate(PLACES):
            for j, (product, category) in enumerate(PRODUCTS):
                amount = 100.0 * (1 + i) + 10 * j + 20 * (start.month % 6)
                for day in selling:
                    yield Sale(day, amount, region, territory, area, product, category)


def load_sales(session: Session, sales: Iterable[Sale]) -> None:
    """Insert sales with their products and leaf series, aggregate them, commit."""
    origin = Import(filename="made.csv", artifact="", sha256="", size=0, dialect={}, mapping={}, state="loaded")
    session.add(origin)
    session.flush()
    leaves: dict[tuple[str, ...], tuple[Product, Series]] = {}
    for number, sale in enumerate(sales):
        names = {"region": sale.region, "territory": sale.territory, "area": sale.area}
        leaf = (*names.values(), sale.product)
        if leaf not in leaves:
            product = ensure_product(session, sale)
            leaves[leaf] = product, ensure_leaf(session, product, names)
        product, series = leaves[leaf]
        session.add(
            SalesRaw(
                row_key=hash_key("made", origin.id, number), sale_date=sale.day, **names,
                product_id=product.id, sales_amount=sale.amount, sales_qty=sale.units, channel="", order_ref="",
                series_id=series.id, import_id=origin.id,
            )
        )  # fmt: skip
    session.flush()
    refresh_aggregates(session, None, None, silent)
    session.commit()


def ensure_product(session: Session, sale: Sale) -> Product:
    """The product of a sale, made where it is new."""
    found = session.scalar(sa.select(Product).where(Product.key == hash_key(sale.product)))
    if found is None:
        found = Product(
            key=hash_key(sale.product), code=sale.product, name=f"Product {sale.product}",
            category=sale.category, subcategory=sale.subcategory,
        )  # fmt: skip
        session.add(found)
        session.flush()
    return found


def ensure_leaf(session: Session, product: Product, names: dict[str, Any]) -> Series:
    """The area x product series of a sale, made where it is new."""
    key = node_key("area", "product", *names.values(), product.id)
    found = session.scalar(sa.select(Series).where(Series.key == key))
    if found is None:
        found = Series(key=key, location_level="area", product_level="product", product_id=product.id, **names)
        session.add(found)
        session.flush()
    return found
