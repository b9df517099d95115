"""Overrides in the database: spread over what a part is made of, at, above and below the level that is forecast."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from math import fsum

import pytest
from factories import PLACES, Sale, load_sales
from made_once import once
from sqlalchemy.orm import Session
from test_queries_forecasts import coarse_sales

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.catalog import Series
from ml.db.overrides import ForecastOverride, OverrideDelta, OverrideValue
from ml.errors import DataError
from ml.overrides import Part, apply_override, read_cells, reapply
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train
from webapp.queries.stored import published_run

FIRST = date(2024, 7, 1)  # the first forecast month after 30 months of sales
NORTH = Part("region", "total", region="North")
TOOLS = Part("territory", "category", region="North", territory="N1", category="Tools")


@pytest.fixture
def published(session: Session, store: ArtifactStore) -> Session:
    """30 months of sales, forecast for 6 at territory x category."""
    once(session, store, make_forecasts)
    return session


def make_forecasts(session: Session, store: ArtifactStore) -> None:
    load_sales(session, coarse_sales())
    train(session, store, candidates=["seasonal_naive"])
    forecast(session, store, horizon=6)


def override(session: Session, part: Part, kind: str, values: dict[date, float]) -> ForecastOverride:
    """An active override in the published run."""
    row = ForecastOverride(
        grain="monthly", kind=kind, reason="market", state="active", created_by="ann", activated_at=utc_now(),
        **vars(part),
    )  # fmt: skip
    session.add(row)
    session.flush()
    session.add_all(OverrideValue(override_id=row.id, period=period, value=value) for period, value in values.items())
    session.flush()
    run = published_run(session)
    assert run is not None
    apply_override(session, run, row)
    session.commit()
    return row


def total(session: Session, part: Part, period: date = FIRST) -> float:
    run = published_run(session)
    assert run is not None
    return fsum(cell.value for cell in read_cells(session, run, part, [period]))


def areas(session: Session) -> list[Part]:
    """The areas of a territory, finer than what is forecast."""
    leaves = session.query(Series).filter_by(location_level="area", territory="N1")
    return [Part("area", "total", "North", "N1", area) for area in sorted({leaf.area for leaf in leaves})]


def next_month() -> Iterator[Sale]:
    """Sales of July 2024, and of a day in August that tells that July is over."""
    for region, territory, area in PLACES:
        for day in (1, 8, 15, 22, 31):
            yield Sale(date(2024, 7, day), 7.0, region, territory, f"{area}-0", "P-1-0", "Tools")
        yield Sale(date(2024, 8, 1), 7.0, region, territory, f"{area}-0", "P-1-0", "Tools")


def test_a_total_is_spread_over_its_base_series_by_proportion(published: Session) -> None:
    before, tools = total(published, Part()), total(published, TOOLS)
    override(published, Part(), "value", {FIRST: 2 * before})
    assert total(published, Part()) == pytest.approx(2 * before, abs=1e-3)
    assert total(published, TOOLS) == pytest.approx(2 * tools, abs=1e-3)


def test_a_part_moves_the_totals_above_it_by_the_same(published: Session) -> None:
    before, north, tools = total(published, Part()), total(published, NORTH), total(published, TOOLS)
    override(published, TOOLS, "value", {FIRST: tools + 1234.5})
    assert total(published, NORTH) == pytest.approx(north + 1234.5, abs=1e-3)
    assert total(published, Part()) == pytest.approx(before + 1234.5, abs=1e-3)


def test_other_periods_stay(published: Session) -> None:
    later = date(2024, 8, 1)
    before = total(published, Part(), later)
    override(published, Part(), "percent", {FIRST: 50.0})
    assert total(published, Part(), later) == before


def test_a_part_below_the_base_moves_it_by_the_same_and_its_neighbours_not(published: Session) -> None:
    part, beside, *_ = areas(published)
    territory = Part("territory", "total", "North", "N1")
    before = total(published, part), total(published, beside), total(published, territory)
    override(published, part, "percent", {FIRST: 100.0})
    assert total(published, part) == pytest.approx(2 * before[0], abs=1e-3)
    assert total(published, beside) == pytest.approx(before[1], abs=1e-3)
    assert total(published, territory) == pytest.approx(before[2] + before[0], abs=1e-3)


def test_later_overrides_change_what_earlier_ones_left_in_proportion(published: Session) -> None:
    part = areas(published)[0]
    override(published, part, "percent", {FIRST: 100.0})
    moved = total(published, part)
    override(published, NORTH, "percent", {FIRST: -50.0})
    assert total(published, part) == pytest.approx(moved / 2, abs=1e-3)


def test_zero_is_reached_and_left_again(published: Session) -> None:
    override(published, NORTH, "value", {FIRST: 0.0})
    assert total(published, NORTH) == pytest.approx(0.0, abs=1e-3)
    override(published, NORTH, "value", {FIRST: 900.0})
    assert total(published, NORTH) == pytest.approx(900.0, abs=1e-3)


def test_what_was_before_and_after_is_noted(published: Session) -> None:
    before = total(published, NORTH)
    override(published, NORTH, "percent", {FIRST: 10.0})
    row = override(published, NORTH, "percent", {FIRST: 10.0})
    value = published.query(OverrideValue).filter_by(override_id=row.id).one()
    assert value.system == pytest.approx(before, abs=1e-3)
    assert value.before == pytest.approx(before * 1.1, abs=1e-3)
    assert value.after == pytest.approx(before * 1.21, abs=1e-3)


def test_a_part_without_forecast_cannot_be_changed(published: Session) -> None:
    with pytest.raises(DataError, match="no forecast to change"):
        override(published, Part("region", "total", region="Atlantis"), "value", {FIRST: 1.0})


def test_withdrawn_overrides_leave_nothing_behind(published: Session) -> None:
    before = total(published, NORTH)
    first = override(published, NORTH, "percent", {FIRST: 10.0})
    override(published, NORTH, "value", {FIRST: 5000.0})
    for row in published.query(ForecastOverride):
        row.state = "withdrawn" if row.id != first.id else "active"
    run = published_run(published)
    assert run is not None
    assert reapply(published, run) == 1
    assert total(published, NORTH) == pytest.approx(before * 1.1, abs=1e-3)


def test_overrides_hold_in_the_next_run_and_past_ones_are_judged(published: Session, store: ArtifactStore) -> None:
    second = date(2024, 8, 1)
    row = override(published, NORTH, "value", {FIRST: 5000.0, second: 6000.0})
    system = total(published, Part())
    assert system > 0
    load_sales(published, next_month())
    forecast(published, store, horizon=6)
    published.commit()
    values = published.query(OverrideValue).filter_by(override_id=row.id).order_by(OverrideValue.period).all()
    assert values[0].final == pytest.approx(5000.0, abs=1e-3)
    assert values[0].actual == pytest.approx(7.0 * 5 * 3)
    assert values[0].naive is not None
    assert values[0].naive > 100
    assert values[1].actual is None
    assert total(published, NORTH, second) == pytest.approx(6000.0, abs=1e-3)
    run = published_run(published)
    assert run is not None
    assert {delta.run_id for delta in published.query(OverrideDelta)} == {run.id}
