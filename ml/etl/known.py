"""The codes that are known already: what fields may hold where a policy rejects others, and which are new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import in_lists
from ml.db.catalog import Product, Series
from ml.db.keys import hash_key
from ml.etl.columns import Known
from ml.etl.datasets import Dataset
from ml.etl.gather import Description
from ml.etl.policy import Policy


def known_codes(session: Session, policy: Policy, dataset: Dataset) -> Mapping[str, Known]:
    """What the policy says of codes, by field: how they are replaced, and which are allowed.

    The rows of products make the products; there none is rejected.
    """
    fields = dataset.by_name
    found: dict[str, Known] = {}
    if "product_code" in fields and dataset.name != "products":
        allowed = frozenset(session.scalars(sa.select(Product.code))) if policy.unknown_products == "reject" else None
        found["product_code"] = Known(allowed, policy.product_map)
    if "area" in fields:
        allowed = frozenset(areas(session)) if policy.unknown_areas == "reject" else None
        found["area"] = Known(allowed, policy.area_map)
    return found


def areas(session: Session) -> set[str]:
    """The areas that sales are known of."""
    return set(session.scalars(sa.select(Series.area).where(Series.location_level == "area").distinct()))


def new_products(session: Session, codes: Sequence[str]) -> list[str]:
    """Those codes that are no products yet, in their order."""
    known: set[bytes] = set()
    keys = [hash_key(code) for code in codes]
    for some in in_lists(keys):
        known |= set(session.scalars(sa.select(Product.key).where(Product.key.in_(some))))
    return [code for code, key in zip(codes, keys, strict=True) if key not in known]


def known_products(session: Session, described: Sequence[Description]) -> tuple[list[Description], list[Any]]:
    """Those products of a file that are known, and their rows, as `ml.etl.catalog.disagreements` takes them."""
    rows: dict[bytes, Any] = {}
    columns = (Product.key, Product.name, Product.category, Product.subcategory)
    for some in in_lists([hash_key(item.code) for item in described]):
        rows |= {row.key: row for row in session.execute(sa.select(*columns).where(Product.key.in_(some)))}
    met = [(item, rows[key]) for item in described if (key := hash_key(item.code)) in rows]
    return [item for item, _ in met], [row for _, row in met]


def new_areas(session: Session, names: Iterable[str]) -> list[str]:
    """Those names that are no areas yet, in their order."""
    known = areas(session)
    return [name for name in dict.fromkeys(names) if name and name not in known]
