"""The checks of chaos see what is lost, doubled or left open, so that their silence means something."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.chaos_checks import SENT_BY, faults, open_work
from bench.chaos_client import sales
from ml.db.base import utc_now
from ml.db.catalog import Product, Series
from ml.db.imports import Import
from ml.db.results import ForecastResult, ForecastRun, ModelVersion
from ml.db.sales import SalesMonthly, SalesRaw
from worker.models import JobRun, OutboxEvent

SENT = {1: (2, 30.0)}
PLACE = {"region": "", "territory": "", "area": ""}
BANDS = dict.fromkeys(("mean", "p025", "p10", "p25", "p50", "p75", "p90", "p975"), 1.0)


def job(kind: str, **more: Any) -> JobRun:
    return JobRun(**{"kind": kind, "queue": kind, "arguments": {}, "state": "succeeded", **more})


def event(name: str, **payload: int) -> OutboxEvent:
    return OutboxEvent(name=name, payload=payload, handled_at=utc_now())


def sale(number: int, amount: float) -> SalesRaw:
    keys = {"row_key": number.to_bytes(16), "order_ref": str(number), "channel": "", "product_id": 1, "series_id": 1}
    return SalesRaw(sale_date=date(2026, 1, 1), sales_amount=amount, sales_qty=1, import_id=1, **PLACE, **keys)


@pytest.fixture
def whole(session: Session) -> Session:
    """One import of two rows, one training and one forecast, as they should be."""
    node = {"location_level": "area", "product_level": "product", **PLACE, "category": "", "subcategory": ""}
    common = {"filename": "a.csv", "artifact": "a", "sha256": "a", "size": 1, "dialect": {}, "mapping": {}}
    levels = {"grain": "monthly", "location_level": "area", "product_level": "product"}
    model = {"model_name": "m", "model_type": "x", "version": 1, "path": "", "metrics": {}, "parameters": {}}
    model |= {"features": [], "checksum": "", "libraries": {}, "series_count": 1}
    session.add(Product(id=1, key=bytes(16), code="P", name="", category="", subcategory=""))
    session.add(Series(id=1, key=bytes(16), product_id=1, **node))
    session.add(Import(id=1, state="loaded", **common))
    session.flush()
    session.add_all([sale(1, 10), sale(2, 20), ModelVersion(id=1, **levels, **model, data_from=date(2025, 1, 1),
                                                           data_to=date(2026, 1, 1))])  # fmt: skip
    totals = {"year": 2026, "month": 1, "yearmonth": "2026-01", "product_id": 1, "series_id": 1, "transactions": 2}
    session.add(SalesMonthly(**PLACE, **totals, total_sales=30, total_qty=2))
    session.add_all([job("ingest", arguments={"import_id": 1}), job("train", requested_by=SENT_BY)])
    session.flush()
    run = {"model_id": 1, "as_of": date(2026, 1, 1), "horizon": 2, "series_count": 1, "published_at": utc_now()}
    session.add(ForecastRun(id=1, slot="monthly", state="published", **levels, **run))
    session.add(job("forecast", result={"run_id": 1}))
    session.flush()
    for month in (2, 3):
        keys = {"run_id": 1, "series_id": 1, "grain": "monthly", "period": date(2026, month, 1)}
        session.add(ForecastResult(**keys, as_of=date(2026, 1, 1), model_version="m/1:x", **BANDS))
    session.add_all([event("SalesImported", import_id=1), event("ModelTrained", model_id=1)])
    session.add(event("ForecastPublished", run_id=1))
    session.commit()
    return session


def test_nothing_is_wrong_where_nothing_is(whole: Session) -> None:
    assert faults(whole, SENT, 1) == []
    assert open_work(whole) == 0


LATER = utc_now() + timedelta(days=1)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (sa.delete(SalesRaw).where(SalesRaw.order_ref == "1"), "1 rows of sales, sent were 2"),
        (sa.update(SalesMonthly).values(total_sales=60), "monthly totals sum to 60"),
        (sa.update(Import).values(state="running"), "import 1 is running"),
        (sa.update(OutboxEvent).where(OutboxEvent.name == "ModelTrained").values(handled_at=None), "was not handled"),
        (sa.delete(OutboxEvent).where(OutboxEvent.name == "SalesImported"), "SalesImported was told of {}"),
        (sa.update(JobRun).where(JobRun.kind == "train").values(state="running"), "train job 2 is running"),
        (sa.update(JobRun).where(JobRun.kind == "train").values(requested_by=""), "0 trainings, asked for were 1"),
        (sa.update(ForecastRun).values(slot=None), "0 runs are published at once"),
        (sa.update(ForecastRun).values(state="running"), "run 1 is running"),
        (sa.update(ForecastRun).values(state="failed", published_at=None), "2 rows are left of runs that failed"),
        (sa.delete(ForecastResult).where(ForecastResult.period == date(2026, 3, 1)), "periods {1}"),
        (sa.insert(OutboxEvent).values(name="ForecastPublished", payload={"run_id": 1}, handled_at=LATER), "{1: 2}"),
        (sa.insert(JobRun).values(kind="ingest", queue="i", arguments={"import_id": 1}, state="succeeded"), "{1: 2}"),
    ],
)
def test_each_fault_is_told_of(whole: Session, change: Any, told: str) -> None:
    whole.execute(change)
    whole.flush()
    assert told in "\n".join(faults(whole, SENT, 1))


def test_files_hold_rows_of_their_own_and_say_what_is_in_them() -> None:
    draw = random.Random(1)  # noqa: S311
    files = [sales(draw, number) for number in range(3)]
    lines = [line for file, _, _ in files for line in file.decode().splitlines()[1:]]
    assert len({line.rpartition(",")[2] for line in lines}) == len(lines) == sum(rows for _, rows, _ in files)
    for file, rows, amount in files:
        amounts = [float(line.split(",")[7]) for line in file.decode().splitlines()[1:]]
        assert (len(amounts), round(sum(amounts), 2)) == (rows, amount)
