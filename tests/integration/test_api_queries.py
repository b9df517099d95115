"""What lists cost: a constant number of queries, each of which finds its rows by an index."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from factories import load_sales, monthly_sales
from flask import Flask
from flask.testing import FlaskClient
from made_forecasts import publish
from redis import Redis
from sqlalchemy.orm import Session
from statements import statements
from web_fixtures import ClientFor

from ml.db.catalog import Customer
from ml.db.drivers import Event, Regressor
from ml.db.insights import Anomaly
from ml.db.keys import hash_key
from worker.models import JobRun

API = "/api/v1"
LISTS = (
    "products",
    "products?sort=code",
    "customers",
    "customers?sort=-code",
    "events",
    "sources",
    "imports",
    "sales",
    "sales?from=2023-06-01&region=North",
    "sales/monthly?by=series",
    "sales/weekly?by=series",
    "series",
    "forecast-runs",
    "forecasts",
    "forecasts?location_level=area",
    "accuracy?by=series",
    "anomalies",
    "regressors",
    "drift",
    "models",
    "models/promotions",
    "cleaning/flags",
    "cleaning/policies",
    "jobs",
    "jobs?state=failed",
)


@pytest.fixture
def operator(api: ClientFor, session: Session) -> FlaskClient:
    """An operator of some hundred rows of everything."""
    load_sales(session, monthly_sales(5, date(2023, 5, 1)))
    publish(session, date(2023, 9, 1), periods=12, known=3)
    for number in range(120):
        key, day = hash_key("made", number), date(2024, 1, 1)
        session.add(Customer(key=key, code=f"C-{number}"))
        session.add(
            Event(key=key, kind="other", name=f"E {number}", starts_on=day, ends_on=day, product_id=1 + number % 3)
        )
        session.add(Regressor(key=key, name="temperature", day=date.fromordinal(738_000 + number), value=1.0))
        facts = {"value": 9, "usual": 1, "score": 5, "reason": "x"}
        session.add(
            Anomaly(series_id=1 + number % 10, grain="monthly", period=date(2000 + number, 1, 1), kind="spike", **facts)
        )
        session.add(JobRun(kind="refresh", queue="ingest", arguments={}, state="failed"))
    session.commit()
    return api("operator")


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_as_many_queries_however_long_it_is(
    app: Flask, operator: FlaskClient, redis_client: Redis, engine: sa.Engine, path: str
) -> None:
    counts = []
    for limit in (2, 100):
        redis_client.flushall()
        with statements(app) as found:
            answer = operator.get(f"{API}/{path}{'&' if '?' in path else '?'}limit={limit}")
        assert answer.status_code == 200, answer.json
        counts.append(len(found))
    assert counts[0] == counts[1] <= 9
    if engine.dialect.name == "sqlite":
        for statement, parameters in found:
            check_plan(engine, statement, parameters)


def check_plan(engine: sa.Engine, statement: str, parameters: Any) -> None:
    """No table with many rows is read from end to end in no order: that is what SQLite calls a SCAN without an index.

    A scan by the primary key, newest first, ends at the limit; SQLite names no index for it.
    """
    with engine.connect() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    by_key = "ORDER BY" in statement and ".id DESC" in statement.rpartition("ORDER BY")[2]
    small = (
        "SCAN CONSTANT ROW",
        "SCAN products",
        "SCAN users",
        "SCAN roles",
        "SCAN source",
        "SCAN outbox",
        "SCAN import",
    )
    whole = [step for step in plan if step.startswith("SCAN") and "INDEX" not in step and not step.startswith(small)]
    assert by_key or not whole, (statement, plan)
    sorts = any("USE TEMP B-TREE FOR ORDER BY" in step for step in plan)
    assert not (whole and sorts), (statement, plan)
