"""Receivables: who is expected to pay late, how collection goes, and what was done for each invoice."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from ml.db.catalog import Customer
from ml.db.receivables import ACTION_KINDS
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, SALES_READ
from webapp.errors import InvalidRequestError
from webapp.extensions import db
from webapp.htmx import see_other
from webapp.pages.formats import iso_day, sentence
from webapp.pages.ids import below
from webapp.pages.render import render
from webapp.queries import collect_runs, next_orders, payment_behaviour, receivable_figures
from webapp.queries import receivables as queries
from webapp.services import receivables as service

EACH_PAGE = 50
ACTION_NAMES = {"reminder": "Reminder sent", "call": "Called", "promise": "Promise to pay"}
GROUPS = {"segment": "Segment", "region": "Region", "customer": "Customer"}
MOST_GROUPS = 12

blueprint = Blueprint("receivables", __name__)


@blueprint.get("/receivables")
@requires(SALES_READ)
def index() -> ResponseReturnValue:
    """The worklist with the figures of collection; htmx gets the list alone."""
    session = db.session()
    run = collect_runs.find_run(session)
    if run is None or run.as_of is None:
        return render("receivables/index.html", block="list", run=None)
    wanted = asked_filter()
    by = request.args.get("by", "")
    by = by if by in GROUPS else "segment"
    page = queries.worklist(session, wanted, limit=EACH_PAGE, below=below())
    return render(
        "receivables/index.html",
        block="list",
        run=run,
        page=page,
        wanted=wanted,
        filters=filters_of(wanted),
        action_names=ACTION_NAMES,
        by=by,
        groups=GROUPS,
        notes=collect_runs.notes_of(run),
        **({} if request.headers.get("HX-Request-Type") == "partial" else about_collection(session, by)),
    )


def about_collection(session: Session, by: str) -> dict[str, Any]:
    """What stands around the list."""
    return {
        "whole": receivable_figures.figures(session),
        "grouped": receivable_figures.figures(session, by)[:MOST_GROUPS],
        "months": receivable_figures.figures(session, months=True),
        "risks": payment_behaviour.risk_counts(session),
        "moved": payment_behaviour.moved(session),
        "broken": queries.waiting_actions(session),
        "scores": payment_behaviour.scores(session),
    }


def asked_filter() -> queries.PredictionFilter:
    """The filter that the query string names."""
    q, segment, region, currency = (
        request.args.get(name, "").strip()[:120] for name in ("q", "segment", "region", "currency")
    )
    overdue = request.args.get("overdue") == "1"
    return queries.PredictionFilter(q, None, segment, region, currency, overdue=overdue)


def filters_of(wanted: queries.PredictionFilter) -> dict[str, str]:
    """The query string that says the same."""
    texts = {name: getattr(wanted, name) for name in ("q", "segment", "region", "currency")}
    return {name: value for name, value in {**texts, "overdue": "1" if wanted.overdue else ""}.items() if value}


@blueprint.get("/receivables/invoices/<path:invoice_ref>")
@requires(SALES_READ)
def invoice(invoice_ref: str) -> ResponseReturnValue:
    """One invoice: what is expected of it, what came, what was said before, what was done."""
    return invoice_page(invoice_ref, {}, {})


@blueprint.post("/receivables/invoices/<path:invoice_ref>/actions")
@requires(FORECASTS_MAKE, scoped=True)
def add_action(invoice_ref: str) -> ResponseReturnValue:
    """Note what was done to collect it."""
    session, sent = db.session(), request.form
    view = queries.invoice_view(session, invoice_ref)
    typed = {name: sent.get(name, "").replace("\0", "").strip() for name in ("kind", "day", "promised_on", "note")}
    days, errors = {}, {}
    for name in ("day", "promised_on"):
        try:
            days[name] = iso_day(typed[name]) if typed[name] else None
        except ValueError as error:
            errors[name] = sentence(str(error))
    if not typed["day"]:
        errors["day"] = "Say on which day."
    if not errors and days["day"] is not None:
        draft = service.ActionDraft(typed["kind"], days["day"], days["promised_on"], typed["note"][:500])
        try:
            service.add_action(session, view.invoice, draft, signed_in_user().email)
        except InvalidRequestError as error:
            errors = {one.field: sentence(one.message) + "." for one in error.errors}
    if errors:
        return invoice_page(invoice_ref, typed, errors), 422
    return see_other(url_for("receivables.invoice", invoice_ref=invoice_ref))


@blueprint.post("/receivables/invoices/<path:invoice_ref>/actions/<id:action_id>/delete")
@requires(FORECASTS_MAKE, scoped=True)
def delete_action(invoice_ref: str, action_id: int) -> ResponseReturnValue:
    """Take back what was noted by mistake."""
    session = db.session()
    service.delete_action(session, queries.invoice_view(session, invoice_ref).invoice, action_id)
    return see_other(url_for("receivables.invoice", invoice_ref=invoice_ref))


def invoice_page(invoice_ref: str, typed: dict[str, str], errors: dict[str, str]) -> str:
    session = db.session()
    run, view = collect_runs.find_run(session), queries.invoice_view(session, invoice_ref)
    today = run.as_of if run and run.as_of else date.today()
    return render_template(
        "receivables/invoice.html",
        view=view,
        run=run,
        kinds={kind: ACTION_NAMES[kind] for kind in ACTION_KINDS},
        typed=typed or {"kind": "reminder", "day": max(today, view.invoice.issued_on).isoformat()},
        errors=errors,
        is_current=run is not None and view.current is not None and view.current.run_id == run.id,
    )


def about_customer(session: Session, customer: Customer) -> dict[str, Any]:
    """Payment behaviour and next order of a customer, for its page; '' where nothing is known."""
    run = collect_runs.find_run(session)
    if run is None:
        return {}
    mine = queries.PredictionFilter(customer_id=customer.id)
    return {
        "run": run,
        "risk": payment_behaviour.risk_of(session, customer.id),
        "figures": receivable_figures.figures(session, customer_id=customer.id),
        "months": receivable_figures.figures(session, months=True, customer_id=customer.id),
        "open_ones": queries.worklist(session, mine, limit=EACH_PAGE).items,
        "next_order": next_orders.find_next_order(session, customer.id),
    }
