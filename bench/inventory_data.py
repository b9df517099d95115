"""What `bench.inventory pipeline` plans: 1,000 products in 100 areas that count their stock, forecast by weeks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

import ml.db.tables  # noqa: F401  (so that the metadata knows every table)
from ml.db.base import Base, utc_now
from ml.db.bulk import insert_rows
from ml.db.catalog import Product, Series
from ml.db.inventory import PurchaseOrder, StockLevel, Supplier, SupplierProduct
from ml.db.keys import hash_key
from ml.db.results import ForecastResult, ForecastRun, ModelVersion
from ml.db.sales import SalesMonthly
from ml.db.session import create_engine, create_sessions
from ml.grains import WEEKLY
from ml.hierarchy import node_key

AREAS, PRODUCTS, SUPPLIERS, WEEKS = 100, 1_000, 50, 13
ITEMS = AREAS * PRODUCTS
LAST = date(2026, 11, 1)
"""A Sunday: the last day of sales."""
AREA = [f"area-{number % AREAS:03d}" for number in range(ITEMS)]
PRODUCT = [1 + number // AREAS for number in range(ITEMS)]


def fill(url: str) -> None:
    """Make the tables and all rows; a minute."""
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    random = np.random.default_rng(0)
    level = random.lognormal(0.0, 1.5, ITEMS)
    with create_sessions(engine)() as session:
        add_products(session, random)
        add_stock(session, random, level)
        add_sales(session, level)
        add_forecast(session, level)
        session.commit()
    engine.dispose()


def add_products(session: Session, random: np.random.Generator) -> None:
    codes = [f"P-{number:05d}" for number in range(PRODUCTS)]
    names = [f"supplier-{number % SUPPLIERS:02d}" for number in range(PRODUCTS)]
    cost = random.lognormal(2.0, 1.0, PRODUCTS)
    columns = {"key": list(map(hash_key, codes)), "code": codes, "name": codes, "cost": cost.tolist()}
    insert_rows(session, Product, {**columns, "price": (cost * 1.5).tolist(), "supplier": names})
    whole = names[:SUPPLIERS]
    week = {"order_days": ["Mon, Thu"] * SUPPLIERS, "delivery_days": ["Mon-Fri"] * SUPPLIERS}
    insert_rows(session, Supplier, {"key": list(map(hash_key, whole)), "name": whole, **week})
    terms = {"product_id": list(range(1, PRODUCTS + 1)), "pack_size": random.integers(1, 13, PRODUCTS).tolist()}
    terms["lead_time_days"] = random.integers(2, 22, PRODUCTS).tolist()
    insert_rows(session, SupplierProduct, {"key": [hash_key("t", code) for code in codes], "supplier": names, **terms})


def add_stock(session: Session, random: np.random.Generator, level: np.ndarray) -> None:
    """A count of every item, and an open order for every third."""
    items = range(ITEMS)
    held = np.floor(level * random.uniform(0, 40, ITEMS)).tolist()
    columns = {"area": AREA, "product_id": PRODUCT, "on_hand": held, "day": [LAST] * ITEMS}
    insert_rows(session, StockLevel, {"key": [hash_key("l", item) for item in items], **columns})
    some = items[::3]
    due = random.integers(1, 30, len(some)).tolist()
    orders = {
        "area": AREA[::3], "product_id": PRODUCT[::3], "order_ref": [f"PO-{item}" for item in some],
        "supplier": [f"supplier-{(PRODUCT[item] - 1) % SUPPLIERS:02d}" for item in some],
        "ordered_on": [LAST - timedelta(days=3)] * len(some), "qty_ordered": (level[::3] * 10).tolist(),
        "expected_on": [LAST + timedelta(days=days) for days in due],
    }  # fmt: skip
    insert_rows(session, PurchaseOrder, {"key": [hash_key("o", item) for item in some], **orders})


def add_sales(session: Session, level: np.ndarray) -> None:
    """The series, and a month of sales of each: what units are worth."""
    keys = [node_key("area", "product", "North", "N", area, number) for area, number in zip(AREA, PRODUCT, strict=True)]
    same: dict[str, Sequence[Any]] = {
        "region": ["North"] * ITEMS,
        "territory": ["N"] * ITEMS,
        "area": AREA,
        "product_id": PRODUCT,
    }
    kind: dict[str, Sequence[Any]] = {
        "location_level": ["area"] * ITEMS,
        "product_level": ["product"] * ITEMS,
        "last_sale": [LAST] * ITEMS,
    }
    insert_rows(session, Series, {"key": keys, **same, **kind})
    sums = {"total_qty": (level * 30).tolist(), "total_sales": (level * 300).tolist(), "transactions": [1] * ITEMS}
    month: dict[str, Sequence[Any]] = {"year": [2026] * ITEMS, "month": [10] * ITEMS, "yearmonth": ["2026-10"] * ITEMS}
    insert_rows(session, SalesMonthly, {**same, **sums, **month, "series_id": list(range(1, ITEMS + 1))})


def add_forecast(session: Session, level: np.ndarray) -> None:
    """A published forecast of each item for thirteen weeks, in currency."""
    start = WEEKLY.start(LAST)
    model = ModelVersion(
        model_name="sales-weekly", model_type="made", version=1, path="", metrics={}, grain="weekly", alias="champion",
        slot="weekly", location_level="area", product_level="product", parameters={}, features=[], data_from=start,
        data_to=start, series_count=ITEMS, checksum="", libraries={},
    )  # fmt: skip
    session.add(model)
    session.flush()
    run = ForecastRun(
        grain="weekly", slot="weekly", state="published", model_id=model.id, as_of=start, horizon=WEEKS,
        location_level="area", product_level="product", published_at=utc_now(),
    )  # fmt: skip
    session.add(run)
    session.flush()
    mean = level * 70.0
    shares = {"mean": 1.0, "p025": 0.4, "p10": 0.6, "p25": 0.8, "p50": 1.0, "p75": 1.2, "p90": 1.4, "p975": 1.8}
    values = {name: (mean * share).tolist() for name, share in shares.items()}
    for ahead in range(1, WEEKS + 1):
        same = {"run_id": run.id, "grain": "weekly", "period": WEEKLY.shift(start, ahead), "as_of": start}
        rows = {name: [value] * ITEMS for name, value in {**same, "model_version": "sales-weekly/1"}.items()}
        insert_rows(session, ForecastResult, {**rows, **values, "series_id": list(range(1, ITEMS + 1))})
