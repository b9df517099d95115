"""A checked file on its way into `sales_raw`: staged in chunks, then moved in one short transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import insert_rows, lock_for_writing, move_missing
from ml.db.imports import RejectedRow
from ml.db.sales import SalesRaw, SalesStaging
from ml.errors import ConflictError
from ml.etl.catalog import disagreements, ensure_customers, ensure_leaves, ensure_products
from ml.etl.check import CheckedFile
from ml.progress import Progress, silent

Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Ids:
    """What the positions in a checked file's rows stand for in the database, as arrays to index."""

    customer: Values
    """Ids, and a null at the end, which position -1 finds."""
    series: Values
    product: Values
    """By leaf, like the three below."""
    region: Values
    territory: Values
    area: Values


def resolve(session: Session, checked: CheckedFile) -> Ids:
    """Find or make the products, customers and series of a file; the caller commits.

    Products that are known under another name or category keep it; the file's conflicts then list both.
    """
    products = ensure_products(session, checked.products)
    checked.report(disagreements(checked.products, products))
    customers = ensure_customers(session, checked.customers)
    series = ensure_leaves(session, checked.leaves, products)
    places = [np.array([place[part] for place, _ in checked.leaves], dtype=object) for part in range(3)]
    owned = np.array([products[product].id for _, product in checked.leaves], dtype=np.int64)
    return Ids(np.array([*customers, None], dtype=object), np.array(series, dtype=np.int64), owned, *places)


def clear(session: Session, import_id: int) -> None:
    """Forget what an earlier attempt staged and rejected; the caller commits."""
    clear_staging(session, import_id)
    session.execute(sa.delete(RejectedRow).where(RejectedRow.import_id == import_id))


def clear_staging(session: Session, import_id: int) -> None:
    """Empty the staging table of one import; the caller commits."""
    others = sa.select(SalesStaging.id).where(SalesStaging.import_id != import_id).order_by(SalesStaging.id).limit(1)
    mine = sa.delete(SalesStaging)  # all at once is much faster, where nobody else's rows are there
    shared = session.scalar(others) is not None
    session.execute(mine.where(SalesStaging.import_id == import_id) if shared else mine)


def reject(session: Session, import_id: int, checked: CheckedFile) -> None:
    """Store the rejected rows of a file, committing each chunk."""
    for batch in checked.rejections.read():
        columns = {name: batch.column(name).to_pylist() for name in batch.schema.names}
        columns["row"] = [json.loads(row) for row in columns["row"]]
        insert_rows(session, RejectedRow, {"import_id": [import_id] * batch.num_rows, **columns})
        session.commit()


def stage(session: Session, import_id: int, checked: CheckedFile, ids: Ids, progress: Progress = silent) -> None:
    """Write the good rows of a file to the staging table, committing each chunk."""
    done = 0
    for batch in checked.rows.read():
        columns = _columns(batch, ids, import_id)
        insert_rows(session, SalesStaging, columns)
        session.commit()
        done += batch.num_rows
        progress("loading", done, checked.rows.rows)


def publish(session: Session, import_id: int, expected: int) -> int:
    """Move staged rows that are new to `sales_raw` and empty the staging table; returns how many were new.

    The caller commits. Raises ConflictError where not exactly `expected` rows are staged.
    """
    staged = sa.select(SalesStaging).where(SalesStaging.import_id == import_id).subquery()
    found = session.scalar(sa.select(sa.func.count()).select_from(staged))
    if found != expected:
        raise ConflictError(
            f"import {import_id} has {found} staged rows, expected {expected}: another job works on the same import. "
            "Start it again when that has ended."
        )
    lock_for_writing(session, SalesRaw)
    moved = move_missing(session, SalesRaw, staged, "row_key")
    clear_staging(session, import_id)
    return moved


def _columns(batch: Any, ids: Ids, import_id: int) -> dict[str, list[Any]]:
    """A spooled batch as columns of the staging table."""
    leaf = batch.column("leaf").to_numpy()
    same = ("row_key", "sale_date", "sales_amount", "sales_qty", "channel", "order_ref")
    return {
        **{name: batch.column(name).to_pylist() for name in same},
        "customer_id": ids.customer[batch.column("customer").to_numpy()].tolist(),
        "series_id": ids.series[leaf].tolist(),
        "product_id": ids.product[leaf].tolist(),
        "region": ids.region[leaf].tolist(),
        "territory": ids.territory[leaf].tolist(),
        "area": ids.area[leaf].tolist(),
        "import_id": [import_id] * batch.num_rows,
    }
