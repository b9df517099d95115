"""Reads of the stock plan: its items, the advice to order, orders by supplier, and what there is too much of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product
from ml.db.inventory import CLOSED, PurchaseOrder, Supplier
from ml.db.restock import OPEN_ADVICE, PlanRun, Recommendation, StockPlan, StockPolicy, StockReport
from ml.errors import NotFoundError
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first

ALERTS = ("", "warning", "urgent")
"""The names of alerts, by their number."""
KINDS = ("excess", "dead")


@dataclass(frozen=True)
class Named:
    """A row of an item, with its product."""

    row: Any
    code: str
    name: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.row, name)

    @property
    def alert_name(self) -> str:
        """The alert in a word, '' for none."""
        return ALERTS[self.row.alert]

    @property
    def product_code(self) -> str:
        """The product's code, as the API calls it."""
        return self.code


@dataclass(frozen=True)
class Wanted:
    """Which items or advice; '' leaves a part open. `q` is a part of a product's code or name, or of a place."""

    q: str = ""
    area: str = ""
    supplier: str = ""
    alert: str = ""
    state: str = "open"
    kind: str = ""


@dataclass(frozen=True)
class Ranked:
    """A part of a ranked list, and how many there are."""

    items: list[Named]
    total: int


@dataclass(frozen=True)
class StockFigures:
    """The published plan in numbers, of what the caller may see."""

    items: int
    urgent: int
    warning: int
    dead: int
    stock_value: float
    excess_value: float
    advised: int
    advised_value: float
    lost_value: float


@dataclass(frozen=True)
class SupplierTotal:
    """What is to be ordered from one supplier; `missing` is what its minimum lacks, `freight` what free freight
    lacks (None: it never is)."""

    supplier: str
    kind: str
    lines: int
    urgent: int
    value: float
    order_on: date
    missing: float
    freight: float | None


def stock_run(session: Session) -> PlanRun | None:
    """The published plan; None before there is one."""
    return session.scalar(sa.select(PlanRun).where(PlanRun.slot == "stock"))


def planned_from(session: Session) -> date:
    """The first day of the published plan; raises NotFoundError before there is one."""
    run = stock_run(session)
    if run is None:
        raise NotFoundError("the stock is not planned yet; import stock levels, and forecast their sales.")
    return run.today


def named(session: Session, rows: Sequence[Any]) -> list[Named]:
    """Rows of items with their products, in one query for all."""
    ids = {row.product_id for row in rows}
    query = sa.select(Product.id, Product.code, Product.name).where(Product.id.in_(ids))
    known = {row.id: (row.code, row.name) for row in (session.execute(query) if ids else ())}
    return [Named(row, *known.get(row.product_id, ("", ""))) for row in rows]


def matching(query: sa.Select[Any], facts: Any, wanted: Wanted) -> sa.Select[Any]:
    """The rows of items that are wanted by place, supplier, alert and name."""
    if wanted.q:
        text = wanted.q.lower()
        columns = (Product.code, Product.name)
        mine = sa.select(Product.id).where(
            sa.or_(*(sa.func.lower(column).contains(text, autoescape=True) for column in columns))
        )
        here = sa.func.lower(facts.area).contains(text, autoescape=True)
        query = query.where(sa.or_(facts.product_id.in_(mine), here))
    for name in ("area", "supplier"):
        if value := getattr(wanted, name):
            query = query.where(getattr(facts, name) == value)
    if wanted.alert:
        query = query.where(facts.alert >= ALERTS.index(wanted.alert))
    return query


def advice(wanted: Wanted) -> sa.Select[Any]:
    """Advice; that which waits for a decision unless another state is asked for."""
    query = matching(sa.select(Recommendation), Recommendation, wanted)
    states = OPEN_ADVICE if wanted.state == "open" else (wanted.state,)
    query = query.where(Recommendation.state.in_(states)) if wanted.state else query
    return query.where(Recommendation.kind == wanted.kind) if wanted.kind in ("order", "transfer") else query


def items(run_id: int, wanted: Wanted) -> sa.Select[Any]:
    """Items of a plan; of a kind where one is asked for."""
    query = matching(sa.select(StockPlan).where(StockPlan.run_id == run_id), StockPlan, wanted)
    if wanted.kind == "excess":
        query = query.where(StockPlan.excess > 0)
    return query.where(StockPlan.dead.is_(sa.true())) if wanted.kind == "dead" else query


def ranked_advice(session: Session, wanted: Wanted, limit: int, start: int = 0) -> Ranked:
    """Advice, the most urgent first, then what most money is lost without."""
    order = (Recommendation.urgency.desc(), Recommendation.id)
    return ranked(session, advice(wanted).order_by(*order), Recommendation, limit, start)


def ranked_items(session: Session, wanted: Wanted, limit: int, start: int = 0) -> Ranked:
    """Items of the published plan, the most excess value first."""
    run = stock_run(session)
    if run is None:
        return Ranked([], 0)
    order = StockPlan.excess_value if wanted.kind == "excess" else StockPlan.stock_value
    return ranked(session, items(run.id, wanted).order_by(order.desc(), StockPlan.id), StockPlan, limit, start)


def ranked(session: Session, query: sa.Select[Any], facts: Any, limit: int, start: int) -> Ranked:
    """A part of a sorted query of `facts`, and how many rows it has."""
    total = session.scalar(query.with_only_columns(sa.func.count(facts.id)).order_by(None)) or 0
    return Ranked(named(session, session.scalars(query.limit(limit).offset(start)).all()), total)


def list_advice(session: Session, wanted: Wanted, limit: int = DEFAULT_LIMIT, below: int | None = None) -> Page[Named]:
    """Advice, newest first."""
    page = newest_first(session, advice(wanted), Recommendation.id, limit, below)
    return Page(named(session, page.items), page.next_below)


def list_items(session: Session, wanted: Wanted, limit: int = DEFAULT_LIMIT, below: int | None = None) -> Page[Named]:
    """Items of the published plan."""
    run = stock_run(session)
    if run is None:
        return Page([], None)
    page = newest_first(session, items(run.id, wanted), StockPlan.id, limit, below)
    return Page(named(session, page.items), page.next_below)


def get_advice(session: Session, advice_id: int) -> Named:
    """A piece of advice; raises NotFoundError, for one outside of what the caller may see as well."""
    row = session.scalar(sa.select(Recommendation).where(Recommendation.id == advice_id))
    if row is None:
        raise NotFoundError(f"there is no recommendation {advice_id}.")
    return named(session, [row])[0]


def get_item(session: Session, area: str, product_id: int) -> Named:
    """An item of the published plan; raises NotFoundError."""
    run = stock_run(session)
    mine = sa.select(StockPlan).where(
        StockPlan.run_id == (run.id if run else 0), StockPlan.area == area, StockPlan.product_id == product_id
    )
    row = session.scalars(mine.order_by(StockPlan.id).limit(1)).first()
    if row is None:
        raise NotFoundError("the plan holds no such item; it plans products in places that count their stock.")
    return named(session, [row])[0]


def advice_of(session: Session, area: str, product_id: int, limit: int = 10) -> list[Recommendation]:
    """What was advised for an item, newest first."""
    mine = sa.select(Recommendation).where(Recommendation.area == area, Recommendation.product_id == product_id)
    return list(session.scalars(mine.order_by(Recommendation.id.desc()).limit(limit)))


def stock_figures(session: Session) -> StockFigures:
    """What the caller may see of the published plan, added up."""
    run, mine = stock_run(session), StockPlan
    sums = (
        sa.func.count(mine.id), *(sa.func.sum(sa.case((mine.alert == level, 1), else_=0)) for level in (2, 1)),
        sa.func.sum(sa.case((mine.dead.is_(sa.true()), 1), else_=0)), sa.func.sum(mine.stock_value),
        sa.func.sum(mine.excess_value),
    )  # fmt: skip
    held = session.execute(sa.select(*sums).where(mine.run_id == (run.id if run else 0))).one()
    open_ones = Recommendation.state.in_(OPEN_ADVICE)
    totals = (
        sa.func.count(Recommendation.id),
        sa.func.sum(Recommendation.value),
        sa.func.sum(Recommendation.lost_value),
    )
    advised = session.execute(sa.select(*totals).where(open_ones, Recommendation.kind == "order")).one()
    return StockFigures(
        items=int(held[0]), urgent=int(held[1] or 0), warning=int(held[2] or 0), dead=int(held[3] or 0),
        stock_value=float(held[4] or 0.0), excess_value=float(held[5] or 0.0), advised=int(advised[0]),
        advised_value=float(advised[1] or 0.0), lost_value=float(advised[2] or 0.0),
    )  # fmt: skip


def supplier_totals(session: Session) -> list[SupplierTotal]:
    """Open advice by supplier, the largest order first; transfers after orders."""
    mine = Recommendation
    sums = (
        mine.supplier, mine.kind, sa.func.count(mine.id).label("lines"),
        sa.func.sum(sa.case((mine.alert == 2, 1), else_=0)).label("urgent"),
        sa.func.sum(mine.value).label("value"), sa.func.min(mine.order_on).label("order_on"),
    )  # fmt: skip
    rows = session.execute(sa.select(*sums).where(mine.state.in_(OPEN_ADVICE)).group_by(mine.supplier, mine.kind)).all()
    terms = {one.name: one for one in session.scalars(sa.select(Supplier))}
    found = []
    for row in rows:
        one, value = terms.get(row.supplier), float(row.value or 0.0)
        least, free = (one.minimum_order or 0.0, one.free_freight_from) if one else (0.0, None)
        found.append(
            SupplierTotal(
                row.supplier, row.kind, int(row.lines), int(row.urgent), value, row.order_on,
                max(least - value, 0.0), None if free is None else max(free - value, 0.0),
            )
        )  # fmt: skip
    return sorted(found, key=lambda total: (total.kind, -total.value, total.supplier))


def list_orders(
    session: Session, supplier: str = "", is_open: bool | None = None, limit: int = DEFAULT_LIMIT,
    below: int | None = None,
) -> Page[Named]:  # fmt: skip
    """Lines of purchase orders, newest first. Open are those of which the plan takes something to be on its way."""
    mine = PurchaseOrder
    query = sa.select(mine)
    if supplier:
        query = query.where(mine.supplier == supplier)
    if is_open is not None:
        to_come = sa.and_(
            mine.received_on.is_(None),
            sa.func.lower(sa.func.trim(mine.status)).not_in(CLOSED),
            mine.qty_ordered > sa.func.coalesce(mine.qty_received, 0),
        )
        query = query.where(to_come if is_open else sa.not_(to_come))
    page = newest_first(session, query, mine.id, limit, below)
    return Page(named(session, page.items), page.next_below)


def list_reports(session: Session, limit: int = DEFAULT_LIMIT, below: int | None = None) -> Page[StockReport]:
    """Kept reports, newest first."""
    return newest_first(session, sa.select(StockReport), StockReport.id, limit, below)


def get_report(session: Session, report_id: int) -> StockReport:
    """A kept report; raises NotFoundError."""
    row = session.scalar(sa.select(StockReport).where(StockReport.id == report_id))
    if row is None:
        raise NotFoundError(f"there is no stock report {report_id}.")
    return row


def list_policies(session: Session, limit: int = DEFAULT_LIMIT, below: int | None = None) -> Page[Named]:
    """Rules of stock, newest first."""
    page = newest_first(session, sa.select(StockPolicy), StockPolicy.id, limit, below)
    return Page(named(session, page.items), page.next_below)
