"""What lists cost: a constant number of queries, each of which finds its rows by an index."""

from __future__ import annotations

import inspect
import re
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

from ml.db.catalog import Customer, Product, Series
from ml.db.drivers import Event, Regressor
from ml.db.insights import Anomaly
from ml.db.keys import hash_key
from worker.models import JobRun, WebhookEndpoint

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
    "sales?customer=C-1",
    "sales?order_ref=SO-1",
    "sales?channel=web",
    "sales?import_id=1",
    "sales/daily?by=series",
    "sales/monthly?region=North",
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
    "overrides",
    "outbox",
    "outbox?name=JobFailed",
    "schedules/runs",
    "webhooks",
    "webhooks/1/deliveries",
    "users",
    "tokens",
    "invitations",
    "audit",
    "audit?entity=product",
    "stock",
    "stock-policies",
    "stock-simulations",
    "recommendations",
    "purchase-orders",
    "alerts",
)
ELSEWHERE = {"payment-predictions", "next-orders"}
"""Lists that are empty, with 409, until payments were predicted, which is more than these tests make."""

FEW = (
    "products",
    "users",
    "roles",
    "source",
    "outbox",
    "import",
    "invitations",
    "api_tokens",
    "webhook_endpoints",
    "schedules",
)
"""Tables that are read from end to end: they have few rows, or are read from their newest end."""


@pytest.fixture
def admin(api: ClientFor, session: Session) -> FlaskClient:
    """Somebody who may read all lists, of some hundred rows of everything."""
    load_sales(session, monthly_sales(5, date(2023, 5, 1)))
    publish(session, date(2023, 9, 1), periods=12, known=3)
    products = session.scalars(sa.select(Product.id)).all()
    series = session.scalars(sa.select(Series.id)).all()
    for number in range(120):
        key, day = hash_key("made", number), date(2024, 1, 1)
        session.add(Customer(key=hash_key(f"C-{number}"), code=f"C-{number}"))
        session.add(
            Event(
                key=key, kind="other", name=f"E {number}", starts_on=day, ends_on=day, product_id=products[number % 3]
            )
        )
        session.add(Regressor(key=key, name="temperature", day=date.fromordinal(738_000 + number), value=1.0))
        facts = {"value": 9, "usual": 1, "score": 5, "reason": "x"}
        session.add(
            Anomaly(
                series_id=series[number % 10], grain="monthly", period=date(2000 + number, 1, 1), kind="spike", **facts
            )
        )
        session.add(JobRun(kind="refresh", queue="ingest", arguments={}, state="failed"))
    session.add(WebhookEndpoint(id=1, url="https://erp.example.com/hook", events=["job.failed"], secret="sealed"))
    session.commit()
    return api("admin")


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_as_many_queries_however_long_it_is(
    app: Flask, admin: FlaskClient, redis_client: Redis, engine: sa.Engine, path: str
) -> None:
    counts = []
    for limit in (2, 3, 100):  # the first finds out what the others know
        redis_client.flushall()
        with statements(app) as found:
            answer = admin.get(f"{API}/{path}{'&' if '?' in path else '?'}limit={limit}")
        assert answer.status_code == 200, answer.json
        counts.append(len(found))
    assert counts[1] == counts[2] <= 9
    for statement, parameters in found:
        CHECKS[engine.dialect.name](engine, statement, parameters)


def test_no_list_is_left_out(app: Flask) -> None:
    """Whatever takes a `limit` is a list."""
    listed = ELSEWHERE | {one.partition("?")[0] for one in LISTS}
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or not rule.rule.startswith(API):
            continue
        view = inspect.unwrap(app.view_functions[rule.endpoint])
        asked = view.__globals__.get(inspect.get_annotations(view).get("query", ""))
        if asked is not None and "limit" in asked.model_fields:
            assert re.sub(r"<.*?>", "1", rule.rule.removeprefix(f"{API}/")) in listed


def check_sqlite(engine: sa.Engine, statement: str, parameters: Any) -> None:
    """No table with many rows is read from end to end in no order: that is what SQLite calls a SCAN without an index.

    A scan by the primary key, newest first, ends at the limit; SQLite names no index for it. A subquery (`anon`) is the
    page itself.
    """
    with engine.connect() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    by_key = "ORDER BY" in statement and ".id DESC" in statement.rpartition("ORDER BY")[2]
    small = ("SCAN CONSTANT ROW", "SCAN anon", *(f"SCAN {table}" for table in FEW))
    whole = [step for step in plan if step.startswith("SCAN") and "INDEX" not in step and not step.startswith(small)]
    assert by_key or not whole, (statement, plan)
    sorts = any("USE TEMP B-TREE FOR ORDER BY" in step for step in plan)
    assert not (whole and sorts), (statement, plan)


def check_postgresql(engine: sa.Engine, statement: str, parameters: Any) -> None:
    """Told to scan no table where an index would do, PostgreSQL scans none but small ones."""
    with engine.connect() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
    scanned = [match[1] for step in plan if (match := re.search(r"Seq Scan on (\w+)", step))]
    assert not [table for table in scanned if not table.startswith(FEW)], (statement, plan)


CHECKS = {"sqlite": check_sqlite, "postgresql": check_postgresql}
