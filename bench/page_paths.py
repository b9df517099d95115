"""Where every page is: the app's own routes, with the newest row of each kind in their addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from ml.db.catalog import Customer, Product
from ml.db.imports import Import, Source
from ml.db.overrides import ForecastOverride
from ml.db.receivables import Invoice
from ml.db.restock import Recommendation, StockReport, StockSimulation
from ml.db.scenarios import Scenario
from webapp.errors import API_PREFIXES
from webapp.models import User
from worker.models import AlertRule, JobRun, Schedule, WebhookEndpoint

ROWS: dict[str, Any] = {
    "advice_id": Recommendation.id,
    "import_id": Import.id,
    "job_id": JobRun.id,
    "invoice_ref": Invoice.invoice_ref,
    "override_id": ForecastOverride.id,
    "report_id": StockReport.id,
    "rule_id": AlertRule.id,
    "scenario_id": Scenario.id,
    "schedule_id": Schedule.id,
    "simulation_id": StockSimulation.id,
    "source_id": Source.id,
    "user_id": User.id,
    "webhook_id": WebhookEndpoint.id,
    "products.row_id": Product.id,
    "customers.row_id": Customer.id,
}
"""What an address names, by its part's name (and blueprint, where several use the name)."""

NOT_PAGES = {
    *("static", "series.table_csv", "series.table_xlsx", "imports.template", "imports.rejected_csv", "jobs.recent"),
    *("stock.export", "stock.item", "stock.report"),
}
"""Files, fragments that have no page of their own, and what needs more than an address."""


def page_paths(app: Flask, session: Session) -> Iterator[tuple[str, str]]:
    """Endpoint and path of every page that there is a row for."""
    with app.test_request_context():
        for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
            if "GET" not in (rule.methods or ()) or rule.rule.startswith(API_PREFIXES) or rule.endpoint in NOT_PAGES:
                continue
            values = {name: newest(session, rule.endpoint, name) for name in rule.arguments}
            if None not in values.values():
                yield rule.endpoint, path_of(app, rule.endpoint, values)


def path_of(app: Flask, endpoint: str, values: Mapping[str, Any]) -> str:
    """The path of an endpoint."""
    with app.test_request_context():
        return app.url_for(endpoint, **values)


def newest(session: Session, endpoint: str, name: str) -> int | str | None:
    """What names the newest row that a part of an address can name; None where there is none."""
    column = ROWS.get(name, ROWS.get(f"{endpoint.partition('.')[0]}.{name}"))
    if column is None:
        raise KeyError(f"{endpoint} names a {name}, which bench.page_paths.ROWS does not know")
    found: int | str | None = session.scalar(sa.select(sa.func.max(column)))
    return found
