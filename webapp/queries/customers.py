"""Reads of customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Customer
from webapp.queries.catalog import find_named, matching
from webapp.queries.paging import DEFAULT_LIMIT, SortedPage, sorted_page


def get_customer(session: Session, name: str, field: str = "customer") -> Customer:
    """A customer by its code or its id; raises NotFoundError, and ConflictError where it is both of two."""
    return find_named(session, Customer, name, field)


def list_customers(
    session: Session, q: str = "", segment: str = "", region: str = "", *,
    sort: str = "-id", limit: int = DEFAULT_LIMIT, after: Sequence[Any] | None = None,
) -> SortedPage[Customer]:  # fmt: skip
    """Customers by id or code; `q` is a part of the code or the name."""
    query = matching(sa.select(Customer), Customer, q, segment=segment, region=region)
    return sorted_page(session, query, {"id": Customer.id, "code": Customer.code}, sort, limit=limit, after=after)
