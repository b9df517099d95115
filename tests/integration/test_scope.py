"""What limited callers see: their own regions and territories, summed up, and nothing of others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from factories import PLACES, load_sales, monthly_sales
from sqlalchemy.orm import Session, aliased

import webapp.extensions  # noqa: F401  (all tables)
from ml.artifacts import ArtifactStore
from ml.db.base import Base, utc_now
from ml.db.catalog import Product, Series
from ml.db.results import ForecastResult, ForecastRun
from ml.db.sales import SalesMonthly, SalesRaw
from ml.db.session import create_engine
from ml.errors import NotFoundError
from ml.hierarchy import LOCATION_LEVELS
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train
from webapp.queries import scope
from webapp.queries.explore import breakdown, dimensions, search
from webapp.queries.forecasts import outlook
from webapp.queries.insights import plain_outlook
from webapp.queries.nodes import Node
from webapp.queries.overview import overview
from webapp.queries.sales import SalesFilter, list_sales, period_sales
from webapp.queries.scope import Caller, Scope

ALL = tuple(sorted({region for region, _, _ in PLACES}))
SOUTH = Scope(("South",))
N2 = Scope(territories=(("North", "N2"),))
MIXED = Scope(("South",), (("North", "N2"),))


@pytest.fixture(autouse=True)
def _unlimited() -> Iterator[None]:
    yield
    scope.limit(None)


@pytest.fixture(scope="module", params=["area", "territory", "total"])
def made(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> str:
    """The address of a database with 30 months of sales, forecast for 6 at that level of places."""
    url = f"sqlite:///{tmp_path_factory.mktemp('scope') / 'made.db'}"
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        load_sales(session, monthly_sales(30))
        store = ArtifactStore(str(tmp_path_factory.mktemp("artifacts")))
        train(session, store, candidates=["seasonal_naive"])
        forecast(session, store, horizon=6)
        session.commit()
        coarsen(session, request.param)
    engine.dispose()
    return url


def coarsen(session: Session, location_level: str) -> None:
    """Let the published run be one whose base is this level of places: finer rows go."""
    levels = LOCATION_LEVELS[LOCATION_LEVELS.index(location_level) + 1 :]
    finer = sa.select(Series.id).where(Series.location_level.in_(levels))
    session.execute(sa.delete(ForecastResult).where(ForecastResult.series_id.in_(finer)))
    session.execute(sa.update(ForecastRun).values(location_level=location_level))
    session.commit()


@pytest.fixture
def published(made: str) -> Iterator[Session]:
    """A session on that database; nothing of it is kept."""
    engine = create_engine(made)
    with Session(engine) as session:
        yield session
        session.rollback()
    engine.dispose()


def see(scope_: Scope | None) -> None:
    scope.limit(Caller("ann@example.com", scope_))


def means(session: Session, node: Node) -> list[float]:
    return [point.mean for point in outlook(session, node).forecast]


def sold(session: Session, node: Node) -> float:
    return sum(point.sales for point in outlook(session, node).history)


def test_every_table_is_limited_or_open() -> None:
    assert set(Base.metadata.tables) <= scope.LIMITED_TABLES | scope.OPEN
    assert not scope.LIMITED_TABLES & scope.OPEN


def test_totals_of_a_limited_caller_are_the_sums_of_what_they_see(published: Session) -> None:
    parts = [Node(region="South"), Node(region="North", territory="N2")]
    expected = [sum(values) for values in zip(*(means(published, part) for part in parts), strict=True)]
    history = sum(sold(published, part) for part in parts)
    everything = sold(published, Node())
    see(MIXED)
    view = outlook(published, Node())
    assert [point.mean for point in view.forecast] == pytest.approx(expected)
    assert sum(point.sales for point in view.history) == pytest.approx(history)
    assert history < everything
    assert view.bands == "approximate"
    assert all(point.p10 <= point.p50 <= point.p90 for point in view.forecast)


@pytest.mark.parametrize(("limit", "node"), [(SOUTH, Node(region="South")), (N2, Node(region="North", territory="N2"))])
def test_to_who_sees_one_place_alone_all_sales_are_that_place(published: Session, limit: Scope, node: Node) -> None:
    expected = outlook(published, node)
    see(limit)
    view = outlook(published, Node())
    assert [point.mean for point in view.forecast] == pytest.approx([point.mean for point in expected.forecast])
    assert (view.node.label, view.bands) == (expected.node.label, expected.bands)


def test_whoever_sees_all_regions_by_name_gets_the_whole(published: Session) -> None:
    expected = means(published, Node())
    see(Scope(ALL))
    assert means(published, Node()) == pytest.approx(expected)


def test_products_are_summed_over_what_is_seen(published: Session) -> None:
    expected = means(published, Node(region="South", category="Tools"))
    see(SOUTH)
    assert means(published, Node(category="Tools")) == pytest.approx(expected)


def test_foreign_places_are_unknown(published: Session) -> None:
    see(SOUTH)
    for node in (Node(region="North"), Node(territory="N1"), Node(region="North", territory="N2", area="Corby")):
        with pytest.raises(NotFoundError):
            outlook(published, node)
    assert search(published, "N1") == []
    assert [node.region for node in search(published, "South")] == ["South"]


def test_breakdowns_hold_what_is_seen_and_add_up(published: Session) -> None:
    see(MIXED)
    total = sum(means(published, Node()))
    for dimension in dimensions(published, Node()):
        rows = breakdown(published, Node(), dimension)
        assert {row.node.region for row in rows} <= {"South", "North", ""}
        assert {row.node.territory for row in rows} <= {"S1", "N2", ""}
        assert sum(row.next12 or 0.0 for row in rows) == pytest.approx(total), dimension
    by_region = {row.node.region: row.last12 for row in breakdown(published, Node(), "region")}
    see(N2)
    assert by_region["North"] == pytest.approx(sum(row.last12 for row in breakdown(published, Node(), "area")))


def test_overview_and_plain_outlook_are_of_what_is_seen(published: Session) -> None:
    expected = plain_outlook(published, Node(region="South"))
    see(SOUTH)
    assert overview(published, utc_now()).next_point is not None
    assert plain_outlook(published, Node()).outlook == expected.outlook


def test_rows_and_aggregates_are_of_what_is_seen(published: Session) -> None:
    see(N2)
    page = list_sales(published, SalesFilter(), 1000)
    assert {(line.region, line.territory) for line in page.items} == {("North", "N2")}
    monthly = period_sales(published, "monthly", SalesFilter(), limit=100).items
    everything = sum(line.sales_amount for line in list_sales(published, SalesFilter(), 100_000).items)
    assert sum(point.total_sales for point in monthly) == pytest.approx(everything)
    assert list_sales(published, SalesFilter(region="South"), 10).items == []


def test_no_form_of_a_query_gets_around(published: Session) -> None:
    see(SOUTH)
    sales, other = SalesMonthly, aliased(SalesMonthly)
    inner = sa.select(sales.region.label("region")).subquery()
    nested = sa.select(Product.id).where(
        Product.id.in_(sa.select(SalesRaw.product_id).where(SalesRaw.region == "North"))
    )
    queries = (
        sa.select(sales.region).distinct(),
        sa.select(other.region).distinct(),
        sa.select(inner.c.region).distinct(),
        sa.select(sales.region).union(sa.select(Series.region).where(Series.region != "")),
        sa.select(Series.region).join(ForecastResult, ForecastResult.series_id == Series.id).distinct(),
    )
    for query in queries:
        assert set(published.scalars(query)) <= {"South"}, str(query)
    assert published.scalars(nested).all() == []
    assert published.scalar(sa.select(sa.func.count(sa.distinct(ForecastResult.series_id)))) == published.scalar(
        sa.select(sa.func.count(sa.distinct(ForecastResult.series_id))).join(
            Series, Series.id == ForecastResult.series_id
        )
    )
    foreign = sa.update(SalesRaw).where(SalesRaw.region == "North").values(channel="changed")
    assert published.execute(foreign).rowcount == 0  # type: ignore[attr-defined]
    assert published.execute(sa.delete(SalesRaw).where(SalesRaw.region == "North")).rowcount == 0  # type: ignore[attr-defined]


def test_tables_cannot_be_read_without_their_class(published: Session) -> None:
    see(SOUTH)
    with pytest.raises(RuntimeError, match="sales_agg_monthly"):
        published.execute(sa.select(SalesMonthly.__table__))


def test_nothing_of_places_is_read_before_it_is_known_who_asks(published: Session) -> None:
    scope.limit(scope.NOBODY)
    with pytest.raises(RuntimeError, match="sales_raw"):
        published.scalars(sa.select(SalesRaw)).first()
    assert published.scalars(sa.select(Product)).first() is not None


def test_scopes_are_read_as_they_were_written() -> None:
    written = Scope.made([" East  Side "], [("North", "N2"), ("East Side", "E1")])
    assert written == Scope(("East Side",), (("North", "N2"),))
    assert Scope.of(written.stored()) == written
    assert Scope.of(None) is None
    assert written.covers("East Side", "anything")
    assert written.covers("North", "N2")
    assert not written.covers("North")
    assert not written.covers("", "")
