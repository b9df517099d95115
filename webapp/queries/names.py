"""Names that hold a text: of places and products there are few, of series many.

So a search looks through the names first, and finds the series by those that fit, with an index, instead of comparing
the names of each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from webapp.queries.nodes import LOCATION_FIELDS
from webapp.queries.remembered import STATE, newest, totals_version
from webapp.queries.scope import UNSCOPED, current_scope

MOST = 200
"""Names of a kind that a statement lists: SQL Server takes about 2,000 parameters. With more of them rows that fit
are found soon by looking at each."""

Place = tuple[str, str, str]
Condition = sa.ColumnElement[bool]


def places(session: Session) -> Sequence[Place]:
    """Region, territory and area of all series, those above areas too; in order."""
    last = sa.select(sa.func.max(Series.id)).execution_options(**{UNSCOPED: STATE})
    state = (totals_version(session), session.scalar(last))
    return newest(session, ("places", current_scope()), state, lambda: read_places(session))


def read_places(session: Session) -> Sequence[Place]:
    """The same from the database; an index holds no more than these columns."""
    query = sa.select(Series.region, Series.territory, Series.area).distinct()
    return sorted((region, territory, area) for region, territory, area in session.execute(query))


def named(every: Sequence[Place], field: str, text: str) -> list[tuple[str, ...]]:
    """Those of a level whose own name holds `text`, as the names down to it; in order."""
    depth, wanted = LOCATION_FIELDS.index(field) + 1, text.casefold()
    found = (names[:depth] for names in every if wanted in names[depth - 1].casefold())
    return list(dict.fromkeys(found))


def any_named(session: Session, text: str, facts: Any) -> Condition:
    """The rows of `facts` (a class with the columns of Series) any of whose names holds `text`."""
    found = [*in_places(session, text, facts), *of_products(session, text, facts)]
    return sa.or_(sa.false(), *found)


def in_places(session: Session, text: str, facts: Any) -> Iterator[Condition]:
    """By the name of a place; names above come first, as an index on all three has them."""
    every = places(session)
    for field in LOCATION_FIELDS:
        column, found = getattr(facts, field), named(every, field, text)
        if len(found) > MOST:
            yield column.icontains(text, autoescape=True)
            continue
        together: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for *parents, name in found:
            together[tuple(parents)].append(name)
        for above, names in together.items():
            exactly = [getattr(facts, upper) == name for upper, name in zip(LOCATION_FIELDS, above, strict=False)]
            yield sa.and_(*exactly, column.in_(names))


def of_products(session: Session, text: str, facts: Any) -> Iterator[Condition]:
    """By the name of a category, or by name or code of a product."""
    for field in ("category", "subcategory"):
        column = getattr(Product, field)
        query = sa.select(column).where(column.icontains(text, autoescape=True)).distinct().limit(MOST + 1)
        if found := session.scalars(query).all():
            own = getattr(facts, field)
            yield own.in_(found) if len(found) <= MOST else own.icontains(text, autoescape=True)
    named = sa.or_(*(column.icontains(text, autoescape=True) for column in (Product.code, Product.name)))
    products = sa.select(Product.id).where(named)
    ids = session.scalars(products.limit(MOST + 1)).all()
    if ids:
        yield facts.product_id.in_(ids if len(ids) <= MOST else products)
