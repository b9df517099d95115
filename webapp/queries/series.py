"""Series of the hierarchy: searched, counted by their names, read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import in_lists
from ml.db.catalog import Product, Series
from ml.errors import NotFoundError
from webapp.queries.nodes import LOCATION_FIELDS, Node
from webapp.queries.paging import Page, newest_first
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


def list_series(session: Session, wanted: SeriesFilter, limit: int, below: int | None = None) -> Page[SeriesView]:
    """Series, newest first."""
    page = newest_first(session, narrowed(sa.select(Series), wanted), Series.id, limit, below)
    return Page(series_views(session, page.items), page.next_below)


def read_series(session: Session, series_id: int) -> SeriesView:
    """One series; raises NotFoundError."""
    found = session.scalar(sa.select(Series).where(Series.id == series_id))
    if found is None:
        raise NotFoundError(f"there is no series {series_id}; GET /api/v1/series finds those that there are.")
    return series_views(session, [found])[0]


def facets(session: Session, wanted: SeriesFilter) -> dict[str, list[tuple[str, int]]]:
    """How many of the series carry each value of each name, the most frequent first."""
    found = {}
    for name in FACETS:
        column, count = getattr(Series, name), sa.func.count()
        query = narrowed(sa.select(column, count).select_from(Series), wanted).where(column != "")
        rows = session.execute(query.group_by(column).order_by(count.desc(), column).limit(MOST_VALUES))
        found[name] = [(value, number) for value, number in rows]
    return found


def narrowed(query: sa.Select[Any], wanted: SeriesFilter) -> sa.Select[Any]:
    query = query.outerjoin(Product, Product.id == Series.product_id).where(*within(wanted.node))
    for name in ("location_level", "product_level"):
        if value := getattr(wanted, name):
            query = query.where(getattr(Series, name) == value)
    if wanted.q:
        columns = (*(getattr(Series, name) for name in FACETS[2:]), Product.code, Product.name)
        query = query.where(
            sa.or_(*(sa.func.lower(column).contains(wanted.q.lower(), autoescape=True) for column in columns))
        )
    return query


def series_views(session: Session, rows: Sequence[Series]) -> list[SeriesView]:
    """The series with their products, in one query for all."""
    products = products_of(session, (row.product_id for row in rows))
    own = [name for name in SeriesView.__dataclass_fields__ if name not in ("product_code", "product_name")]
    views = []
    for row in rows:
        code, name = products.get(row.product_id, ("", ""))
        values = {field: getattr(row, field) for field in own}
        views.append(SeriesView(**values, product_code=code, product_name=name))
    return views


def products_of(session: Session, ids: Iterable[int | None]) -> dict[int | None, tuple[str, str]]:
    """Code and name of products by their ids."""
    found: dict[int | None, tuple[str, str]] = {}
    for some in in_lists(sorted({found for found in ids if found is not None})):
        rows = session.execute(sa.select(Product.id, Product.code, Product.name).where(Product.id.in_(some)))
        found |= {row.id: (row.code, row.name) for row in rows}
    return found


def views_by_id(session: Session, ids: Iterable[int]) -> dict[int, SeriesView]:
    """Series by their ids, in two queries for all of a page."""
    rows: list[Series] = []
    for some in in_lists(sorted(set(ids))):
        rows += session.scalars(sa.select(Series).where(Series.id.in_(some)))
    return {view.id: view for view in series_views(session, rows)}
