"""What web processes keep of the totals: found without reading them again, and never older than they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import sqlalchemy as sa
from factories import load_sales, monthly_sales
from made_forecasts import publish
from sqlalchemy.orm import Session

from ml.db.catalog import Product
from ml.db.sales import SalesRaw
from ml.grains import DAILY, MONTHLY, read_coverage
from ml.pipelines.refresh import refresh_aggregates
from webapp.queries import remembered, scope
from webapp.queries.forecasts import outlook
from webapp.queries.history import history
from webapp.queries.nodes import Node
from webapp.queries.remembered import known_coverage
from webapp.queries.sales import SalesFilter, period_sales
from webapp.queries.scope import Caller, Scope
from webapp.services import catalog
from worker.events import AggregatesRefreshed, record

NORTH = Node(region="North")


@contextmanager
def statements(engine: sa.Engine) -> Iterator[list[str]]:
    """What is sent meanwhile."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(engine, "before_cursor_execute", note)


def sums(session: Session, node: Node = NORTH) -> list[float]:
    coverage = known_coverage(session, MONTHLY)
    assert coverage is not None
    return [point.sales for point in history(session, node, coverage)]


def test_totals_are_read_once(session: Session, engine: sa.Engine) -> None:
    load_sales(session, monthly_sales(4))
    first = sums(session), known_coverage(session, DAILY)
    with statements(engine) as found:
        assert (sums(session), known_coverage(session, DAILY)) == first
    assert found
    assert not [statement for statement in found if "sales_agg" in statement]


def test_new_sales_are_seen_at_once(session: Session) -> None:
    load_sales(session, monthly_sales(4))
    before = sums(session)
    load_sales(session, [sale for sale in monthly_sales(6) if sale.day >= date(2022, 5, 1)])
    assert sums(session)[:4] == before
    assert len(sums(session)) == 6
    assert known_coverage(session, MONTHLY) == read_coverage(session, MONTHLY)


def test_sales_that_were_taken_away_are_gone_at_once(session: Session) -> None:
    """Their rows may not have been the newest: the event says that the totals are others."""
    load_sales(session, monthly_sales(4))
    before = sums(session)
    first = session.scalars(sa.select(SalesRaw.id).where(SalesRaw.region == "North").order_by(SalesRaw.id)).first()
    session.execute(sa.delete(SalesRaw).where(SalesRaw.id == first))
    refresh_aggregates(session, None, None)
    record(session, AggregatesRefreshed(None, None))
    session.commit()
    assert sums(session)[0] < before[0]


def test_a_limited_caller_gets_a_history_of_their_own(session: Session) -> None:
    load_sales(session, monthly_sales(4))
    whole = sums(session, Node())
    scope.limit(Caller("ann@example.com", Scope(regions=("South",))))
    try:
        south = sums(session, Node())
    finally:
        scope.limit(None)
    assert 0 < sum(south) < sum(whole)
    assert sums(session, Node()) == whole


def test_sums_by_month_are_read_once_and_anew_for_each_part_of_a_list(session: Session, engine: sa.Engine) -> None:
    load_sales(session, monthly_sales(6))

    def sums_of(limit: int, after: Any = None, region: str = "North") -> list[tuple[date, float]]:
        page = period_sales(session, "monthly", SalesFilter(region=region), limit=limit, after=after)
        return [(item.period, item.total_sales) for item in page.items]

    first = sums_of(2)
    with statements(engine) as found:
        assert sums_of(2) == first
    assert not [statement for statement in found if "sales_agg" in statement]
    assert sums_of(2, (first[-1][0],)) == sums_of(4)[2:]
    assert sums_of(2, region="South") != first
    load_sales(session, [sale for sale in monthly_sales(7) if sale.day >= date(2022, 7, 1)])
    assert sums_of(3)[1:] == first


def test_a_forecast_is_read_once_and_called_by_its_name_of_now(session: Session, engine: sa.Engine) -> None:
    load_sales(session, monthly_sales(6))
    publish(session, date(2022, 6, 1), periods=12)
    product = session.scalars(sa.select(Product).order_by(Product.id)).first()
    assert product is not None
    node = Node(product=product.code)
    first = outlook(session, node)
    with statements(engine) as found:
        assert outlook(session, node) == first
    assert not [statement for statement in found if "forecast_results" in statement]
    catalog.replace(session, product, {"name": "Nut"})
    assert outlook(session, node).node.label == "Nut"


def test_a_product_that_moves_moves_the_forecast_of_its_category(session: Session) -> None:
    load_sales(session, monthly_sales(6))
    publish(session, date(2022, 6, 1), periods=12)
    product, *others = session.scalars(sa.select(Product).order_by(Product.id))
    for one in others:
        catalog.replace(session, one, {"name": one.name, "category": "Bolts"})
    before = outlook(session, Node(category="Bolts")).forecast
    catalog.replace(session, product, {"name": product.name, "category": "Bolts"})
    assert outlook(session, Node(category="Bolts")).forecast[0].mean > before[0].mean


def test_what_was_asked_for_last_is_kept(session: Session, monkeypatch: Any) -> None:
    monkeypatch.setattr(remembered, "MOST", 2)
    made: list[str] = []

    def get(key: str) -> None:
        remembered.remembered(session, key, lambda: made.append(key))

    for key in ("a", "b", "a", "c", "a", "b"):
        get(key)
    assert made == ["a", "b", "c", "b"]
