"""Reads of sales: the rows as they were loaded, and their sums by day, week and month."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ml.db.catalog import Customer, Product, Series
from ml.db.keys import hash_key, normalise
from ml.db.sales import SalesRaw
from ml.errors import NotFoundError
from ml.grains import DAILY
from ml.totals import TOTALS, Totals
from webapp.queries.history import in_series
from webapp.queries.nodes import LOCATION_FIELDS, Node, conditions
from webapp.queries.paging import behind
from webapp.queries.products import product_code
from webapp.queries.remembered import known_coverage, remembered, totals_version
from webapp.queries.scope import current_scope

DECIMALS = 4
"""What the tables keep; sums of floats have more."""

FIGURES = ("transactions", "total_sales", "total_qty")
BY_DAY = Totals(DAILY, SalesRaw, SalesRaw.sale_date)
"""Days are summed up from the rows, whose index lies in the order of the list; the aggregates have none by day."""

Key = tuple[Any, ...]
"""Where a list goes on: the values that its last item is sorted by."""


@dataclass(frozen=True)
class SalesFilter:
    """Which sales; '' and None leave a part open, and both days are included."""

    since: date | None = None
    until: date | None = None
    region: str = ""
    territory: str = ""
    area: str = ""
    category: str = ""
    subcategory: str = ""
    product: str = ""  # its code or its id
    customer: str = ""  # the code
    channel: str = ""
    order_ref: str = ""
    import_id: int | None = None


@dataclass(frozen=True)
class SalesLine:
    """One row of sales with the codes that its numbers stand for."""

    id: int
    sale_date: date
    region: str
    territory: str
    area: str
    product_id: int
    product_code: str
    product_name: str
    customer_code: str | None
    order_ref: str
    channel: str
    sales_amount: float
    sales_qty: float
    import_id: int
    series_id: int


@dataclass(frozen=True)
class PeriodSales:
    """Sales of a period; of one series, or (the names then being None) of all that were asked for."""

    period: date
    transactions: int
    total_sales: float
    total_qty: float
    partial: bool
    series_id: int | None = None
    region: str | None = None
    territory: str | None = None
    area: str | None = None
    product_id: int | None = None
    product_code: str | None = None


@dataclass(frozen=True)
class SalesPage:
    """Some items, and the key of the last one where there are more."""

    items: Sequence[Any]
    next_after: Key | None


def list_sales(session: Session, wanted: SalesFilter, limit: int, after: Key | None = None) -> SalesPage:
    """Rows of sales, newest day first, below the key `after` (day, series, id).

    That order is the one of the index on (sale_date, series_id), which ends with the id: a
    page costs what it holds, wherever it lies. Raises NotFoundError for an unknown
    product or customer.
    """
    order = (SalesRaw.sale_date, SalesRaw.series_id, SalesRaw.id)
    buyer = aliased(Customer)  # not limited: who bought belongs to a sale that may be seen, wherever they live
    query = (
        sa.select(
            *(getattr(SalesRaw, name) for name in SALES_COLUMNS),
            Product.code.label("product_code"),
            Product.name.label("product_name"),
            buyer.code.label("customer_code"),
        )
        .join(Product, Product.id == SalesRaw.product_id)
        .outerjoin(buyer, buyer.id == SalesRaw.customer_id)
        .where(*row_conditions(session, wanted))
        .order_by(*(column.desc() for column in order))
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(sa.and_(SalesRaw.sale_date <= after[0], behind(order, after, descending=True)))
    items = [line_of(row) for row in session.execute(query)]
    last = items[limit - 1] if len(items) > limit else None
    return SalesPage(items[:limit], (last.sale_date, last.series_id, last.id) if last else None)


SALES_COLUMNS = (
    "id", "sale_date", "region", "territory", "area", "product_id", "order_ref",
    "channel", "sales_amount", "sales_qty", "import_id", "series_id",
)  # fmt: skip


def line_of(row: Any) -> SalesLine:
    values = {**row._mapping, "sales_amount": rounded(row.sales_amount), "sales_qty": rounded(row.sales_qty)}
    return SalesLine(**values)


def row_conditions(session: Session, wanted: SalesFilter) -> list[sa.ColumnElement[bool]]:
    """What rows of sales_raw must meet; names of places and products become series, which the index holds."""
    found: list[sa.ColumnElement[bool]] = []
    if wanted.since:
        found.append(SalesRaw.sale_date >= wanted.since)
    if wanted.until:
        found.append(SalesRaw.sale_date <= wanted.until)
    node = node_of(session, wanted)
    if node.params():
        leaves = sa.select(Series.id).join(Product, Product.id == Series.product_id)
        found.append(SalesRaw.series_id.in_(leaves.where(*conditions(node, Series))))
    if wanted.customer:
        found.append(SalesRaw.customer_id == customer_id(session, wanted.customer))
    for name in TEXTS:
        if value := getattr(wanted, name):
            column = getattr(SalesRaw, name)
            found += [column == normalise(value), column != sa.literal_column("''")]  # the index has no others
    if wanted.import_id is not None:
        found.append(SalesRaw.import_id == wanted.import_id)
    return found


TEXTS = ("channel", "order_ref")


def node_of(session: Session, wanted: SalesFilter) -> Node:
    """The place and product that a filter names."""
    names = {name: getattr(wanted, name) for name in (*LOCATION_FIELDS, "category", "subcategory")}
    return Node.of({**names, "product": product_code(session, wanted.product) if wanted.product else ""})


def customer_id(session: Session, code: str) -> int:
    """The number of the customer with that code; raises NotFoundError."""
    found = session.scalar(sa.select(Customer.id).where(Customer.key == hash_key(normalise(code))))
    if found is None:
        raise NotFoundError(f"customer {code!r} is unknown; expected a customer's code.")
    return found


def period_sales(
    session: Session,
    grain: Literal["daily", "weekly", "monthly"],
    wanted: SalesFilter,
    *,
    by_series: bool = False,
    limit: int,
    after: Key | None = None,
) -> SalesPage:
    """Sales by period, newest first, below the key `after` (the period, and the series if `by_series`).

    Of the filter, days (whose whole periods count), places and products are taken: the
    aggregates know no customers, channels, orders or imports. Raises NotFoundError for an
    unknown product. Totals are read once until they change.
    """

    def read() -> SalesPage:
        return read_period_sales(session, grain, wanted, by_series=by_series, limit=limit, after=after)

    if grain == DAILY.name or by_series or wanted.category or wanted.subcategory or wanted.product:
        return read()
    key = ("sums", grain, wanted, limit, after and tuple(after), current_scope(), totals_version(session))
    return remembered(session, key, read)


def read_period_sales(
    session: Session,
    grain: Literal["daily", "weekly", "monthly"],
    wanted: SalesFilter,
    *,
    by_series: bool,
    limit: int,
    after: Key | None,
) -> SalesPage:
    """Sales by period as the database has them."""
    sums = BY_DAY if grain == DAILY.name else TOTALS[grain]
    order = (sums.period, sums.table.series_id) if by_series else (sums.period,)
    query = sums_by(sums, order).where(*period_conditions(session, sums, wanted))
    if after is not None:
        stored = (sums.stored(after[0]), *after[1:])
        query = query.where(sa.and_(sums.period <= stored[0], behind(order, stored, descending=True)))
    query = query.order_by(*(column.desc() for column in order)).limit(limit + 1)
    rows = session.execute(with_names(query) if by_series else query).all()
    coverage = known_coverage(session, sums.grain)
    items = []
    for row in rows:
        values = dict(row._mapping)
        period = sums.first_day(values.pop("stored"))
        values |= {name: rounded(values[name]) for name in ("total_sales", "total_qty")}
        items.append(PeriodSales(period=period, partial=coverage is None or coverage.is_partial(period), **values))
    last = items[limit - 1] if len(items) > limit else None
    key = (last.period, last.series_id) if last and by_series else (last.period,) if last else None
    return SalesPage(items[:limit], key)


def sums_by(sums: Totals, keys: tuple[Any, ...]) -> sa.Select[Any]:
    """Sums over everything that is left open by the period, which is called `stored`, and the series if it is a key."""
    period, *series = keys
    columns = (period.label("stored"), *series)
    if sums.table is SalesRaw:
        figures = (sa.func.count(), sa.func.sum(SalesRaw.sales_amount), sa.func.sum(SalesRaw.sales_qty))
        return sa.select(*columns, *named(figures)).group_by(*keys)
    stored = [getattr(sums.table, name) for name in FIGURES]
    if series:  # the table has one row of each, in the order of its index
        return sa.select(*columns, *stored)
    return sa.select(*columns, *named(sa.func.sum(column) for column in stored)).group_by(*keys)


def named(figures: Iterable[sa.ColumnElement[Any]]) -> list[Any]:
    """Expressions under the names of FIGURES."""
    return [figure.label(name) for figure, name in zip(figures, FIGURES, strict=True)]


def with_names(query: sa.Select[Any]) -> sa.Select[Any]:
    """A page of sums by series with the names of the series."""
    page = query.subquery()
    names = (
        *(getattr(Series, name) for name in LOCATION_FIELDS),
        Series.product_id,
        Product.code.label("product_code"),
    )
    joined = sa.select(page, *names).join(Series, Series.id == page.c.series_id)
    joined = joined.join(Product, Product.id == Series.product_id)
    return joined.order_by(page.c.stored.desc(), page.c.series_id.desc())


def period_conditions(session: Session, sums: Totals, wanted: SalesFilter) -> list[sa.ColumnElement[bool]]:
    found = in_series(node_of(session, wanted), sums.table)
    if wanted.since:
        found.append(sums.period >= sums.stored(wanted.since))
    if wanted.until:
        found.append(sums.period <= sums.stored(wanted.until))
    return found


def rounded(value: Any) -> float:
    """A figure to the decimals that are kept, without a negative zero."""
    return round(float(value), DECIMALS) + 0.0
