"""Reads of products."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product
from webapp.queries.catalog import find_named, matching
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first


def product_code(session: Session, name: str) -> str:
    """The code of the product that `name` (its code, or its id) stands for; raises as `get_product` does."""
    return get_product(session, name, "product_id").code


def get_product(session: Session, name: str, field: str = "product") -> Product:
    """A product by its code or its id; raises NotFoundError, and ConflictError where it is both of two."""
    return find_named(session, Product, name, field)


def list_products(
    session: Session, q: str = "", category: str = "", supplier: str = "", *, limit: int = DEFAULT_LIMIT,
    below: int | None = None,
) -> Page[Product]:  # fmt: skip
    """Products, newest first; `q` is a part of the code or the name."""
    query = matching(sa.select(Product), Product, q, category=category, supplier=supplier)
    return newest_first(session, query, Product.id, limit, below)
