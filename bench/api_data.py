"""What `bench.api` asks for: 1,000 series of 3 years with a published forecast, and signed-in users."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from math import sin, tau

import sqlalchemy as sa
from sqlalchemy.orm import Session

import ml.db.tables  # noqa: F401  (so that the metadata knows every table)
import worker.models  # noqa: F401
from ml.artifacts import ArtifactStore
from ml.db.base import Base, utc_now
from ml.db.bulk import insert_rows
from ml.db.catalog import Product, Series
from ml.db.imports import Import
from ml.db.keys import hash_key
from ml.db.sales import SalesRaw
from ml.db.session import create_engine, create_sessions
from ml.hierarchy import node_key
from ml.pipelines.forecast import forecast
from ml.pipelines.refresh import refresh_aggregates
from ml.pipelines.train import train
from ml.progress import silent
from webapp.models import LoginSession, Role, User

REGIONS = [f"Region {number}" for number in range(5)]
PLACES = [(region, f"{region} T{t}", f"{region} T{t} A{a}") for region in REGIONS for t in range(2) for a in range(2)]
PRODUCTS = [f"P-{number:02}" for number in range(50)]
FIRST, WEEKS = date(2023, 1, 1), 157


def fill(url: str, home: str) -> None:
    """Make the tables, and weekly sales of 20 areas and 50 products from 2023 to 2025, forecast for a year."""
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    with create_sessions(engine)() as session:
        add_sales(session)
        refresh_aggregates(session, None, None, silent)
        session.commit()
        store = ArtifactStore(f"{home}/artifacts")
        train(session, store, candidates=["seasonal_naive"])
        forecast(session, store)
        session.commit()
        session.execute(sa.text("ANALYZE"))  # which a server does by itself, within minutes
        session.commit()
    engine.dispose()


def add_sales(session: Session) -> None:
    origin = Import(filename="made.csv", artifact="", sha256="", size=0, dialect={}, mapping={}, state="loaded")
    products = [Product(key=hash_key(code), code=code, name=code, category=category_of(code)) for code in PRODUCTS]
    session.add_all([origin, *products])
    session.flush()
    leaves = [leaf(place, product) for place in PLACES for product in products]
    session.add_all(leaves)
    session.flush()
    days = [min(FIRST + timedelta(weeks=week), date(2025, 12, 31)) for week in range(WEEKS)]
    rows = [(row, day) for row in leaves for day in days]
    size = len(rows)
    insert_rows(
        session,
        SalesRaw,
        {
            "row_key": [hash_key("bench", number) for number in range(size)],
            "sale_date": [day for _, day in rows],
            **{name: [getattr(row, name) for row, _ in rows] for name in ("region", "territory", "area", "product_id")},
            "sales_amount": [100 + row.id % 90 + 20 * sin(tau * day.month / 12) for row, day in rows],
            "sales_qty": [1.0] * size,
            "channel": [""] * size,
            "order_ref": [""] * size,
            "series_id": [row.id for row, _ in rows],
            "import_id": [origin.id] * size,
        },
    )


def category_of(code: str) -> str:
    """The category of a product."""
    return f"C{code[-1]}"


def leaf(place: tuple[str, str, str], product: Product) -> Series:
    region, territory, area = place
    return Series(
        key=node_key("area", "product", region, territory, area, product.id),
        location_level="area",
        product_level="product",
        region=region,
        territory=territory,
        area=area,
        product_id=product.id,
    )


def open_sign_ins(env: dict[str, str], count: int) -> list[str]:
    """Access tokens of so many sign-ins of a planner."""
    from webapp import create_app  # noqa: PLC0415  (only this part needs the web app)
    from webapp.auth import CurrentUser  # noqa: PLC0415
    from webapp.auth.tokens import access_token  # noqa: PLC0415
    from webapp.extensions import db  # noqa: PLC0415

    app = create_app(env)
    with app.test_request_context():
        session = db.session()
        session.add(Role(name="planner", description="planner"))
        user = User(email="load@example.com", name="Load", password_hash="none", role_name="planner")  # noqa: S106
        session.add(user)
        session.flush()
        expires = utc_now() + timedelta(hours=1)
        ids = [uuid.uuid4().hex for _ in range(count)]
        session.add_all(LoginSession(id=one, user_id=user.id, expires_at=expires) for one in ids)
        session.commit()
        logins = session.scalars(sa.select(LoginSession)).all()
        tokens = [access_token(CurrentUser.of(login)) for login in logins]
        db.engine.dispose()
    return tokens
