"""Aggregates follow the sales: a refresh of the touched days gives what a full rebuild gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.catalog import Series
from ml.db.sales import SalesRaw
from ml.errors import DataError
from ml.pipelines.refresh import refresh_aggregates
from tests.etl_helpers import KINDS, Databases, aggregates, ingest, sales_csv


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with closing(Databases(tmp_path_factory.mktemp("etl"))) as databases:
        yield databases


@pytest.fixture(params=KINDS)
def session(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Session]:
    with databases.session(request.param) as session:
        yield session


def refreshed(session: Session, since: date | None = None, until: date | None = None) -> dict[str, list[tuple[object]]]:
    refresh_aggregates(session, since, until)
    session.commit()
    return aggregates(session)


def test_totals_equal_those_of_a_plain_loop(session: Session, store: ArtifactStore) -> None:
    ingest(session, store, sales_csv(600))
    result = refresh_aggregates(session)
    session.commit()
    daily, weekly, monthly = Counter[object](), Counter[object](), Counter[object]()
    query = sa.select(SalesRaw.series_id, SalesRaw.sale_date, SalesRaw.sales_amount, SalesRaw.sales_qty)
    for series, day, amount, quantity in session.execute(query):
        periods = (day, day - timedelta(days=day.weekday()), f"{day:%Y-%m}")
        for totals, period in zip((daily, weekly, monthly), periods, strict=True):
            totals[series, period, "amount"] += amount
            totals[series, period, "quantity"] += quantity
            totals[series, period, "rows"] += 1
    for table, period, totals, written in (
        ("sales_agg_daily", "sale_date", daily, result.daily),
        ("sales_agg_weekly", "week_start", weekly, result.weekly),
        ("sales_agg_monthly", "yearmonth", monthly, result.monthly),
    ):
        found = session.execute(sa.text(f"SELECT * FROM {table}")).mappings().all()  # noqa: S608
        assert len(found) == len(totals) / 3 == written
        for row in found:
            key = row["series_id"], row[period] if period == "yearmonth" else date.fromisoformat(str(row[period]))
            assert float(row["total_sales"]) == pytest.approx(totals[*key, "amount"])
            assert float(row["total_qty"]) == pytest.approx(totals[*key, "quantity"])
            assert row["transactions"] == totals[*key, "rows"]


def test_months_are_named_and_places_and_products_told(session: Session, store: ArtifactStore) -> None:
    ingest(session, store, "Date,Region,State,City,Product ID,Amount\n2024-02-29,North,N1,Ayton,P,7\n")
    found = refreshed(session)
    leaf = session.scalars(sa.select(Series)).one()
    product = leaf.product_id
    assert found["sales_agg_monthly"] == [(2024, 2, "2024-02", product, leaf.id, "North", "N1", "Ayton", 7, 0, 1)]
    assert found["sales_agg_weekly"] == [(date(2024, 2, 26), product, leaf.id, "North", "N1", "Ayton", 7, 0, 1)]
    assert found["series"] == [(leaf.id, date(2024, 2, 29), date(2024, 2, 29))]


def test_refreshing_the_touched_days_equals_a_full_rebuild(session: Session, store: ArtifactStore) -> None:
    ingest(session, store, sales_csv(300))
    refreshed(session)
    for start in (300, 420, 550):
        result = ingest(session, store, sales_csv(40, start))
        touched = refreshed(session, result.first_date, result.last_date)
        assert touched == refreshed(session)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (date(2022, 3, 27), date(2022, 4, 2)),  # a week across a month's end
        (date(2022, 12, 31), date(2023, 1, 1)),  # and across a year's
        (None, date(2022, 3, 3)),
        (date(2023, 6, 15), None),
    ],
)
def test_sales_that_went_away_leave_the_aggregates(
    session: Session, store: ArtifactStore, since: date | None, until: date | None
) -> None:
    ingest(session, store, sales_csv(400) + "2022-12-31,R,S,C,P,,,,,,5,1\n2023-01-01,R,S,C,P,,,,,,6,1\n")
    before = refreshed(session)
    gone = SalesRaw.sale_date.between(since or date.min, until or date.max)
    session.execute(sa.delete(SalesRaw).where(gone))
    touched = refreshed(session, since, until)
    assert touched != before
    assert touched == refreshed(session)


def test_a_rollback_leaves_the_aggregates_as_they_were(session: Session, store: ArtifactStore) -> None:
    ingest(session, store, sales_csv(50))
    before = refreshed(session)
    session.execute(sa.delete(SalesRaw))
    refresh_aggregates(session)
    session.rollback()
    assert aggregates(session) == before


def test_no_sales_give_no_aggregates(session: Session) -> None:
    assert refresh_aggregates(session).as_dict() == {
        "since": None,
        "until": None,
        "daily": 0,
        "weekly": 0,
        "monthly": 0,
    }


def test_a_span_that_ends_before_it_begins_is_refused(session: Session) -> None:
    with pytest.raises(DataError, match="the end lies before the beginning"):
        refresh_aggregates(session, date(2024, 1, 2), date(2024, 1, 1))
