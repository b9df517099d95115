"""Records in their tables: read by key, written many at a time, removed unless something refers to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import Base
from ml.db.bulk import in_lists, insert_rows, table_of
from ml.db.catalog import Product
from ml.db.imports import RecordVersion
from ml.db.sales import SalesSuperseded
from ml.etl.catalog import ensure_customers, ensure_products, move_series
from ml.etl.record_tables import Record, RecordTable

if TYPE_CHECKING:  # it needs pandas, which the web does without
    from ml.etl.gather import Description

Ids = dict[str, dict[str, int]]
"""By the field of a reference: the id of each code."""

Written = tuple[bytes, Mapping[str, Any], int | None]
"""A key, its record, and the import that wrote it (None: a person)."""


def read_records(session: Session, target: RecordTable, keys: Sequence[bytes]) -> dict[bytes, Any]:
    """The rows of those keys that exist, by key."""
    query = target.select()
    found: dict[bytes, Any] = {}
    for some in in_lists(keys):
        for row in session.execute(query.where(target.table.c.key.in_(some))):
            found[row.key] = row
    return found


def record_of(target: RecordTable, row: Any) -> Record:
    """What a row of `read_records` says, by field."""
    return {name: row._mapping[name] for name in target.columns}


def resolve(session: Session, target: RecordTable, codes: Mapping[str, Sequence[Description]]) -> Ids:
    """The ids of the codes that each reference of a table is given; products and customers are made where unknown."""
    found: Ids = {}
    for name in target.references:
        described = [item for item in codes.get(name, ()) if item.code]
        if name == "product_code":
            ids = [row.id for row in ensure_products(session, described)]
        else:
            ids = ensure_customers(session, described)
        found[name] = {item.code: number for item, number in zip(described, ids, strict=True)}
    return found


def insert_records(session: Session, target: RecordTable, written: Sequence[Written], ids: Ids) -> None:
    """Add whole records."""
    insert_rows(session, target.entity, _columns(target, written, ids, list(target.columns)))


def update_records(
    session: Session, target: RecordTable, written: Sequence[Written], ids: Ids, names: Sequence[str] | None = None
) -> None:
    """Write the fields `names` (all by default) of records that exist, and whose they are."""
    if not written:
        return
    columns = _columns(target, written, ids, list(target.columns) if names is None else names)
    statement = (
        sa.update(target.table)
        .where(target.table.c.key == sa.bindparam("new_key"))
        .values({column: sa.bindparam(f"new_{column}") for column in columns if column != "key"})
    )
    bound = [f"new_{column}" for column in columns]
    rows = [dict(zip(bound, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    session.connection().execute(statement, rows)


def remove_records(session: Session, target: RecordTable, ids: Sequence[int]) -> None:
    """Delete rows; of products and customers that something refers to, the code stays and all else is emptied."""
    table = target.table
    for some in in_lists(ids):
        kept = referenced(session, target.entity, some) if target.is_catalog else set()
        gone = [number for number in some if number not in kept]
        session.execute(sa.delete(table).where(table.c.id.in_(gone)))
        if kept:
            emptied = {name: column for name, column in target.columns.items() if column != "code"}
            blank = {column: target.complete({})[name] for name, column in emptied.items()}
            session.execute(sa.update(table).where(table.c.id.in_(sorted(kept))).values(import_id=None, **blank))


def referenced(session: Session, entity: Any, ids: Sequence[int]) -> set[int]:
    """Those of some products (or customers) that any row of any table refers to."""
    found: set[int] = set()
    for column in _referring(entity):
        query = sa.select(column).where(column.in_(ids)).distinct()
        found |= set(session.scalars(query))
    return found


def move_categories(session: Session, target: RecordTable, keys: Sequence[bytes]) -> None:
    """Let the series of some products name the category that the products now have."""
    if target.entity is not Product:
        return
    columns = (Product.id, Product.category, Product.subcategory)
    for some in in_lists(keys):
        rows = session.execute(sa.select(*columns).where(Product.key.in_(some))).mappings().all()
        if rows:
            move_series(session, [dict(row) for row in rows])


def insert_versions(
    session: Session,
    target: RecordTable,
    import_id: int,
    keys: Sequence[bytes],
    before: Sequence[Any],
) -> None:
    """Keep rows (None: there was none) as they were before an import wrote or removed them."""
    insert_rows(
        session,
        RecordVersion,
        {
            "dataset": [target.dataset] * len(keys),
            "key": list(keys),
            "import_id": [None if row is None else row.import_id for row in before],
            "replaced_by": [import_id] * len(keys),
            "record": [None if row is None else target.encode(row._mapping) for row in before],
        },
    )


def forget_versions(session: Session, dataset: str, key: bytes) -> None:
    """What a person writes or deletes stays as it is, whichever import is taken back; the caller commits."""
    session.execute(sa.delete(RecordVersion).where(RecordVersion.dataset == dataset, RecordVersion.key == key))


def _columns(target: RecordTable, written: Sequence[Written], ids: Ids, names: Sequence[str]) -> dict[str, list[Any]]:
    """Records as the columns of their table."""
    columns: dict[str, list[Any]] = {
        "key": [key for key, _, _ in written],
        "import_id": [owner for _, _, owner in written],
    }
    for name in names:
        values = [record[name] for _, record, _ in written]
        if name in target.references:
            values = [ids[name][code] if code else None for code in values]
        columns[target.columns[name]] = values
    return columns


def _referring(entity: Any) -> list[sa.Column[Any]]:
    """The columns of all tables that hold ids of `entity`, with a foreign key or, where rows come and go, without."""
    owner = table_of(entity)
    keyed = [
        column
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if any(key.column.table is owner for key in column.foreign_keys)
    ]
    loose = "product_id" if entity is Product else "customer_id"
    return [*keyed, table_of(SalesSuperseded).c[loose]]
