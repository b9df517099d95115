"""Drilling down: what a node is made of, and finding nodes by name."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.db.results import ForecastRun
from ml.db.sales import SalesMonthly
from ml.grains import MONTHLY, Coverage
from webapp.queries.data_version import data_version
from webapp.queries.forecasts import WHOLE, expected_sums
from webapp.queries.history import in_series, month_of, monthly, year_month
from webapp.queries.names import named, places
from webapp.queries.nodes import FIELDS, LOCATION_FIELDS, PRODUCT_FIELDS, Node
from webapp.queries.remembered import known_coverage, remembered
from webapp.queries.scope import current_scope, sees_level
from webapp.queries.shares import base_level, clamp, is_stored, shares
from webapp.queries.stored import base_names, published_run

YEAR = 12
TREND = 24
"""Months of the small trend line."""


@dataclass(frozen=True)
class BreakdownRow:
    """One child of a node: its last twelve complete months, the twelve before, and the twelve expected."""

    node: Node
    label: str
    detail: str  # a product's code beside its name; where names repeat, the name above
    last12: float
    previous12: float
    change: float | None
    next12: float | None
    share: float
    trend: list[float]


def dimensions(session: Session, node: Node) -> list[str]:
    """The names by which `node` can be split: those the data has and the node leaves open, coarse to fine."""
    names = [any(column) for column in zip(*places(session), strict=True)] or [False] * len(LOCATION_FIELDS)
    products = session.execute(
        sa.select(sa.func.max(Product.category), sa.func.max(Product.subcategory), sa.func.max(Product.code))
    ).one()
    known = [field for field, value in zip(FIELDS, (*names, *products), strict=True) if value]
    return [field for field in known if not getattr(node, field) and not _is_above(field, node)]


def _is_above(field: str, node: Node) -> bool:
    """Whether a finer name of the same kind is given already."""
    fields = LOCATION_FIELDS if field in LOCATION_FIELDS else PRODUCT_FIELDS
    return any(getattr(node, finer) for finer in fields[fields.index(field) + 1 :])


def breakdown(session: Session, node: Node, dimension: str) -> list[BreakdownRow]:
    """The children of `node` along `dimension`, the one that sold most in the last twelve months first."""
    coverage = known_coverage(session, MONTHLY)
    if coverage is None:
        return []
    run, of = published_run(session), (node, dimension, current_scope(), data_version(session))
    sold = remembered(session, ("sold", coverage, of), lambda: monthly_by_child(session, node, dimension, coverage))
    expected: dict[Any, float] = {}
    if run is not None:
        kept = ("expected", run.id, of)
        expected = remembered(session, kept, lambda: expected_by_child(session, run, node, dimension))
    last = coverage.last_complete or MONTHLY.start(coverage.last)
    window = [MONTHLY.shift(last, -back) for back in reversed(range(TREND))]
    rows = [
        _row(child_node(node, dimension, names), names[-1], months, window, expected.get(names, 0.0) if run else None)
        for names, months in sold.items()
    ]
    rows = with_product_names(session, rows) if dimension == "product" else told_apart(rows, dimension)
    total = sum(row.last12 for row in rows)
    ranked = sorted(rows, key=lambda row: (-row.last12, row.label))
    return [replace(row, share=row.last12 / total if total > 0 else 0.0) for row in ranked]


def _row(node: Node, name: str, months: dict[date, float], window: list[date], next12: float | None) -> BreakdownRow:
    trend = [months.get(period, 0.0) for period in window]
    last, previous = sum(trend[-YEAR:]), sum(trend[:-YEAR])
    change = (last - previous) / previous if previous > 0 else None
    return BreakdownRow(node, name, "", last, previous, change, next12, 0.0, trend)


def with_product_names(session: Session, rows: list[BreakdownRow]) -> list[BreakdownRow]:
    """Product rows labelled by the products' names; their codes become the detail."""
    names = dict(session.execute(sa.select(Product.code, Product.name)).all())
    return [replace(row, label=names.get(row.label) or row.label, detail=row.label) for row in rows]


def told_apart(rows: list[BreakdownRow], dimension: str) -> list[BreakdownRow]:
    """Rows of which several have one name (Springfield, say), with the name above each as the detail."""
    seen = Counter(row.label for row in rows)
    return [replace(row, detail=name_above(row.node, dimension)) if seen[row.label] > 1 else row for row in rows]


def name_above(node: Node, dimension: str) -> str:
    """The name that is one level coarser than `dimension`; '' for the coarsest."""
    fields = LOCATION_FIELDS if dimension in LOCATION_FIELDS else PRODUCT_FIELDS
    return "".join(getattr(node, above) for above in fields[: fields.index(dimension)][-1:])


def child_columns(dimension: str, facts: Any) -> list[Any]:
    """The columns that name the children along a dimension, its own name last."""
    if dimension in LOCATION_FIELDS:
        return [getattr(facts, field) for field in LOCATION_FIELDS[: LOCATION_FIELDS.index(dimension) + 1]]
    if dimension == "product":
        return [Product.category, Product.subcategory, Product.code]
    return [getattr(Product, field) for field in PRODUCT_FIELDS[: PRODUCT_FIELDS.index(dimension) + 1]]


def child_node(node: Node, dimension: str, names: tuple[str, ...]) -> Node:
    """The child of `node` that `names` (in the order of `child_columns`) say."""
    fields = LOCATION_FIELDS if dimension in LOCATION_FIELDS else PRODUCT_FIELDS
    return node.with_names(**dict(zip(fields, names, strict=False)))


def monthly_by_child(
    session: Session, node: Node, dimension: str, coverage: Coverage
) -> dict[tuple[str, ...], dict[date, float]]:
    """Sales by child and month over the trend's window, and for children without sales in it, nothing."""
    last = coverage.last_complete or MONTHLY.start(coverage.last)
    since = year_month(MONTHLY.shift(last, 1 - TREND))
    columns = child_columns(dimension, SalesMonthly)
    query = (
        monthly(node)
        .where(*in_series(node, SalesMonthly), SalesMonthly.yearmonth.between(since, year_month(last)))
        .with_only_columns(*columns, SalesMonthly.yearmonth, sa.func.sum(SalesMonthly.total_sales))
        .group_by(*columns, SalesMonthly.yearmonth)
    )
    found: dict[tuple[str, ...], dict[date, float]] = defaultdict(dict)
    for *names, yearmonth, sales in session.execute(query):
        found[tuple(names)][month_of(yearmonth)] = float(sales)
    return found


def expected_by_child(session: Session, run: ForecastRun, node: Node, dimension: str) -> dict[Any, float]:
    """Expected sales over the horizon by child, from stored rows where the level has them, else by share."""
    child = child_node(node, dimension, ("?", "?", "?"))
    if is_stored(run, child.location_level, child.product_level) and sees_level(child.location_level):
        facts = child_columns(dimension, Series)
        if dimension in ("category", "subcategory"):
            facts = [getattr(Series, column.key) for column in facts]
        return expected_sums(session, run, node, (child.location_level, child.product_level), facts)
    base = expected_sums(session, run, clamp(node, run), base_level(run), base_names(run), options=WHOLE)
    found: dict[Any, float] = defaultdict(float)
    for share in shares(session, run, node, child_columns(dimension, SalesMonthly)):
        found[share.child] += share.part * base.get(share.base, 0.0)
    return found


def search(session: Session, text: str, limit: int = 20) -> list[Node]:
    """Nodes whose finest name (or product code) contains `text`, places before products."""
    wanted = text.strip()
    if not wanted:
        return []
    every = places(session)
    found = [child_node(Node(), field, names) for field in LOCATION_FIELDS for names in named(every, field, wanted)]
    found = found[:limit]
    for field in PRODUCT_FIELDS:
        if len(found) < limit:
            found += products_named(session, field, wanted, limit - len(found))
    return found


def products_named(session: Session, field: str, text: str, limit: int) -> list[Node]:
    """Categories, subcategories or products with sales whose name (or code) contains `text`."""
    own = child_columns(field, Product)
    columns = [*own, Product.name] if field == "product" else own
    sold = sa.select(Series.id).where(Series.product_id == Product.id, Series.location_level == "area").exists()
    fits = sa.or_(*(name.icontains(text, autoescape=True) for name in columns[len(own) - 1 :]))
    query = sa.select(*columns).where(own[-1] != "", fits, sold).distinct().order_by(*columns).limit(limit)
    return [product_node(field, tuple(row)) for row in session.execute(query)]


def product_node(field: str, row: tuple[str, ...]) -> Node:
    """The node that the names of `child_columns` say, and for a product what it is called."""
    node = child_node(Node(), field, row)
    return node.with_names(product_name=row[-1]) if field == "product" else node
