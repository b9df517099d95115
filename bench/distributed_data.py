"""What `bench.distributed` computes on: weekly series in a PostgreSQL database of its own, and a champion for them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

import ml.db.tables  # noqa: F401  (so that the metadata knows every table)
import webapp.models  # noqa: F401
import worker.models  # noqa: F401
from ml.artifacts import ArtifactStore
from ml.db.base import Base
from ml.db.bulk import insert_rows, insert_select
from ml.db.catalog import Product, Series
from ml.db.keys import hash_key
from ml.db.sales import SalesDaily, SalesWeekly
from ml.db.session import create_engine, create_sessions, parse_url
from ml.hierarchy import node_key
from ml.pipelines.train import train

PERIODS = 156
FIRST = date(2023, 1, 2)
PRODUCTS = 1_000
LEARNED = 5
"""Areas (of 1,000 products each) that the champion learns from before the others come: its training is bounded."""


@contextmanager
def own_database(server: str) -> Iterator[str]:
    """The address of a new database with all tables, dropped in the end."""
    name = f"forecastle_bench_{uuid.uuid4().hex[:12]}"
    admin = create_engine(server)
    try:
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
            try:
                url = parse_url(server).set(database=name).render_as_string(hide_password=False)
                engine = create_engine(url)
                Base.metadata.create_all(engine)
                engine.dispose()
                yield url
            finally:
                connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        admin.dispose()


def fill(url: str, home: str, areas: int, learned: int = LEARNED) -> None:
    """`areas` areas of 1,000 products with a sale in each of 156 weeks, and a champion of the first `learned`."""
    engine = create_engine(url)
    with create_sessions(engine)() as session:
        products = add_products(session)
        add_areas(session, products, range(min(areas, learned)))
        add_days(session)
        session.commit()
        train(session, ArtifactStore(f"{home}/artifacts"), "weekly", candidates=["lightgbm"], threads=1)
        session.commit()
        for area in range(learned, areas):
            copy_area(session, products, area % learned, area)
            session.commit()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()


def add_products(session: Session) -> list[int]:
    """Products of 25 categories; their numbers."""
    codes = [f"P-{number:04}" for number in range(PRODUCTS)]
    names = {"code": codes, "name": codes, "category": [f"Category {number % 25}" for number in range(PRODUCTS)]}
    insert_rows(session, Product, {"key": [hash_key(code) for code in codes], **names})
    return list(session.scalars(sa.select(Product.id).order_by(Product.code)))


def place(area: int) -> tuple[str, str, str]:
    """Ten areas a territory, five territories a region."""
    return f"Region {area // 50:02}", f"Territory {area // 10:03}", f"Area {area:04}"


def add_leaves(session: Session, products: Sequence[int], areas: Sequence[int]) -> pd.DataFrame:
    """A series for each area and product: their numbers and names."""
    rows = [(*place(area), product) for area in areas for product in products]
    names: dict[str, Sequence[Any]] = dict(
        zip(("region", "territory", "area", "product_id"), zip(*rows, strict=True), strict=True)
    )
    keys = [node_key("area", "product", *row) for row in rows]
    levels = {"location_level": ["area"] * len(rows), "product_level": ["product"] * len(rows)}
    insert_rows(session, Series, {"key": keys, **levels, **names})
    query = sa.select(Series.id, Series.region, Series.territory, Series.area, Series.product_id)
    query = query.where(Series.area.in_([place(area)[2] for area in areas]), Series.product_level == "product")
    return pd.DataFrame(
        session.execute(query).all(), columns=["series_id", "region", "territory", "area", "product_id"]
    )


def add_areas(session: Session, products: Sequence[int], areas: Sequence[int]) -> None:
    """The weeks of some areas: many sizes, a yearly season, a trend and noise, always the same ones."""
    leaves = add_leaves(session, products, areas)
    count, weeks = len(leaves), np.arange(PERIODS)
    random = np.random.default_rng(areas[0])
    kind = leaves["product_id"].to_numpy()
    peak = 0.4 * np.sin(2 * np.pi * (weeks[None, :] / 52 + (kind % 7)[:, None] / 7))
    trend = (kind % 5 - 2)[:, None] * 0.001 * weeks[None, :]
    y = 10.0 ** (1 + kind % 3)[:, None] * np.exp(peak + trend + random.normal(0.0, 0.25, (count, PERIODS)))
    starts = [FIRST + timedelta(weeks=week) for week in range(PERIODS)]
    names = {str(name): np.repeat(leaves[name].to_numpy(), PERIODS).tolist() for name in leaves}
    ones = np.ones(count * PERIODS)
    names |= {"week_start": starts * count, "total_sales": y.ravel().round(2).tolist()}
    names |= {"total_qty": ones.tolist(), "transactions": ones.astype(int).tolist()}
    insert_rows(session, SalesWeekly, names)


def copy_area(session: Session, products: Sequence[int], like: int, area: int) -> None:
    """The weeks of an area that sells like another, but for noise: made within the server, which takes seconds."""
    add_leaves(session, products, [area])
    old, new = aliased(Series), aliased(Series)
    noise = 1 + 0.4 * (sa.func.random() - 0.5)
    columns: list[Any] = [new.id, new.region, new.territory, new.area, new.product_id]
    columns += [SalesWeekly.week_start, SalesWeekly.total_sales * noise, SalesWeekly.total_qty]
    rows = sa.select(*columns, SalesWeekly.transactions).join(old, old.id == SalesWeekly.series_id)
    rows = rows.join(new, new.product_id == old.product_id).where(*of_area(old, like), *of_area(new, area))
    session.execute(sa.select(sa.func.setseed(area / 1e4)))
    names = ["series_id", "region", "territory", "area", "product_id", "week_start", "total_sales", "total_qty"]
    insert_select(session, SalesWeekly, [*names, "transactions"], rows)


def of_area(series: Any, area: int) -> list[Any]:
    """The leaves of an area."""
    named = zip((series.region, series.territory, series.area), place(area), strict=True)
    return [*(column == name for column, name in named), series.product_level == "product"]


def add_days(session: Session) -> None:
    """A sale on each day of one series: which weeks the data covers is read there."""
    leaf = session.scalars(sa.select(Series).order_by(Series.id)).first()
    assert leaf is not None
    days = [FIRST + timedelta(days=day) for day in range(7 * PERIODS)]
    size = len(days)
    names = {name: [getattr(leaf, name)] * size for name in ("region", "territory", "area", "product_id")}
    figures: dict[str, list[Any]] = {"total_sales": [1.0] * size, "total_qty": [1.0] * size, "transactions": [1] * size}
    insert_rows(session, SalesDaily, {"sale_date": days, "series_id": [leaf.id] * size, **names, **figures})
