"""The job that plans the stock: its reports and events, and what it does where there is nothing to plan."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from factories import Sale, load_sales
from made_forecasts import publish
from sqlalchemy.orm import Session, sessionmaker

from ml.db.catalog import Product
from ml.db.inventory import StockLevel
from ml.db.keys import hash_key
from ml.db.restock import PlanRun, StockReport
from worker.context import Services
from worker.lifecycle import Attempt
from worker.models import JobRun, OutboxEvent
from worker.queues import request_job
from worker.runner import execute

LAST = date(2024, 6, 30)


def work(services: Services, sessions: sessionmaker[Session], kind: str) -> JobRun:
    """Ask for a job and run it here."""
    with sessions() as session:
        number = request_job(session, kind, {}).id
        session.commit()
    execute(Attempt(number, 1), services)
    with sessions() as session:
        return session.get_one(JobRun, number)


@pytest.fixture
def stocked(sessions: sessionmaker[Session]) -> None:
    """An area that runs out today."""
    with sessions() as session:
        load_sales(session, [Sale(LAST - timedelta(days=back), 2.0) for back in range(60)])
        publish(session, date(2024, 6, 1), 4)
        product = session.scalars(sa.select(Product.id)).one()
        session.add(StockLevel(key=hash_key("l"), day=LAST, area="Ayton", product_id=product, on_hand=1.0))
        session.commit()


def test_it_publishes_a_plan_writes_reports_and_tells_what_is_urgent(
    stocked: None, services: Services, sessions: sessionmaker[Session]
) -> None:
    job = work(services, sessions, "restock")
    assert (job.state, job.error) == ("succeeded", None)
    with sessions() as session:
        assert session.scalars(sa.select(PlanRun.slot)).all() == ["stock"]
        reports = session.scalars(sa.select(StockReport).order_by(StockReport.kind)).all()
        assert [report.kind for report in reports] == ["html", "xlsx"]
        assert all(services.store.exists(report.artifact) for report in reports)
        names = session.scalars(sa.select(OutboxEvent.name).order_by(OutboxEvent.id)).all()
        low = session.scalars(sa.select(OutboxEvent).where(OutboxEvent.name == "StockRanLow")).one()
    assert names[-2:] == ["StockPlanned", "StockRanLow"]
    assert low.payload["items"][0]["area"] == "Ayton"
    again = work(services, sessions, "restock")
    assert again.state == "succeeded"
    with sessions() as session:
        told = session.scalar(sa.select(sa.func.count()).where(OutboxEvent.name == "StockRanLow"))
    assert told == 1, "what was urgent before is no news"


@pytest.mark.parametrize("kind", ["restock", "mail_stock"])
def test_where_there_is_nothing_to_plan_or_send_it_says_so(
    services: Services, sessions: sessionmaker[Session], kind: str
) -> None:
    job = work(services, sessions, kind)
    assert job.state == "succeeded"
    assert job.result is not None
    assert "skipped" in job.result
