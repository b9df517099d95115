"""A filled app behind a real socket, without workers: enough for how pages look and are used."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import sqlalchemy as sa
from e2e_steps import PASSWORD
from factories import Sale, load_sales, monthly_sales
from flask import Flask
from made_receivables import make_receivables
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.catalog import Product
from ml.db.imports import Import, Source
from ml.db.inventory import StockLevel
from ml.db.restock import StockSimulation
from ml.db.sales import SalesDaily
from ml.grains import MONTHLY
from ml.inventory.families import SimulationSettings
from ml.pipelines.drift import check_drift
from ml.pipelines.forecast import forecast
from ml.pipelines.restock import restock
from ml.pipelines.restock_report import report_stock
from ml.pipelines.simulate_stock import simulate_stock
from ml.pipelines.train import train
from webapp.auth.passwords import hash_password
from webapp.auth.permissions import PERMISSIONS
from webapp.models import Role, User
from webapp.queries.nodes import Node
from webapp.services.invitations import invite
from webapp.services.overrides import OverrideDraft, create_override
from webapp.services.tokens import create_token
from worker.models import JobRun, OutboxEvent, WebhookDelivery, WebhookEndpoint

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

STILL = {"color_scheme": "light", "reduced_motion": "reduce"}
"""Without transitions: colours on their way from one theme to the other have no contrast that means anything."""
MONTHS, KNOWN = 40, 38
BEFORE = date(2025, 2, 28)  # the last day of the first KNOWN months
LIMITED = {"regions": ["North"], "territories": []}
"""What the limited planner may see."""


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The address of `app` behind a server of its own."""
    server = make_server("127.0.0.1", 0, answered_whole(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answered_whole(app: Flask) -> WSGIApplication:
    """`app` whose answers are closed before they are sent.

    Werkzeug's server forgets to close an answer when the browser hangs up midway, and a file stays open.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        parts = app(environ, start_response)
        try:
            return [b"".join(parts)]
        finally:
            if hasattr(parts, "close"):
                parts.close()

    return answer


def fill(session: Session, store: ArtifactStore) -> None:
    """Sales forecast from two origins, with something in every list."""
    add_people(session)
    sales = list(monthly_sales(MONTHS))
    until = sum(sale.day <= BEFORE for sale in sales)
    load_sales(session, islice(sales, until))
    train(session, store, candidates=["seasonal_naive"])
    forecast(session, store, horizon=12)
    load_sales(session, (sale if number % 9 else changed(sale) for number, sale in enumerate(sales[until:])))
    run = forecast(session, store, horizon=12)
    check_drift(session)
    session.commit()
    first = MONTHLY.shift(run.as_of, 1)
    draft = OverrideDraft(Node(region="North"), "monthly", "percent", {first: 8.0}, "promotion", "A fair in the north")
    create_override(session, draft, "planner@example.com", approval=False)
    create_override(session, draft, "planner@example.com", approval=True)
    add_stock(session, store)
    as_if_loaded(session)
    make_receivables(session, store)
    add_jobs(session)
    add_administration(session)


def add_stock(session: Session, store: ArtifactStore) -> None:
    """Stock that runs out, planned with its reports, and a simulation of it."""
    last = session.scalars(sa.select(sa.func.max(SalesDaily.sale_date))).one()
    product = session.scalars(sa.select(Product.id).order_by(Product.id)).first()
    session.execute(sa.update(Product).values(cost=2.0, price=3.0, supplier="Mill"))
    session.add(StockLevel(key=b"l" * 16, day=last, area="Ayton", product_id=product, on_hand=1.0))
    session.flush()
    restock(session)
    report_stock(session, store)
    chosen = asdict(SimulationSettings(days=56, policies=("average", "moving_average")))
    row = StockSimulation(name="Which model", settings=chosen, created_by="planner@example.com")
    session.add(row)
    session.flush()
    simulate_stock(session, row.id)
    session.commit()


def as_if_loaded(session: Session) -> None:
    """Let the imports look as those do that a job has loaded."""
    counts = {"rows_total": 9, "rows_loaded": 9, "rows_unchanged": 0, "rows_changed": 0, "rows_rejected": 0}
    now = utc_now()
    session.execute(
        sa.update(Import).values(state="loaded", sequence=Import.id, finished_at=now, artifact_deleted_at=now, **counts)
    )
    session.commit()


def changed(sale: Sale) -> Sale:
    """A sale as nobody expected it."""
    return replace(sale, amount=sale.amount * 6)


def add_people(session: Session) -> None:
    session.add_all(Role(name=name, description=name) for name in PERMISSIONS)
    hashed = hash_password(PASSWORD)
    session.add_all(
        User(email=f"{role}@example.com", name=role.title(), password_hash=hashed, role_name=role)
        for role in PERMISSIONS
    )
    limited = User(email="limited@example.com", name="Limited", password_hash=hashed, role_name="planner")
    limited.scope = LIMITED
    session.add(limited)
    session.commit()


def add_jobs(session: Session) -> None:
    """A job of each state."""
    now = utc_now()
    same = {"queue": "train", "arguments": {"grain": "monthly"}, "requested_by": "planner@example.com"}
    for state in ("succeeded", "failed", "cancelled", "queued", "running"):
        begun = None if state == "queued" else now - timedelta(minutes=3)
        ended = now if state in ("succeeded", "failed", "cancelled") else None
        error = "NotEnoughHistoryError: 2 whole months; 3 are needed." if state == "failed" else None
        row = JobRun(kind="train", state=state, started_at=begun, finished_at=ended, error=error, **same)
        row.log_tail, row.phase, row.done, row.total = "reading sales\ntraining\n", "training", 3, 8
        session.add(row)
    session.commit()


def add_administration(session: Session, name: str = "erp") -> None:
    """A source, a token, an invitation, and a webhook with what was sent to it."""
    session.add(Source(name=f"{name} orders", kind="http", settings={"url": "https://erp.example.com/orders"}))
    invite(session, f"{name}@example.com", "planner", None, "admin@example.com")
    create_token(session, name, ["sales:read"], scope=None, lifetime=timedelta(days=90), user="admin@example.com")
    hook = WebhookEndpoint(url="https://erp.example.com/hook", events=["job.failed"], secret="sealed")
    event = OutboxEvent(name="JobFailed", payload={}, handled_at=utc_now())
    session.add_all([hook, event])
    session.flush()
    for replay, state in enumerate(("delivered", "failed")):
        same = {"endpoint_id": hook.id, "event_id": event.id, "event": "job.failed", "body": '{"job_id": 7}'}
        session.add(WebhookDelivery(**same, state=state, replay=replay, tries=2, status=500 if replay else 204))
    session.commit()
