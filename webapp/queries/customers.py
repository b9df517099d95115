"""Reads of customers."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Customer
from webapp.queries.catalog import find_named, matching
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first


def get_customer(session: Session, name: str, field: str = "customer") -> Customer:
    """A customer by its code or its id; raises NotFoundError, and ConflictError where it is both of two."""
    return find_named(session, Customer, name, field)


def list_customers(
    session: Session, q: str = "", segment: str = "", region: str = "", *, limit: int = DEFAULT_LIMIT,
    below: int | None = None,
) -> Page[Customer]:  # fmt: skip
    """Customers, newest first; `q` is a part of the code or the name."""
    query = matching(sa.select(Customer), Customer, q, segment=segment, region=region)
    return newest_first(session, query, Customer.id, limit, below)
