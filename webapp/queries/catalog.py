"""Products and customers as callers name them: by their number here or by their code."""

from __future__ import annotations

from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Customer, Product
from ml.db.keys import hash_key, normalise
from ml.errors import ConflictError, NotFoundError

LARGEST_ID = 2**63 - 1
Named = TypeVar("Named", Product, Customer)


def find_named(session: Session, entity: type[Named], name: str, field: str) -> Named:
    """The product or customer that `name` (its code, or its id) stands for; `field` is what the caller gave it as.

    Raises NotFoundError, and ConflictError where it is the code of one and the id
    of another: a guess would silently answer for the wrong one.
    """
    what = entity.__name__.lower()
    by_code = session.scalar(sa.select(entity).where(entity.key == hash_key(normalise(name))))
    digits = name.isascii() and name.isdigit() and int(name) <= LARGEST_ID
    by_id = session.get(entity, int(name)) if digits else None
    if by_code and by_id and by_code.id != by_id.id:
        raise ConflictError(
            f"{field} {name!r} is the code of {what} {by_code.id} and the id of {what} {by_id.code!r}; "
            f"give the id {by_code.id} or the code {by_id.code!r} instead."
        )
    found = by_code or by_id
    if found is None:
        raise NotFoundError(f"{field} {name!r} is unknown; expected a {what}'s id or its code.")
    return found


def matching(query: sa.Select[Any], entity: Any, q: str, **parts: str) -> sa.Select[Any]:
    """Narrow a list to codes and names that hold `q`, whatever its case, and to rows whose `parts` are as given."""
    if q:
        found = (sa.func.lower(column).contains(q.lower(), autoescape=True) for column in (entity.code, entity.name))
        query = query.where(sa.or_(*found))
    for name, value in parts.items():
        if value:
            query = query.where(getattr(entity, name) == value)
    return query
