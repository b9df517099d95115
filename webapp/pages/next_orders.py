"""Next orders: who is about to order, and who should have."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from webapp.auth import requires
from webapp.auth.permissions import SALES_READ
from webapp.extensions import db
from webapp.pages.ids import below
from webapp.pages.render import render
from webapp.queries import next_orders as queries
from webapp.queries.collect_runs import find_run

EACH_PAGE = 50
LISTS = {"overdue": "Overdue to order", "all": "All customers"}

blueprint = Blueprint("next_orders", __name__)


@blueprint.get("/next-orders")
@requires(SALES_READ)
def index() -> ResponseReturnValue:
    """Customers by what is at stake; without a choice, those who should have ordered by now."""
    session = db.session()
    run = find_run(session)
    if run is None or run.orders_as_of is None:
        return render("next_orders/index.html", block="list", run=None)
    texts = {name: request.args.get(name, "").strip()[:120] for name in ("q", "segment", "region")}
    stage = request.args.get("stage", "")
    shown = request.args.get("show", "overdue")
    shown = shown if shown in LISTS else "overdue"
    wanted = queries.OrderFilter(stage=stage if stage in queries.STAGES else "", overdue=shown == "overdue", **texts)
    page = queries.list_next_orders(session, wanted, limit=EACH_PAGE, below=below())
    named = {**texts, "stage": wanted.stage, "show": shown}
    return render(
        "next_orders/index.html",
        block="list",
        run=run,
        page=page,
        wanted=wanted,
        shown=shown,
        lists=LISTS,
        stages=queries.stage_counts(session),
        scores=queries.order_scores(session),
        filters={name: value for name, value in named.items() if value},
    )
