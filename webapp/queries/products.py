"""Reads of products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product
from webapp.queries.catalog import find_named, matching
from webapp.queries.paging import DEFAULT_LIMIT, SortedPage, sorted_page


def product_code(session: Session, name: str) -> str:
    """The code of the product that `name` (its code, or its id) stands for; raises as `get_product` does."""
    return get_product(session, name, "product_id").code


def get_product(session: Session, name: str, field: str = "product") -> Product:
    """A product by its code or its id; raises NotFoundError, and ConflictError where it is both of two."""
    return find_named(session, Product, name, field)


def list_products(
    session: Session, q: str = "", category: str = "", supplier: str = "", *,
    sort: str = "-id", limit: int = DEFAULT_LIMIT, after: Sequence[Any] | None = None,
) -> SortedPage[Product]:  # fmt: skip
    """Products by id or code; `q` is a part of the code or the name."""
    query = matching(sa.select(Product), Product, q, category=category, supplier=supplier)
    return sorted_page(session, query, {"id": Product.id, "code": Product.code}, sort, limit=limit, after=after)
