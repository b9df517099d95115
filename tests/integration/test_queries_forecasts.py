"""What pages and API read: history, stored forecasts, and allocations that add up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
import sqlalchemy as sa
from factories import PLACES, PRODUCTS, Sale, load_sales, monthly_sales
from made_once import once
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.results import ForecastRun
from ml.errors import NotFoundError
from ml.grains import MONTHLY
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train
from webapp.queries.explore import breakdown, dimensions, search
from webapp.queries.forecasts import outlook
from webapp.queries.nodes import Node, resolve
from webapp.queries.overview import overview


def coarse_sales() -> Iterator[Sale]:
    """Sales of which only territory x category has enough history: areas and products take turns."""
    for number, sale in enumerate(monthly_sales(30)):
        month = sale.day.year * 12 + sale.day.month
        suffix = f"-{month % 4}"
        yield Sale(
            sale.day, sale.amount, sale.region, sale.territory, sale.area + suffix, sale.product + suffix, sale.category
        )
        if number % 7 == 0:
            yield Sale(sale.day, 3.0, sale.region, sale.territory, "Rare", "P-rare", sale.category)


@pytest.fixture
def published(session: Session, store: ArtifactStore) -> Session:
    """30 months of sales, forecast for 6 at territory x category."""
    once(session, store, make_forecasts)
    run = session.scalars(sa.select(ForecastRun)).one()
    assert (run.location_level, run.product_level) == ("territory", "category")
    return session


def make_forecasts(session: Session, store: ArtifactStore) -> None:
    load_sales(session, coarse_sales())
    train(session, store, candidates=["seasonal_naive"])
    forecast(session, store, horizon=6)


def expected(session: Session, node: Node) -> list[float]:
    return [point.mean for point in outlook(session, node).forecast]


def test_without_sales_the_outlook_says_so(session: Session) -> None:
    view = outlook(session, Node())
    assert view.history == []
    assert view.message == "No sales have been imported yet."
    assert not overview(session, utc_now()).has_data


def test_too_little_history_is_said_in_numbers(session: Session) -> None:
    load_sales(session, monthly_sales(2))
    view = outlook(session, Node())
    assert view.message is not None
    assert "2 of 3 months" in view.message
    assert len(view.history) == 2


def test_stored_levels_have_stored_bands(published: Session) -> None:
    for node in (Node(), Node(region="North"), Node(territory="N1", category="Tools")):
        view = outlook(published, node)
        assert view.bands == "stored"
        assert len(view.forecast) == 6
        assert all(point.p10 <= point.p50 <= point.p90 for point in view.forecast)


def test_allocated_means_add_up_to_the_base_in_both_directions(published: Session) -> None:
    base = expected(published, Node(region="North", territory="N1", category="Tools"))
    areas = [row.node for row in breakdown(published, Node(territory="N1", category="Tools", region="North"), "area")]
    products = [
        row.node for row in breakdown(published, Node(territory="N1", category="Tools", region="North"), "product")
    ]
    assert len(areas) > 4
    assert len(products) > 4
    for nodes in (areas, products):
        assert [
            sum(values) for values in zip(*(expected(published, node) for node in nodes), strict=True)
        ] == pytest.approx(base)


def test_areas_and_products_crossed_add_up_to_the_area(published: Session) -> None:
    area = Node(region="South", territory="S1", area="Derwent-1")
    parts = [expected(published, row.node) for row in breakdown(published, area, "product")]
    assert [sum(values) for values in zip(*parts, strict=True)] == pytest.approx(expected(published, area))
    assert outlook(published, area).bands == "approximate"


@pytest.mark.parametrize("dimension", ["region", "territory", "area", "category", "product"])
def test_every_breakdown_adds_up_to_the_whole(published: Session, dimension: str) -> None:
    rows = breakdown(published, Node(), dimension)
    whole = outlook(published, Node())
    assert sum(row.next12 or 0 for row in rows) == pytest.approx(sum(point.mean for point in whole.forecast))
    assert sum(row.last12 for row in rows) == pytest.approx(sum(point.sales for point in whole.history[-12:]))
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert [row.last12 for row in rows] == sorted((row.last12 for row in rows), reverse=True)


def test_approximate_bands_hold_the_mean_and_never_cross(published: Session) -> None:
    view = outlook(published, Node(product="P-1-1"))
    assert view.bands == "approximate"
    for point in view.forecast:
        quantiles = [point.p025, point.p10, point.p25, point.p50, point.p75, point.p90, point.p975]
        assert quantiles == sorted(quantiles)
        assert point.p025 >= 0


def test_an_area_alone_is_completed_with_its_territory(published: Session) -> None:
    assert resolve(published, Node(area="Derwent-1")) == Node("South", "S1", "Derwent-1")
    assert resolve(published, Node(product="P-3-0")).category == "Paint"


def test_an_ambiguous_area_stays_open_and_sums_both(published: Session) -> None:
    node = resolve(published, Node(area="Rare"))
    assert node.territory == ""
    both = [expected(published, Node(territory=place, area="Rare")) for place in ("N1", "N2", "S1")]
    assert [sum(values) for values in zip(*both, strict=True)] == pytest.approx(expected(published, Node(area="Rare")))


def test_unknown_names_are_named(published: Session) -> None:
    with pytest.raises(NotFoundError, match="area 'Atlantis' has no sales"):
        outlook(published, Node(area="Atlantis"))
    with pytest.raises(NotFoundError, match="region 'South', territory 'N1' together"):
        outlook(published, Node(region="South", territory="N1"))


def test_history_marks_partial_months_and_fills_gaps(session: Session) -> None:
    load_sales(session, [*monthly_sales(4), Sale(date(2022, 5, 2), 7.0), Sale(date(2022, 1, 5), 1.0, area="Once")])
    view = outlook(session, Node())
    assert [point.partial for point in view.history] == [False, False, False, False, True]
    once = outlook(session, Node(area="Once"))
    assert [point.sales for point in once.history] == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_dimensions_leave_out_what_is_given_and_what_the_data_lacks(published: Session) -> None:
    assert dimensions(published, Node()) == ["region", "territory", "area", "category", "product"]
    assert dimensions(published, Node(territory="N1", region="North")) == ["area", "category", "product"]


def test_search_finds_places_and_products_by_part_of_the_name(published: Session) -> None:
    assert Node(region="North") in search(published, "nor")
    assert Node("South", "S1", "Derwent-1") in search(published, "derwent-1")
    assert any(node.product == "P-1-0" for node in search(published, "product p-1-0"))
    assert search(published, "%") == []
    assert search(published, " ") == []


def test_places_of_one_name_are_told_apart(session: Session) -> None:
    twins = [Sale(date(2022, 1, 5), 1.0, territory=name, area="Twin") for name in ("N1", "N2")]
    load_sales(session, [*monthly_sales(4), *twins])
    details = {row.node.territory: row.detail for row in breakdown(session, Node(), "area") if row.label == "Twin"}
    assert details == {"N1": "N1", "N2": "N2"}
    assert {row.detail for row in breakdown(session, Node(), "area") if row.label != "Twin"} == {""}


def test_months_that_come_at_once_are_judged_by_what_was_said_last(published: Session, store: ArtifactStore) -> None:
    assert overview(published, utc_now()).issued == []
    load_sales(published, monthly_sales(3, date(2024, 7, 1)))
    forecast(published, store, horizon=6)
    published.commit()
    found = [(one.period, one.horizon) for one in overview(published, utc_now()).issued]
    assert found == [(date(2024, 8, 1), 2), (date(2024, 9, 1), 3)]


def test_the_overview_compares_with_the_month_and_the_year_before(published: Session) -> None:
    view = overview(published, utc_now())
    assert view.last_period == date(2024, 6, 1)
    found = {dimension: {one.node.label for one in page.items} for dimension, page in view.breakdowns}
    assert found == {"region": {place[0] for place in PLACES}, "category": {product[1] for product in PRODUCTS}}
    assert view.model is not None
    assert view.model["type"] == "seasonal_naive"
    assert view.next_point is not None
    months = {point.period: point.sales for point in view.outlook.history}
    june, may, year_before = months[date(2024, 6, 1)], months[date(2024, 5, 1)], months[date(2023, 6, 1)]
    assert view.last_change_month == pytest.approx(june / may - 1)
    assert view.last_change_year == pytest.approx(june / year_before - 1)


def test_what_has_not_sold_for_a_year_is_forecast_as_nothing(session: Session, store: ArtifactStore) -> None:
    load_sales(session, [*coarse_sales(), Sale(date(2022, 3, 5), 50.0, product="P-old")])
    train(session, store, candidates=["seasonal_naive"])
    forecast(session, store, horizon=6)
    session.commit()
    view = outlook(session, Node(product="P-old"))
    assert [(point.mean, point.p90) for point in view.forecast] == [(0.0, 0.0)] * 6
    assert view.message is None


def test_sales_that_came_after_the_forecast_are_said_to_be_too_new(published: Session) -> None:
    load_sales(published, [Sale(date(2024, 7, 2), 50.0, area="Newton", territory="N9", product="P-new")])
    for node in (Node(product="P-new"), Node(territory="N9"), Node(area="Newton")):
        view = outlook(published, node)
        assert (view.forecast, view.bands) == ([], "none")
        assert view.message is not None
        assert "is not in the published forecast, which knows the whole months up to June 2024" in view.message


@pytest.mark.parametrize("amount", [0.0, -10.0], ids=["zero", "returns"])
def test_sales_of_nothing_but_zeros_or_returns_still_have_forecasts_everywhere(
    session: Session, store: ArtifactStore, amount: float
) -> None:
    sales = (Sale(sale.day, amount, sale.region, sale.territory, sale.area) for sale in monthly_sales(6))
    load_sales(session, sales)
    train(session, store, candidates=["seasonal_naive"])
    forecast(session, store, horizon=3)
    session.commit()
    for node in (Node(), Node(region="North"), Node(area="Corby")):
        assert expected(session, node) == [0.0] * 3


def test_a_base_series_with_more_returns_than_sales_is_split_evenly(session: Session, store: ArtifactStore) -> None:
    """Seasonal naive repeats last year's one good month; that mean must reach the products, too."""
    months = [MONTHLY.shift(date(2022, 1, 1), back) for back in range(24)]
    amounts = [(month, 90.0 if month.month == 3 else -40.0) for month in months]
    steady = [Sale(month, amount, product=f"P-{month.month % 4}") for month, amount in amounts]
    load_sales(session, steady)
    train(session, store, candidates=["seasonal_naive"])
    forecast(session, store, horizon=12)
    session.commit()
    run = session.scalars(sa.select(ForecastRun)).one()
    assert run.product_level == "category"
    products = [expected(session, Node(product=f"P-{number}")) for number in range(4)]
    assert [sum(values) for values in zip(*products, strict=True)] == pytest.approx(expected(session, Node()))
    assert sum(expected(session, Node())) > 0


def test_a_part_too_young_for_a_forecast_says_how_young(session: Session, store: ArtifactStore) -> None:
    load_sales(session, coarse_sales())
    last = date(2024, 6, 1)
    load_sales(
        session, [Sale(day, 50.0, "North", "N1", "N1-new", "P-new", "Tools") for day in (date(2024, 5, 3), last)]
    )
    train(session, store, candidates=["seasonal_naive"])
    forecast(session, store, horizon=6)
    session.commit()
    view = outlook(session, resolve(session, Node(product="P-new")))
    assert (view.forecast, view.message) == ([], view.message)
    assert "not enough history: 2 of 3 months" in str(view.message)
    assert outlook(session, Node(territory="N1", category="Tools")).forecast
