"""Products as callers name them: by their number here or by their code."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product
from ml.db.keys import hash_key, normalise
from ml.errors import ConflictError, NotFoundError

LARGEST_ID = 2**63 - 1


def product_code(session: Session, name: str) -> str:
    """The code of the product that `name` (its code, or its id) stands for.

    Raises NotFoundError, and ConflictError where it is the code of one product and the id
    of another: a guess would silently answer for the wrong one.
    """
    by_code = session.scalar(sa.select(Product).where(Product.key == hash_key(normalise(name))))
    digits = name.isascii() and name.isdigit() and int(name) <= LARGEST_ID
    by_id = session.get(Product, int(name)) if digits else None
    if by_code and by_id and by_code.id != by_id.id:
        raise ConflictError(
            f"product_id {name!r} is the code of product {by_code.id} and the id of product {by_id.code!r}; "
            f"give the id {by_code.id} or the code {by_id.code!r} instead."
        )
    product = by_code or by_id
    if product is None:
        raise NotFoundError(f"product_id {name!r} is unknown; expected a product's id or its code.")
    return product.code
