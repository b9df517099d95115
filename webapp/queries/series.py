"""Series of the hierarchy: searched, counted by their names, read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import in_lists
from ml.db.catalog import Product, Series
from ml.errors import NotFoundError
from webapp.queries.names import any_named
from webapp.queries.nodes import LOCATION_FIELDS, Node
from webapp.queries.paging import Page
from webapp.queries.stored import within

FACETS = ("location_level", "product_level", *LOCATION_FIELDS, "category", "subcategory")
MOST_VALUES = 200
"""Values that a facet tells of, the most frequent first."""


@dataclass(frozen=True)
class SeriesFilter:
    """Which series; '' leaves a part open. `q` is a part of any name, in upper or lower case."""

    node: Node
    q: str = ""
    location_level: str = ""
    product_level: str = ""


@dataclass(frozen=True)
class SeriesView:
    """A series with the names that its numbers stand for."""

    id: int
    location_level: str
    product_level: str
    region: str
    territory: str
    area: str
    category: str
    subcategory: str
    product_id: int | None
    product_code: str
    product_name: str
    location_parent_id: int | None
    product_parent_id: int | None
    first_sale: date | None
    last_sale: date | None


OF_PRODUCT = {"product_code": sa.func.coalesce(Product.code, ""), "product_name": sa.func.coalesce(Product.name, "")}
NAMES = [field.name for field in fields(SeriesView)]
COLUMNS = tuple(OF_PRODUCT[name] if name in OF_PRODUCT else getattr(Series, name) for name in NAMES)
"""Of Series and its Product, in the order of SeriesView: columns and no objects, since lists are long."""


def list_series(session: Session, wanted: SeriesFilter, limit: int, below: int | None = None) -> Page[SeriesView]:
    """Series, newest first."""
    query = narrowed(session, sa.select(*COLUMNS), wanted)
    if below is not None:
        query = query.where(Series.id < below)
    rows = session.execute(query.order_by(Series.id.desc()).limit(limit + 1)).all()
    return Page([SeriesView(*row) for row in rows[:limit]], rows[limit - 1].id if len(rows) > limit else None)


def read_series(session: Session, series_id: int) -> SeriesView:
    """One series; raises NotFoundError."""
    found = views_by_id(session, [series_id])
    if not found:
        raise NotFoundError(f"there is no series {series_id}; GET /api/v1/series finds those that there are.")
    return found[series_id]


def facets(session: Session, wanted: SeriesFilter) -> dict[str, list[tuple[str, int]]]:
    """How many of the series carry each value of each name, the most frequent first."""
    found, series = {}, narrowed(session, sa.select(Series), wanted)
    for name in FACETS:
        column, count = getattr(Series, name), sa.func.count()
        query = series.with_only_columns(column, count, maintain_column_froms=True).where(column != "")
        rows = session.execute(query.group_by(column).order_by(count.desc(), column).limit(MOST_VALUES))
        found[name] = [(value, number) for value, number in rows]
    return found


def narrowed(session: Session, query: sa.Select[Any], wanted: SeriesFilter) -> sa.Select[Any]:
    query = query.outerjoin(Product, Product.id == Series.product_id).where(*within(wanted.node))
    for name in ("location_level", "product_level"):
        if value := getattr(wanted, name):
            query = query.where(getattr(Series, name) == value)
    if wanted.q:
        query = query.where(any_named(session, wanted.q, Series))
    return query


def views_by_id(session: Session, ids: Iterable[int]) -> dict[int, SeriesView]:
    """Series by their ids, in one query for all of a page."""
    query = sa.select(*COLUMNS).outerjoin(Product, Product.id == Series.product_id)
    views: dict[int, SeriesView] = {}
    for some in in_lists(sorted(set(ids))):
        views |= {row.id: SeriesView(*row) for row in session.execute(query.where(Series.id.in_(some)))}
    return views
