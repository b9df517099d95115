"""Events that people and programs write themselves; public holidays are in `ml.etl.holidays`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.drivers import Event
from ml.errors import ConflictError
from ml.etl.holidays import add_holidays
from ml.etl.record_store import forget_versions
from ml.etl.record_tables import RECORD_TABLES, record_key
from webapp.errors import ForbiddenError
from webapp.queries.products import get_product
from webapp.queries.scope import current_scope

__all__ = ["add_holidays", "create_event", "delete_event", "replace_event"]


def create_event(session: Session, record: Mapping[str, Any]) -> Event:
    """Add an event given by its fields; commits.

    Raises NotFoundError for an unknown product, ConflictError where there is an event of the same kind, name,
    first day, places and product.
    """
    whole, columns = columns_of(session, record)
    event = Event(**columns)
    session.add(event)
    flush(session, whole)
    audit.record(session, "create", "event", event.id, after=whole)
    session.commit()
    return event


def replace_event(session: Session, event: Event, record: Mapping[str, Any]) -> None:
    """Write all fields of an event; commits. Raises as `create_event` does."""
    check_place(event.region, event.territory)
    whole, columns = columns_of(session, record)
    before = {name: getattr(event, name) for name in columns if name != "key"}
    for key in {event.key, columns["key"]}:
        forget_versions(session, "events", key)
    for name, value in columns.items():
        setattr(event, name, value)
    event.import_id = None
    flush(session, whole)
    audit.record(session, "update", "event", event.id, before=before, after=whole)
    session.commit()


def columns_of(session: Session, record: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """All fields of an event, the rest empty; and the columns of its row. Raises ForbiddenError for a place outside."""
    target = RECORD_TABLES["events"]
    whole = target.complete(record)
    check_place(whole["region"], whole["territory"])
    product = get_product(session, whole["product_code"], "product_code") if whole["product_code"] else None
    whole["product_code"] = product.code if product else ""
    columns = {column: whole[name] for name, column in target.columns.items() if name != "product_code"}
    return whole, {**columns, "key": record_key("events", whole), "product_id": product.id if product else None}


def flush(session: Session, whole: Mapping[str, Any]) -> None:
    """Write; raises ConflictError where another event is the same by kind, name, first day, places and product."""
    try:
        session.flush()
    except IntegrityError:
        session.rollback()
        raise ConflictError(
            f"there is a {whole['kind']} {whole['name']!r} from {whole['starts_on']} in that place already; "
            "delete it first, or choose another name."
        ) from None


def delete_event(session: Session, event: Event) -> None:
    """Remove an event; commits."""
    check_place(event.region, event.territory)
    forget_versions(session, "events", event.key)
    before = {"kind": event.kind, "name": event.name, "starts_on": event.starts_on, "region": event.region}
    audit.record(session, "delete", "event", event.id, before=before)
    session.delete(event)
    session.commit()


def check_place(region: str, territory: str) -> None:
    """Raise ForbiddenError where the caller is limited, and the place is not all inside."""
    scope = current_scope()
    if scope is not None and not scope.covers(region, territory):
        raise ForbiddenError("limited-scope", "this event concerns places that you may not write; name one of yours.")
