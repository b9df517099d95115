"""Webhooks: who is told of what, what was sent, and sending it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ml.db.base import utc_now
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import SOURCES_MANAGE
from webapp.extensions import db, settings
from webapp.htmx import see_other
from webapp.pages.access_form import REFUSALS, errors_of
from webapp.pages.ids import below
from webapp.pages.render import render
from webapp.queries import webhooks as queries
from webapp.queries.paging import DEFAULT_LIMIT
from webapp.schemas.webhooks import EventName, NewWebhook
from webapp.services import webhooks as service
from worker.models import DELIVERY_STATES, WebhookEndpoint

EVENT_NAMES = {
    "import.loaded": "An import was loaded",
    "forecast.published": "A forecast was published",
    "model.drifted": "A model drifts",
    "job.failed": "A job failed for good",
    "alert.raised": "An alert was raised",
    "alert.resolved": "An alert is over",
    "stock.planned": "Stock planned",
    "stock.alert": "Stock runs low",
    "orders.accepted": "Orders accepted",
}
EVENTS = get_args(EventName)
HOURS = {0: "not at all", 24: "for a day", 168: "for a week"}
"""How long the secret before may go on signing."""
SHOWN = 25

blueprint = Blueprint("webhooks", __name__)


@blueprint.get("/webhooks")
@requires(SOURCES_MANAGE)
def index() -> ResponseReturnValue:
    """All webhooks."""
    page = queries.list_endpoints(db.session(), DEFAULT_LIMIT, below())
    return render_template("webhooks/index.html", page=page, names=EVENT_NAMES)


@blueprint.get("/webhooks/new")
@requires(SOURCES_MANAGE)
def new() -> ResponseReturnValue:
    """The form for a new webhook."""
    return form_page({"url": "", "description": "", "events": list(EVENTS), "active": True})


@blueprint.post("/webhooks/new")
@requires(SOURCES_MANAGE)
def create() -> ResponseReturnValue:
    """Add a webhook; its secret is shown in this answer alone."""
    typed = typed_values()
    try:
        draft = draft_of(typed)
        row, secret = service.create_endpoint(db.session(), settings().engine, draft, signed_in_user().email)
    except REFUSALS as error:
        return form_page(typed, errors=errors_of(error, "url")), 422
    return render_template("webhooks/secret.html", row=row, secret=secret, new=True), 201


@blueprint.get("/webhooks/<id:webhook_id>")
@requires(SOURCES_MANAGE)
def show(webhook_id: int) -> ResponseReturnValue:
    """One webhook, and what was sent to it, newest first; filtered by the query string."""
    session, state = db.session(), request.args.get("state", "")
    row = queries.get_endpoint(session, webhook_id)
    page = queries.list_deliveries(session, webhook_id, state or None, SHOWN, below())
    return render(
        "webhooks/show.html",
        block="deliveries",
        row=row,
        page=page,
        state_filter=state,
        states=DELIVERY_STATES,
        names=EVENT_NAMES,
        hours=HOURS,
        now=utc_now(),
    )


@blueprint.get("/webhooks/<id:webhook_id>/edit")
@requires(SOURCES_MANAGE)
def edit(webhook_id: int) -> ResponseReturnValue:
    """The form of a webhook."""
    row = queries.get_endpoint(db.session(), webhook_id)
    return form_page({name: getattr(row, name) for name in ("url", "description", "events", "active")}, row)


@blueprint.post("/webhooks/<id:webhook_id>/edit")
@requires(SOURCES_MANAGE)
def update(webhook_id: int) -> ResponseReturnValue:
    """Save all of a webhook but its secret."""
    session, typed = db.session(), typed_values()
    row = queries.get_endpoint(session, webhook_id)
    try:
        service.replace_endpoint(session, settings().engine, row, draft_of(typed))
    except REFUSALS as error:
        return form_page(typed, row, errors_of(error, "url")), 422
    return see_other(url_for("webhooks.show", webhook_id=webhook_id))


@blueprint.post("/webhooks/<id:webhook_id>/secret")
@requires(SOURCES_MANAGE)
def rotate(webhook_id: int) -> ResponseReturnValue:
    """Make a new secret, which is shown in this answer alone."""
    hours = request.form.get("hours", 24, type=int)
    row, secret = service.rotate_secret(db.session(), settings().engine, webhook_id, hours if hours in HOURS else 24)
    return render_template("webhooks/secret.html", row=row, secret=secret, new=False), 201


@blueprint.post("/webhooks/<id:webhook_id>/delete")
@requires(SOURCES_MANAGE)
def delete(webhook_id: int) -> ResponseReturnValue:
    """Delete a webhook with the log of what was sent to it."""
    session = db.session()
    service.delete_endpoint(session, queries.get_endpoint(session, webhook_id))
    return see_other(url_for("webhooks.index"))


@blueprint.post("/webhooks/deliveries/<id:delivery_id>/replay")
@requires(SOURCES_MANAGE)
def replay(delivery_id: int) -> ResponseReturnValue:
    """Send again what a delivery held."""
    again = service.replay(db.session(), delivery_id)
    return see_other(url_for("webhooks.show", webhook_id=again.endpoint_id))


def typed_values() -> dict[str, Any]:
    """The form as it was sent."""
    texts = {name: request.form.get(name, "").replace("\0", "").strip() for name in ("url", "description")}
    return {**texts, "events": request.form.getlist("event"), "active": "active" in request.form}


def draft_of(typed: Mapping[str, Any]) -> service.EndpointDraft:
    """What the form asks for; raises ValidationError."""
    body = NewWebhook.model_validate({name: value for name, value in typed.items() if name != "active"})
    return service.EndpointDraft(**body.model_dump(), active=bool(typed["active"]))


def form_page(
    typed: Mapping[str, Any], row: WebhookEndpoint | None = None, errors: Mapping[str, str] | None = None
) -> str:
    return render_template(
        "webhooks/form.html", typed=typed, row=row, errors=errors or {}, events=EVENTS, names=EVENT_NAMES
    )
