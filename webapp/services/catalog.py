"""Products and customers that people and programs write themselves: no import that is taken back changes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.catalog import Customer, Product
from ml.db.keys import hash_key, normalise
from ml.errors import ConflictError
from ml.etl.record_store import forget_versions, move_categories, referenced
from ml.etl.record_tables import RECORD_TABLES
from worker.events import ProductChanged, ProductMoved, record

Named = TypeVar("Named", Product, Customer)
GROUPS = ("category", "subcategory")
DATASET: dict[type[Any], str] = {Product: "products", Customer: "customers"}


def create(session: Session, entity: type[Named], code: str, values: Mapping[str, Any]) -> Named:
    """Add a product or customer; commits. Raises ConflictError where the code exists."""
    code = normalise(code)
    row = entity(key=hash_key(code), code=code, **values)
    session.add(row)
    try:
        session.flush()
    except IntegrityError:
        session.rollback()
        raise ConflictError(
            f"there is a {entity.__name__.lower()} {code!r} already; replace it with PUT, or choose another code."
        ) from None
    audit.record(session, "create", what(row), row.id, after={"code": code, **values})
    session.commit()
    return row


def replace(session: Session, row: Product | Customer, values: Mapping[str, Any]) -> None:
    """Write all fields but the code; commits."""
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    row.import_id = None
    target = RECORD_TABLES[DATASET[type(row)]]
    forget_versions(session, target.dataset, row.key)
    session.flush()
    move_categories(session, target, [row.key])
    audit.record(session, "update", what(row), row.id, before=before, after=values)
    if isinstance(row, Product):
        record(session, ProductChanged(row.id))
        if any(before[name] != values[name] for name in GROUPS if name in values):
            record(session, ProductMoved(row.id))
    session.commit()


def delete(session: Session, row: Product | Customer) -> None:
    """Remove a product or customer; commits. Raises ConflictError where sales or other rows refer to it."""
    entity = type(row)
    if referenced(session, entity, [row.id]):
        raise ConflictError(
            f"{what(row)} {row.code!r} cannot be deleted: sales or other records refer to it. "
            "Take back the imports that they came with first."
        )
    forget_versions(session, DATASET[entity], row.key)
    session.execute(sa.delete(entity).where(entity.id == row.id))
    audit.record(session, "delete", what(row), row.id, before={"code": row.code, "name": row.name})
    session.commit()


def what(row: Product | Customer) -> str:
    """What a row is called."""
    return type(row).__name__.lower()
