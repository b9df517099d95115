"""What the tests of imports share: databases of either kind, uploads, and what the tables hold in the end."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from ml.artifacts import ArtifactStore
from ml.db.base import Base
from ml.db.catalog import Customer, Product, Series
from ml.db.imports import Import, RejectedRow
from ml.db.sales import SalesDaily, SalesMonthly, SalesRaw, SalesWeekly
from ml.db.session import create_sessions
from ml.etl import mapping
from ml.etl.sources.files import inspect
from ml.pipelines.ingest import IngestResult, load_import
from tests.conftest import disposing, server_database

KINDS = ("sqlite", "postgresql")
POSTGRESQL = "postgresql+psycopg://root@127.0.0.1:5432/test"
SUPERSTORE = Path(__file__).resolve().parents[2] / "shared" / "data" / "superstore.csv"
HEADER = "Date,Region,State,City,Product ID,Product Name,Category,Customer ID,Order ID,Segment,Amount,Quantity\n"

Sessions = sessionmaker[Session]
AGGREGATES = (SalesDaily, SalesWeekly, SalesMonthly)


class Databases:
    """One database of each kind with all tables, made when it is first asked for, emptied between tests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._sessions: dict[str, Sessions] = {}

    @contextmanager
    def session(self, kind: str) -> Iterator[Session]:
        """A session on an empty database; skips where there is no server of that kind."""
        if kind not in self._sessions:
            url = f"sqlite:///{self._folder / 'etl.db'}" if kind == "sqlite" else self._server()
            engine = self._stack.enter_context(disposing(url))
            Base.metadata.create_all(engine)
            self._sessions[kind] = create_sessions(engine)
        with self._sessions[kind]() as session:
            try:
                yield session
            finally:
                session.rollback()
                for table in reversed(Base.metadata.sorted_tables):
                    session.execute(table.delete())
                session.commit()

    def close(self) -> None:
        """Drop what was made."""
        self._stack.close()

    def _server(self) -> str:
        try:
            return self._stack.enter_context(server_database(POSTGRESQL))
        except sa.exc.OperationalError:
            pytest.skip(f"no PostgreSQL at {POSTGRESQL}")


def sales_csv(rows: int, start: int = 0) -> str:
    """A file of sales over two years: every 10th row is equal to the one before, every 50th has no date."""
    lines = [HEADER]
    for number in range(start, start + rows):
        n = number - 1 if number % 10 == 9 else number
        day = "" if number % 50 == 49 else f"{2022 + n * 7 // 365 % 2}-{1 + n * 5 % 12:02}-{1 + n * 11 % 28:02}"
        place = f"Region {n % 2},State {n % 4},City {n % 8}"
        product = f"P-{n % 13},Product {n % 13 + n % 26 // 25},Group {n % 3}"
        lines.append(f"{day},{place},{product},C-{n % 9},O-{n // 3},{'Web' if n % 2 else 'Shop'},{n % 97}.25,{n % 5}\n")
    return "".join(lines)


def upload(session: Session, store: ArtifactStore, content: str | bytes, **fields: str) -> int:
    """Store a file and its import with the guessed mapping; returns the import's id."""
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    sample = inspect(file, "sales.csv")
    path, checksum, size = store.put_file("uploads", file, ".csv")
    record = Import(
        filename="sales.csv",
        artifact=path,
        sha256=checksum,
        size=size,
        dialect=sample.dialect,
        mapping=mapping.guess(sample.columns, sample.rows) | fields,
        state="queued",
    )
    session.add(record)
    session.commit()
    return record.id


def ingest(session: Session, store: ArtifactStore, content: str | bytes, **fields: str) -> IngestResult:
    """Upload and load a file, wholly."""
    result = load_import(session, store, upload(session, store, content, **fields))
    session.commit()
    return result


def dump(session: Session) -> dict[str, Any]:
    """What an import leaves in the tables, by business codes, since generated ids may differ."""
    sales = (
        sa.select(
            SalesRaw.row_key, SalesRaw.sale_date, SalesRaw.region, SalesRaw.territory, SalesRaw.area, Product.code,
            SalesRaw.sales_amount, SalesRaw.sales_qty, SalesRaw.channel, Customer.code, SalesRaw.order_ref,
            Series.area, Series.category, SalesRaw.import_id,
        )
        .join(Product, Product.id == SalesRaw.product_id)
        .join(Series, Series.id == SalesRaw.series_id)
        .outerjoin(Customer, Customer.id == SalesRaw.customer_id)
    )  # fmt: skip
    queries = {
        "sales": sales,
        "products": sa.select(Product.code, Product.name, Product.category, Product.subcategory),
        "customers": sa.select(Customer.code, Customer.name),
        "series": sa.select(Series.region, Series.territory, Series.area, Product.code, Series.category).join(Product),
        "rejected": sa.select(RejectedRow.row_number, RejectedRow.column, RejectedRow.value, RejectedRow.reason),
        "imports": sa.select(Import.state, Import.rows_loaded, Import.rows_unchanged, Import.rows_rejected),
    }
    return {name: sorted(map(tuple, session.execute(query))) for name, query in queries.items()}


def aggregates(session: Session) -> dict[str, list[Any]]:
    """The rows of the aggregates but for their ids, and the first and last sale of each series."""
    found = {
        entity.__tablename__: sorted(
            map(tuple, session.execute(sa.select(*(c for c in entity.__table__.columns if c.name != "id"))))
        )
        for entity in AGGREGATES
    }
    dates = sa.select(Series.id, Series.first_sale, Series.last_sale).order_by(Series.id)
    return {**found, "series": list(map(tuple, session.execute(dates)))}
