"""Products, customers and leaf series: the ids of codes, with rows made for new ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import in_lists, insert_rows, lock_for_writing, table_of
from ml.db.catalog import Customer, Product, Series
from ml.db.keys import hash_key
from ml.hierarchy import node_key

if TYPE_CHECKING:  # it needs pandas, which the web does without
    from ml.etl.gather import Description, Place

Rows = dict[bytes, Any]
"""Rows of a table by their natural key."""


def ensure_products(session: Session, described: Sequence[Description]) -> list[Any]:
    """The products, as rows with `id`, `category`, `subcategory`, in the order of `described`.

    New ones are added; of known ones empty names are filled and no name is changed.
    """
    lock_for_writing(session, Product)
    keys = [hash_key(item.code) for item in described]
    columns = (Product.id, Product.name, Product.category, Product.subcategory)
    known = _read(session, Product, keys, *columns)
    _insert(session, Product, _without(known, keys, described), ("code", "name", "category", "subcategory"))
    said = dict(zip(keys, described, strict=True))
    changes = [change for key, row in known.items() if (change := _fill(row, said[key]))]
    if changes:
        session.execute(sa.update(Product), changes)
        move_series(session, changes)
    rows = _read(session, Product, keys, *columns)
    return [rows[key] for key in keys]


def disagreements(described: Sequence[Description], kept: Sequence[Any]) -> list[dict[str, Any]]:
    """Where a file differs from known products, whose names stay: codes, each with the kept and the given name."""
    found = []
    for said, row in zip(described, kept, strict=True):
        if said.name and said.name != row.name:
            found.append({"code": said.code, "names": [row.name, said.name]})
        given, known = (said.category, said.subcategory), (row.category, row.subcategory)
        if any(given) and given != known:
            found.append({"code": said.code, "names": [" > ".join(filter(None, pair)) for pair in (known, given)]})
    return found


def ensure_customers(session: Session, described: Sequence[Description]) -> list[int]:
    """The ids of customers in the order of `described`; rows are added and empty names filled."""
    lock_for_writing(session, Customer)
    keys = [hash_key(item.code) for item in described]
    known = _read(session, Customer, keys, Customer.id, Customer.name)
    _insert(session, Customer, _without(known, keys, described), ("code", "name"))
    said = dict(zip(keys, described, strict=True))
    changes = [{"id": row.id, "name": said[key].name} for key, row in known.items() if said[key].name and not row.name]
    if changes:
        session.execute(sa.update(Customer), changes)
    return _ids(session, Customer, keys, known)


def ensure_leaves(session: Session, leaves: Sequence[tuple[Place, int]], products: Sequence[Any]) -> list[int]:
    """The ids of leaf series (area x product), in the order of `leaves`: places with positions in `products`."""
    lock_for_writing(session, Series)
    keys = [node_key("area", "product", *place, products[product].id) for place, product in leaves]
    known = _read(session, Series, keys, Series.id)
    new = [(key, place, products[p]) for key, (place, p) in zip(keys, leaves, strict=True) if key not in known]
    insert_rows(
        session,
        Series,
        {
            "key": [key for key, _, _ in new],
            "location_level": ["area"] * len(new),
            "product_level": ["product"] * len(new),
            "region": [place[0] for _, place, _ in new],
            "territory": [place[1] for _, place, _ in new],
            "area": [place[2] for _, place, _ in new],
            "category": [product.category for _, _, product in new],
            "subcategory": [product.subcategory for _, _, product in new],
            "product_id": [product.id for _, _, product in new],
        },
    )
    return _ids(session, Series, keys, known)


def _read(session: Session, entity: Any, keys: Sequence[bytes], *columns: Any) -> Rows:
    rows: Rows = {}
    for some in in_lists(keys):
        for row in session.execute(sa.select(entity.key, *columns).where(entity.key.in_(some))):
            rows[row.key] = row
    return rows


def _ids(session: Session, entity: Any, keys: Sequence[bytes], known: Rows) -> list[int]:
    rows = known | _read(session, entity, [key for key in keys if key not in known], entity.id)
    return [rows[key].id for key in keys]


def _without(known: Rows, keys: Sequence[bytes], described: Sequence[Description]) -> dict[bytes, Description]:
    return {key: item for key, item in zip(keys, described, strict=True) if key not in known}


def _insert(session: Session, entity: Any, new: dict[bytes, Description], fields: Sequence[str]) -> None:
    columns = {field: [getattr(item, field) for item in new.values()] for field in fields}
    insert_rows(session, entity, {"key": list(new), **columns})


def _fill(row: Any, said: Description) -> dict[str, Any] | None:
    """What to write into a known product whose names are empty, or None; a known category keeps its own parts."""
    name = row.name or said.name
    category = row.category or said.category
    subcategory = row.subcategory or (said.subcategory if category == said.category else "")
    if (name, category, subcategory) == (row.name, row.category, row.subcategory):
        return None
    return {"id": row.id, "name": name, "category": category, "subcategory": subcategory}


def move_series(session: Session, changes: Sequence[dict[str, Any]]) -> None:
    """Let the series of changed products name the same category as the products do."""
    series = table_of(Series)
    session.connection().execute(
        sa.update(series)
        .where(series.c.product_id == sa.bindparam("product"))
        .values(category=sa.bindparam("in_category"), subcategory=sa.bindparam("in_subcategory")),
        [{"product": c["id"], "in_category": c["category"], "in_subcategory": c["subcategory"]} for c in changes],
    )
