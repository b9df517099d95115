"""What `bench.pages` looks at: 10,000 series of 3 years, forecast from two origins, with what people add to them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from math import sin, tau
from random import Random
from typing import Any

from sqlalchemy.orm import Session

import ml.db.tables  # noqa: F401  (so that the metadata knows every table)
import worker.models  # noqa: F401
from bench.api_data import leaf
from ml.artifacts import ArtifactStore
from ml.db.base import Base, utc_now
from ml.db.bulk import insert_rows
from ml.db.catalog import Customer, Product, Series
from ml.db.imports import Import
from ml.db.keys import hash_key
from ml.db.sales import SalesRaw
from ml.db.session import create_engine, create_sessions
from ml.pipelines.drift import check_drift
from ml.pipelines.forecast import forecast
from ml.pipelines.refresh import refresh_aggregates
from ml.pipelines.train import train
from webapp.auth.permissions import PERMISSIONS
from webapp.models import LoginSession, Role, User
from worker.models import JobRun

FIRST, LAST = date(2023, 1, 1), date(2025, 12, 31)
BEFORE = date(2025, 11, 30)
"""The earlier origin: what was forecast from it for December is compared with what was sold."""
AREAS, PRODUCTS = 100, 100
JOBS, IMPORTS, CUSTOMERS = 2_000, 500, 5_000


def fill(url: str, home: str) -> None:
    """Make the tables and all rows; a few minutes."""
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    with create_sessions(engine)() as session:
        origin = add_beginnings(session)
        leaves = add_series(session)
        session.commit()
        store = ArtifactStore(f"{home}/artifacts")
        add_sales(session, leaves, origin, FIRST, BEFORE)
        refresh_aggregates(session)
        session.commit()
        train(session, store, candidates=["seasonal_naive"])
        forecast(session, store)
        session.commit()
        add_sales(session, leaves, origin, BEFORE + timedelta(days=1), LAST)
        refresh_aggregates(session, BEFORE)
        session.commit()
        forecast(session, store)
        check_drift(session)
        session.commit()
    engine.dispose()


def add_beginnings(session: Session) -> Import:
    """The import that all sales came with, and long lists of jobs, imports and customers."""
    origin = Import(
        filename="made.csv", sequence=IMPORTS, artifact="", sha256="", size=0, dialect={}, mapping={}, state="loaded"
    )
    session.add(origin)
    session.flush()
    begun = utc_now() - timedelta(days=30)
    minutes = [begun + timedelta(minutes=20 * number) for number in range(JOBS)]
    session.add_all(
        JobRun(
            kind=("refresh", "train", "forecast", "clean")[number % 4],
            queue="default",
            state="failed" if number % 50 == 0 else "succeeded",
            arguments={"grain": "monthly"},
            created_at=at,
            run_after=at,
            started_at=at,
            finished_at=at + timedelta(seconds=number % 90),
        )
        for number, at in enumerate(minutes)
    )
    counts = {"rows_total": 900, "rows_loaded": 900, "rows_unchanged": 0, "rows_changed": 0, "rows_rejected": 0}
    same = {"artifact": "", "sha256": "", "size": 90_000, "dialect": {}, "mapping": {}, "state": "loaded", **counts}
    session.add_all(
        Import(
            filename=f"sales-{number}.csv",
            sequence=number,
            created_at=at,
            finished_at=at,
            artifact_deleted_at=at,
            **same,
        )
        for number, at in enumerate(minutes[:IMPORTS])
    )
    codes = [f"K-{number:05}" for number in range(CUSTOMERS)]
    session.add_all(Customer(key=hash_key(code), code=code, name=f"Customer {code}") for code in codes)
    return origin


def add_series(session: Session) -> list[Series]:
    """A leaf for every product in every area: 10 regions of 5 territories of 2 areas, 10 categories of 10 products."""
    codes = [f"P-{number:03}" for number in range(PRODUCTS)]
    products = [
        Product(key=hash_key(code), code=code, name=f"Product {code}", category=f"Category {number % 10}")
        for number, code in enumerate(codes)
    ]
    session.add_all(products)
    session.flush()
    places = [(f"Region {number // 10}", f"Territory {number // 2}", f"Area {number:03}") for number in range(AREAS)]
    leaves = [leaf(place, product) for place in places for product in products]
    session.add_all(leaves)
    session.flush()
    return leaves


def add_sales(session: Session, leaves: list[Series], origin: Import, first: date, last: date) -> None:
    """A sale of every leaf a week, and on the last day, so that the last month is whole."""
    chance = Random(first.toordinal())  # noqa: S311
    days = sorted({*(first + timedelta(days=back) for back in range(0, (last - first).days, 7)), first, last})
    for place in range(AREAS):
        part = leaves[place * PRODUCTS : (place + 1) * PRODUCTS]
        rows = [(row, day) for row in part for day in days]
        size = len(rows)
        factor = {row.id: chance.lognormvariate(0, 0.25) for row in part}  # so that some forecasts miss by much
        names = ("region", "territory", "area", "product_id")
        columns: dict[str, Sequence[Any]] = {
            "row_key": [hash_key("bench", row.id, day) for row, day in rows],
            "sale_date": [day for _, day in rows],
            **{name: [getattr(row, name) for row, _ in rows] for name in names},
            "sales_amount": [
                factor[row.id] * (100 + row.id % 90 + 20 * sin(tau * day.month / 12)) for row, day in rows
            ],
            "sales_qty": [1.0] * size,
            "channel": [""] * size,
            "order_ref": [""] * size,
            "series_id": [row.id for row, _ in rows],
            "import_id": [origin.id] * size,
        }
        insert_rows(session, SalesRaw, columns)


def sign_in(session: Session, role: str) -> LoginSession:
    """A sign-in of somebody with a role."""
    session.add_all(Role(name=name, description=name) for name in PERMISSIONS if session.get(Role, name) is None)
    session.flush()
    user = User(email=f"{uuid.uuid4().hex[:8]}@example.com", name="Load", password_hash="none", role_name=role)  # noqa: S106
    login = LoginSession(id=uuid.uuid4().hex, user=user, expires_at=utc_now() + timedelta(days=1))
    session.add(login)
    session.commit()
    return login
