"""Real files load as they are; counts and sums are those that pandas finds in them.

The largest are cut to their first rows here; REAL_FILES=whole loads them in full.
"""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.base import Base
from ml.db.catalog import Product
from ml.db.imports import Import
from ml.db.receivables import Invoice, Payment
from ml.db.sales import SalesDaily, SalesMonthly, SalesRaw, SalesWeekly
from ml.db.session import create_engine, create_sessions
from ml.etl import mapping
from ml.etl.datasets import get_dataset
from ml.etl.sources.files import inspect
from ml.pipelines.ingest import IngestResult, load_import

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
WHOLE = os.environ.get("REAL_FILES") == "whole"
ROWS = 10_000_000 if WHOLE else 60_000

pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not here"),
    pytest.mark.timeout(600 if WHOLE else 120),
]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    engine = create_engine(f"sqlite:///{tmp_path / 'real.db'}")
    Base.metadata.create_all(engine)
    with create_sessions(engine)() as opened:
        yield opened
    engine.dispose()


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(str(tmp_path / "artifacts"))


def content_of(name: str, rows: int = ROWS) -> bytes:
    """A text file of real data, with at most so many rows, packed as it was."""
    path = DATA / name
    if WHOLE or not name.endswith(".gz"):
        return path.read_bytes()
    with gzip.open(path, "rb") as file:
        return gzip.compress(b"".join(line for line, _ in zip(file, range(rows + 1), strict=False)), 1)


def load(
    session: Session, store: ArtifactStore, name: str, content: bytes, dataset: str = "sales", **rules: Any
) -> IngestResult:
    """Load a file under the mapping that is guessed, some of its rules replaced; None leaves a field out."""
    file = io.BytesIO(content)
    sample = inspect(file, name)
    guessed = mapping.guess(sample.columns, sample.rows, get_dataset(dataset)) | rules
    path, checksum, size = store.put_file("uploads", file)
    record = Import(
        filename=name,
        dataset=dataset,
        artifact=path,
        sha256=checksum,
        size=size,
        dialect=sample.dialect,
        mapping={field: rule for field, rule in guessed.items() if rule is not None},
        state="queued",
    )
    session.add(record)
    session.commit()
    result = load_import(session, store, record.id)
    session.commit()
    return result


def sold(session: Session, *where: Any) -> tuple[int, float, float]:
    """Rows, amount and quantity that were loaded."""
    columns = sa.func.count(), sa.func.sum(SalesRaw.sales_amount), sa.func.sum(SalesRaw.sales_qty)
    count, amount, quantity = session.execute(sa.select(*columns).where(*where)).one()
    return count, float(amount or 0), float(quantity or 0)


def check_aggregates(session: Session) -> None:
    """All grains hold what was loaded."""
    rows, amount, quantity = sold(session)
    for table in (SalesDaily, SalesWeekly, SalesMonthly):
        columns = sa.func.sum(table.transactions), sa.func.sum(table.total_sales), sa.func.sum(table.total_qty)
        assert [float(total) for total in session.execute(sa.select(*columns)).one()] == pytest.approx(
            [rows, amount, quantity]
        )


def test_superstore(session: Session, store: ArtifactStore) -> None:
    frame = pd.read_csv(DATA / "superstore.csv", encoding="utf-8-sig", encoding_errors="replace")
    result = load(session, store, "superstore.csv", content_of("superstore.csv"))
    assert (result.rows_loaded, result.rows_rejected) == (len(frame), 0) == (9_994, 0)
    assert sold(session)[1:] == pytest.approx((frame["Sales"].round(4).sum(), frame["Quantity"].sum()))
    assert (str(result.first_date), str(result.last_date)) == ("2014-01-03", "2017-12-30")
    check_aggregates(session)


def test_online_retail_with_cancellations_as_returns_and_rows_without_customer(
    session: Session, store: ArtifactStore
) -> None:
    content = content_of("online_retail.csv.gz")
    frame = pd.read_csv(io.BytesIO(content), compression="gzip", dtype={"InvoiceNo": str, "StockCode": str})
    amount = {"left": "Quantity", "op": "*", "right": "UnitPrice"}
    result = load(session, store, "online_retail.csv.gz", content, sales_amount=amount)
    assert (result.rows_total, result.rows_rejected) == (len(frame), 0)
    value = (frame["Quantity"] * frame["UnitPrice"]).round(4)
    assert sold(session) == pytest.approx((len(frame), value.sum(), frame["Quantity"].sum()))
    returns = frame["Quantity"] < 0
    assert sold(session, SalesRaw.sales_qty < 0)[0] == returns.sum() > 0
    assert (
        sold(session, SalesRaw.order_ref.like("C%"), SalesRaw.sales_amount < 0)[0]
        == (frame["InvoiceNo"].str.startswith("C") & (value < 0)).sum()
    )
    assert sold(session, SalesRaw.customer_id.is_(None))[0] == frame["CustomerID"].isna().sum() > 0
    check_aggregates(session)


def test_store_item_demand(session: Session, store: ArtifactStore) -> None:
    content = content_of("store_item_demand.csv.gz")
    frame = pd.read_csv(io.BytesIO(content), compression="gzip")
    result = load(
        session, store, "store_item_demand.csv.gz", content, area="store", product_code="item", sales_qty=None
    )
    assert (result.rows_loaded, result.rows_rejected) == (len(frame), 0)
    assert sold(session)[1] == frame["sales"].sum()
    check_aggregates(session)


def test_rossmann_with_its_stores(session: Session, store: ArtifactStore) -> None:
    """A store is an area within its type; the file names no product, so that all is one."""
    frame = pd.read_parquet(DATA / "rossmann.parquet")
    if not WHOLE:
        frame = frame.sort_values(["Date", "Store"]).head(ROWS)
    stores = pd.read_csv(DATA / "rossmann_store.csv", low_memory=False)[["Store", "StoreType", "Assortment"]]
    frame = frame.drop(columns=["StoreType", "Assortment"]).merge(stores, on="Store", validate="many_to_one")
    file = io.BytesIO()
    frame.to_parquet(file)
    rules = {
        "region": "StoreType",
        "territory": "Assortment",
        "area": "Store",
        "product_code": {"constant": "All"},
        "sales_qty": "Customers",
    }
    names = ("product_name", "customer_code", "customer_name", "channel", "category", "subcategory", "order_ref")
    result = load(session, store, "rossmann.parquet", file.getvalue(), **rules, **dict.fromkeys(names))
    assert (result.rows_loaded, result.rows_rejected) == (len(frame), 0)
    assert sold(session)[1:] == pytest.approx((frame["Sales"].sum(), frame["Customers"].sum()))
    places = session.execute(sa.select(SalesRaw.area, SalesRaw.region, SalesRaw.territory).distinct()).all()
    expected = frame[["Store", "StoreType", "Assortment"]].drop_duplicates().astype(str)
    assert {tuple(place) for place in places} == set(expected.itertuples(index=False, name=None))
    assert session.scalars(sa.select(Product.code)).all() == ["All"]
    check_aggregates(session)


def test_aus_retail(session: Session, store: ArtifactStore) -> None:
    content = content_of("aus_retail.csv.gz")
    frame = pd.read_csv(io.BytesIO(content), compression="gzip")
    result = load(session, store, "aus_retail.csv.gz", content, product_code="Industry", region="State")
    assert (result.rows_loaded, result.rows_rejected) == (len(frame), 0)
    assert sold(session)[1] == pytest.approx(frame["Turnover"].sum())
    check_aggregates(session)


def test_accounts_receivable_with_dates_month_first(session: Session, store: ArtifactStore) -> None:
    frame = pd.read_csv(DATA / "accounts_receivable.csv", dtype=str)
    result = load(session, store, "accounts_receivable.csv", content_of("accounts_receivable.csv"), dataset="invoices")
    assert (result.rows_loaded, result.rows_rejected) == (len(frame), 0) == (2_466, 0)
    issued = pd.to_datetime(frame["InvoiceDate"], format="%m/%d/%Y").dt.date
    settled = pd.to_datetime(frame["SettledDate"], format="%m/%d/%Y").dt.date
    invoices = session.execute(sa.select(sa.func.min(Invoice.issued_on), sa.func.max(Invoice.issued_on))).one()
    assert tuple(invoices) == (issued.min(), issued.max())
    total = session.scalar(sa.select(sa.func.sum(Invoice.amount)))
    assert float(total) == pytest.approx(frame["InvoiceAmount"].astype(float).sum())
    payments = session.execute(sa.select(sa.func.count(), sa.func.min(Payment.paid_on), sa.func.max(Payment.paid_on)))
    assert tuple(payments.one()) == (len(frame), settled.min(), settled.max())
