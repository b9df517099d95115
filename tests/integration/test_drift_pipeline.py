"""From forecasts that were issued and what was then sold to a verdict on the model, and to anomalies at every level."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa
from factories import Sale, load_sales, monthly_sales
from made_once import once
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.catalog import Series
from ml.db.drivers import Event
from ml.db.insights import Anomaly, DriftReport
from ml.db.keys import hash_key
from ml.db.results import ForecastRun
from ml.errors import NotFoundError
from ml.grains import MONTHLY
from ml.pipelines.drift import check_drift
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train

LEARNED = 30
SINCE = date(2024, 7, 1)


def some_sales(months: int) -> Iterator[Sale]:
    """Those of the first and the last day of each month: the months stay whole, and fewer rows are loaded."""
    return (
        sale
        for sale in monthly_sales(months)
        if sale.day.day == 1 or sale.day == MONTHLY.last_day(MONTHLY.start(sale.day))
    )


def load(session: Session, sales: Iterable[Sale]) -> None:
    """Load without writing row by row."""
    with session.no_autoflush:
        load_sales(session, sales)


@pytest.fixture
def served(session: Session, store: ArtifactStore) -> Session:
    """30 months of sales with a published forecast."""
    once(session, store, make_served)
    return session


def make_served(session: Session, store: ArtifactStore) -> None:
    load(session, some_sales(LEARNED))
    train(session, store, candidates=["seasonal_naive"])
    forecast(session, store, horizon=12)


def sell_on(session: Session, store: ArtifactStore, months: int, factor: float = 1.0) -> None:
    """More months of sales, times a factor, and the forecast that follows."""
    later = [sale for sale in some_sales(LEARNED + months) if sale.day >= SINCE]
    load(session, [replace(sale, amount=sale.amount * factor) for sale in later])
    forecast(session, store, horizon=12)
    session.commit()


def reports(session: Session) -> list[DriftReport]:
    return list(session.scalars(sa.select(DriftReport).order_by(DriftReport.id)))


def test_a_model_that_keeps_its_promise_is_ok(served: Session, store: ArtifactStore) -> None:
    before = check_drift(served)
    assert before.verdict == "ok"
    assert before.reasons == ("no period is known yet that this model had forecast",)
    forecast(served, store, horizon=12)  # of forecasts made twice, the last one counts
    sell_on(served, store, 4)
    result = check_drift(served)
    served.commit()
    assert (result.verdict, result.as_of, result.reasons) == ("ok", date(2024, 10, 1), ())
    found = reports(served)[-1]
    assert found.run_id == result.run_id == served.scalar(sa.select(sa.func.max(ForecastRun.id)))
    levels = {level["level"]: level for level in found.levels}
    assert set(levels) == {f"{place}/{product}" for place in ("total", "region", "territory", "area")
                           for product in ("total", "category", "product")}  # fmt: skip
    assert (levels["area/product"]["periods"], levels["area/product"]["rows"]) == (4, 48)
    assert levels["total/total"]["rows"] == 4
    assert levels["total/total"]["wape"] < 0.02


def test_sales_that_double_call_for_a_training_and_checking_again_finds_the_same(
    served: Session, store: ArtifactStore
) -> None:
    sell_on(served, store, 6, factor=2.0)
    first = check_drift(served)
    served.commit()
    (found,) = reports(served)
    assert found.verdict == first.verdict == "retrain"
    assert any("forecasts are off by 50.0% of sales" in reason for reason in found.reasons)
    assert any("less was forecast than sold" in reason for reason in found.reasons)
    assert {one["name"] for one in found.inputs} == {"sales", "change on a season before"}
    assert found.new_share == 0.0
    assert check_drift(served) == first
    served.commit()
    assert [one.run_id for one in reports(served)] == [first.run_id]
    assert served.scalar(sa.select(sa.func.count()).select_from(Anomaly)) == first.anomalies


def test_anomalies_are_found_at_every_level_unless_an_event_explains_them(
    session: Session, store: ArtifactStore
) -> None:
    month = date(2023, 5, 1)
    wrong = [
        replace(sale, amount=sale.amount * 9) if (sale.day.year, sale.day.month) == (2023, 5) else sale
        for sale in some_sales(LEARNED)
    ]
    load(session, wrong)
    train(session, store, candidates=["seasonal_naive"])
    forecast(session, store)
    check_drift(session)
    session.commit()
    query = sa.select(Series.location_level, Series.product_level, Anomaly.period, Anomaly.kind, Anomaly.reason)
    found = session.execute(query.join(Series, Series.id == Anomaly.series_id)).all()
    assert {(row.period, row.kind) for row in found} == {(month, "spike")}
    assert {row[:2] for row in found} >= {("total", "total"), ("area", "product")}
    assert "times the usual" in found[0].reason
    sale = Event(
        key=hash_key("sale"), kind="promotion", name="Sale", starts_on=month, ends_on=date(2023, 5, 31), region="North"
    )
    session.add(sale)
    check_drift(session)
    reasons = session.execute(sa.select(Series.region, Anomaly.reason).join(Series, Series.id == Anomaly.series_id))
    assert {(region, "promotion Sale" in reason) for region, reason in reasons} == {
        ("", False), ("North", True), ("South", False),
    }  # fmt: skip


def test_a_later_look_keeps_what_people_decided_and_the_ids(served: Session) -> None:
    check_drift(served)
    series = served.scalars(sa.select(Series.id).where(Series.location_level == "area")).first()
    facts = {"series_id": series, "grain": "monthly", "kind": "spike", "value": 9.0, "usual": 1.0, "score": 5.0}
    for month, verdict in ((1, "dismissed"), (2, "open")):
        served.add(Anomaly(period=date(2023, month, 1), verdict=verdict, reason="gone since", **facts))
    load(served, [Sale(date(2023, 5, 20), 50_000.0)])
    check_drift(served)
    served.commit()
    query = sa.select(Anomaly).where(Anomaly.period < date(2023, 5, 1))
    assert [one.verdict for one in served.scalars(query)] == ["dismissed"]  # nobody has answered the other one
    found = served.scalars(sa.select(Anomaly).where(Anomaly.period == date(2023, 5, 1))).all()
    before = {one.id for one in found}
    assert found[0].around is not None
    assert found[0].around["values"][found[0].around["at"]] == found[0].value
    served.execute(sa.update(Anomaly).values(verdict="accepted", decided_by="ann"))
    load(served, [Sale(date(2023, 5, 21), 10_000.0)])
    check_drift(served)
    served.expire_all()
    again = served.scalars(sa.select(Anomaly).where(Anomaly.period == date(2023, 5, 1))).all()
    assert {one.id for one in again} == before
    assert {(one.verdict, one.decided_by) for one in again} == {("accepted", "ann")}
    assert max(one.value for one in again if one.kind == "spike") > 60_000


def test_without_a_published_forecast_nothing_can_have_drifted(session: Session) -> None:
    with pytest.raises(NotFoundError, match="no monthly forecast is published"):
        check_drift(session)
