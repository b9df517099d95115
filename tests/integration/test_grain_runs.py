"""The same sales forecast by month, week and day: coherent, of whole periods only, and with the calendar's plans."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from factories import PLACES, PRODUCTS, Sale, load_sales
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.catalog import Series
from ml.db.drivers import Event
from ml.db.imports import Import
from ml.db.keys import hash_key
from ml.db.results import ForecastResult, ForecastRun, ModelVersion
from ml.errors import NotEnoughHistoryError
from ml.etl.cleaning.clean import clean_panel
from ml.etl.cleaning.context import read_context
from ml.etl.extract import Level, choose_base_level, read_sales
from ml.grains import DAILY, GRAINS, MONTHLY, WEEKLY
from ml.pipelines.drift import check_drift
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train
from webapp.queries.forecasts import outlook
from webapp.queries.insights import anomalies, decomposition, plain_outlook, stored_id
from webapp.queries.nodes import Node

FIRST, LAST = date(2024, 1, 10), date(2024, 6, 20)  # a Wednesday and a Thursday: no whole month or week at either end
NAIVE = ["seasonal_naive"]


def daily_sales(first: date = FIRST, last: date = LAST) -> Iterator[Sale]:
    """Every day, in 4 areas and of 3 products; twice as much at weekends, half on the 5th of a month."""
    for day in (first + timedelta(days=ahead) for ahead in range((last - first).days + 1)):
        for i, (region, territory, area) in enumerate(PLACES):
            for j, (product, category) in enumerate(PRODUCTS):
                amount = (10.0 + i + j) * (2 if day.weekday() > 4 else 1) * (0.5 if day.day == 5 else 1)
                yield Sale(day, amount, region, territory, area, product, category)


def add_event(session: Session, kind: str, day: date, last: date | None = None, **names: str) -> None:
    key = hash_key(kind, day, *names.values())
    session.add(Event(key=key, kind=kind, name=kind, starts_on=day, ends_on=last or day, **names))


@pytest.fixture
def sold(session: Session) -> Session:
    load_sales(session, daily_sales())
    return session


def run(session: Session, store: ArtifactStore, grain: str) -> ForecastRun:
    train(session, store, grain, candidates=NAIVE)
    made = forecast(session, store, grain)
    session.commit()
    return session.get_one(ForecastRun, made.run_id)


@pytest.mark.parametrize(
    ("grain", "first", "last"),
    [
        ("monthly", date(2024, 2, 1), date(2024, 5, 1)),
        ("weekly", date(2024, 1, 15), date(2024, 6, 10)),
        ("daily", FIRST, LAST),
    ],
)
def test_a_model_learns_whole_periods_only(
    sold: Session, store: ArtifactStore, grain: str, first: date, last: date
) -> None:
    made = run(sold, store, grain)
    model = sold.get_one(ModelVersion, made.model_id)
    assert (model.data_from, model.data_to, made.as_of) == (first, last, last)
    spec = GRAINS[grain]
    periods = sold.scalars(sa.select(ForecastResult.period).where(ForecastResult.run_id == made.id).distinct()).all()
    assert sorted(periods) == [spec.shift(last, ahead) for ahead in range(1, spec.horizon + 1)]


def test_runs_of_all_grains_stand_beside_each_other_and_add_up(sold: Session, store: ArtifactStore) -> None:
    for grain in GRAINS:
        run(sold, store, grain)
    for grain in GRAINS:
        sums = (
            sa.select(Series.location_level, Series.product_level, sa.func.sum(ForecastResult.mean))
            .join(Series, Series.id == ForecastResult.series_id)
            .join(ForecastRun, ForecastRun.id == ForecastResult.run_id)
            .where(ForecastRun.slot == grain)
            .group_by(Series.location_level, Series.product_level)
        )
        totals = [total for *_, total in sold.execute(sums)]
        assert len(totals) == 4 * 3
        assert max(totals) == pytest.approx(min(totals), rel=1e-9)
    views = {grain: outlook(sold, Node(region="North"), grain=spec) for grain, spec in GRAINS.items()}
    history = [sum(point.sales for point in view.history) for view in views.values()]
    assert history == pytest.approx([history[0]] * 3)
    week = next(point.mean for point in views["weekly"].forecast if point.period == date(2024, 6, 24))
    days = [p.mean for p in views["daily"].forecast if date(2024, 6, 24) <= p.period < date(2024, 7, 1)]
    assert sum(days) == pytest.approx(week, rel=0.05)


def test_what_was_sold_is_recorded_beside_the_forecasts_of_its_own_grain(sold: Session, store: ArtifactStore) -> None:
    """1 July 2024 is a Monday: a month, a week and a day begin with it."""
    for grain in GRAINS:
        run(sold, store, grain)
    load_sales(sold, daily_sales(LAST + timedelta(days=1), date(2024, 7, 12)))
    for grain in GRAINS:
        forecast(sold, store, grain)
    query = (
        sa.select(ForecastResult.grain, ForecastResult.actual)
        .join(Series, Series.id == ForecastResult.series_id)
        .where(Series.location_level == "total", Series.product_level == "total")
        .where(ForecastResult.period == date(2024, 7, 1), ForecastResult.as_of < date(2024, 7, 1))
    )
    actual = {grain: value for grain, value in sold.execute(query) if value is not None}
    day = sum(sale.amount for sale in daily_sales(date(2024, 7, 1), date(2024, 7, 1)))
    week = sum(sale.amount for sale in daily_sales(date(2024, 7, 1), date(2024, 7, 7)))
    assert actual == {"daily": pytest.approx(day), "weekly": pytest.approx(week)}


@pytest.mark.parametrize("grain", ["weekly", "daily"])
def test_series_are_explained_and_checked_by_each_grain(session: Session, store: ArtifactStore, grain: str) -> None:
    load_sales(session, [*daily_sales(), Sale(date(2024, 4, 10), 9000.0)])
    run(session, store, grain)
    assert check_drift(session, grain).anomalies > 0
    total = stored_id(session, Node())
    assert total is not None
    spec = GRAINS[grain]
    _, checked, found = anomalies(session, total, spec)
    assert checked == outlook(session, Node(), grain=spec).as_of
    assert spec.start(date(2024, 4, 10)) in [row.period for row in found]
    _, periods, sales, parts = decomposition(session, total, spec)
    assert len(periods) == len(sales) == len(parts.trend) == spec.count(periods[0], periods[-1])
    view = plain_outlook(session, Node(), grain=spec)
    assert view.period == spec.shift(view.as_of, 1)
    assert view.outlook.accuracy is not None


def test_under_three_months_of_days_no_forecast_is_made_and_the_message_counts_days(
    session: Session, store: ArtifactStore
) -> None:
    load_sales(session, daily_sales(FIRST, FIRST + timedelta(days=79)))
    with pytest.raises(NotEnoughHistoryError, match="80 of 84 days"):
        train(session, store, "daily", candidates=NAIVE)
    assert "80 of 84 days" in (outlook(session, Node(), grain=DAILY).message or "")


def test_a_day_that_was_not_over_when_its_sales_were_loaded_is_not_learned(session: Session) -> None:
    today = utc_now().date()
    load_sales(session, daily_sales(today - timedelta(days=99), today))
    session.execute(sa.update(Import).values(finished_at=utc_now()))
    table = read_sales(session, DAILY)
    assert table.coverage.last_complete == today - timedelta(days=1)
    assert table.frame["ds"].max().date() == today - timedelta(days=1)


def test_days_are_forecast_at_a_level_that_sells_on_most_of_them(session: Session) -> None:
    """Each product sells once a week in each area: enough for months and weeks, not for days."""
    sales = [sale for sale in daily_sales() if (sale.day.toordinal() + hash_key(sale.area, sale.product)[0]) % 7 == 0]
    load_sales(session, sales)
    levels = {grain.name: choose_base_level(read_sales(session, grain)) for grain in (MONTHLY, WEEKLY, DAILY)}
    assert levels["weekly"] == Level("area", "product")
    assert levels["daily"] not in (Level("area", "product"), Level("total", "total"))


def test_holidays_and_events_reach_days_and_weeks_as_plans(sold: Session) -> None:
    add_event(sold, "holiday", date(2024, 5, 1))
    add_event(sold, "holiday", date(2024, 7, 4))
    add_event(sold, "promotion", date(2024, 4, 1), date(2024, 4, 14), region="North")
    sold.commit()
    table = read_sales(sold, DAILY)
    context = read_context(sold, table)
    panel = clean_panel(table, Level("region", "total"), context).panel
    assert panel.known == ("holiday", "days_to_holiday", "event")
    north, south = panel.statics.sort_values("region").index
    rows = panel.frame.set_index(["unique_id", "ds"])
    assert rows.loc[(north, "2024-05-01"), "holiday"] == 1
    assert rows.loc[(north, "2024-04-28"), "days_to_holiday"] == 3
    assert (rows.loc[(north, "2024-04-03"), "event"], rows.loc[(south, "2024-04-03"), "event"]) == (1, 0)
    future = panel.future(panel.last, DAILY.horizon).set_index(["unique_id", "ds"])
    assert len(future) == 2 * DAILY.horizon
    assert future.loc[(south, "2024-07-04"), "holiday"] == 1
    assert future["holiday"].sum() == 2
    weekly = read_sales(sold, WEEKLY)
    weeks = clean_panel(weekly, Level("region", "total"), read_context(sold, weekly)).panel
    assert weeks.frame.set_index(["unique_id", "ds"]).loc[(north, "2024-04-29"), "holiday"] == pytest.approx(1 / 7)
    months = read_sales(sold, MONTHLY)
    assert clean_panel(months, Level("region", "total"), read_context(sold, months)).panel.known == ()


def test_a_daily_model_learns_holidays_and_expects_those_to_come(session: Session, store: ArtifactStore) -> None:
    closed = [date(2023, 7, 1) + timedelta(days=13 * number) for number in range(29)]
    open_days = daily_sales(date(2023, 7, 1), date(2024, 7, 1))
    load_sales(session, [sale for sale in open_days if sale.area == "Ayton" and sale.day not in closed])
    for day in closed:
        add_event(session, "holiday", day)
    to_come = date(2024, 7, 10)
    add_event(session, "holiday", to_come)
    session.commit()
    train(session, store, "daily", candidates=["lightgbm"])
    forecast(session, store, "daily")
    points = {point.period: point.mean for point in outlook(session, Node(), grain=DAILY).forecast}
    usual = (points[to_come - timedelta(days=7)] + points[to_come + timedelta(days=7)]) / 2
    assert points[to_come] < 0.5 * usual
