"""Alerts: the inbox of what is wrong, and the rules by which that is found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from ml.errors import ConflictError
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import JOBS_MANAGE, JOBS_READ
from webapp.errors import FieldError, InvalidRequestError
from webapp.extensions import db, settings
from webapp.htmx import see_other
from webapp.pages.formats import sentence
from webapp.pages.ids import below
from webapp.pages.render import render
from webapp.queries import alerts as queries
from webapp.services import alerts as service
from webapp.services.alerts import LIMITS, RuleDraft
from worker.alerts.metrics import METRICS
from worker.models import SEVERITIES, AlertRule

TEXTS = ("name", "metric", "severity", "quiet_from", "quiet_until", "timezone")
FLAGS = ("above", "webhook", "active")
NUMBERS = ("threshold", "clear_at")
LONGEST_TEXT = 120

blueprint = Blueprint("alerts", __name__)


@blueprint.get("/alerts")
@requires(JOBS_READ)
def index() -> ResponseReturnValue:
    """The inbox, newest first; filtered by the query string."""
    state = request.args.get("state", "")
    state = state if state in queries.STATES else ""
    page = queries.list_alerts(db.session(), state, below=below())
    return render("alerts/index.html", block="list", page=page, wanted=state, states=queries.STATES)


@blueprint.post("/alerts/<id:alert_id>/acknowledge")
@requires(JOBS_MANAGE)
def acknowledge(alert_id: int) -> ResponseReturnValue:
    """Say that one sees to it."""
    service.acknowledge(db.session(), alert_id, signed_in_user().email)
    return see_other(url_for("alerts.index"))


@blueprint.get("/alerts/rules")
@requires(JOBS_MANAGE)
def rules() -> ResponseReturnValue:
    """The rules, and the last e-mails."""
    session = db.session()
    return render_template(
        "alerts/rules.html",
        rules=queries.list_rules(session),
        notifications=queries.list_notifications(session),
        metrics=METRICS,
    )


@blueprint.get("/alerts/rules/new")
@requires(JOBS_MANAGE)
def new_rule() -> ResponseReturnValue:
    """The form of a new rule."""
    defaults = RuleDraft("", "freshness", 7, 6, timezone=settings().timezone.key)
    return form(None, MultiDict(typed(defaults)))


@blueprint.post("/alerts/rules/new")
@requires(JOBS_MANAGE)
def create_rule() -> ResponseReturnValue:
    """Add a rule; what is wrong is said beside its field."""
    try:
        service.create_rule(db.session(), draft_of(request.form))
    except (InvalidRequestError, ConflictError) as error:
        db.session.rollback()
        return form(None, request.form, error), 422
    return see_other(url_for("alerts.rules"))


@blueprint.get("/alerts/rules/<id:rule_id>")
@requires(JOBS_MANAGE)
def show_rule(rule_id: int) -> ResponseReturnValue:
    """One rule, to be changed."""
    row = queries.get_rule(db.session(), rule_id)
    return form(row, MultiDict(typed(row)))


@blueprint.post("/alerts/rules/<id:rule_id>")
@requires(JOBS_MANAGE)
def change_rule(rule_id: int) -> ResponseReturnValue:
    """Change it; what is wrong is said beside its field."""
    session = db.session()
    row = queries.get_rule(session, rule_id)
    try:
        service.change_rule(session, rule_id, draft_of(request.form))
    except (InvalidRequestError, ConflictError) as error:
        session.rollback()
        return form(row, request.form, error), 422
    return see_other(url_for("alerts.rules"))


@blueprint.post("/alerts/rules/<id:rule_id>/delete")
@requires(JOBS_MANAGE)
def delete_rule(rule_id: int) -> ResponseReturnValue:
    """Remove it with its alerts."""
    service.delete_rule(db.session(), rule_id)
    return see_other(url_for("alerts.rules"))


def form(
    row: AlertRule | None, fields: Mapping[str, Any], error: InvalidRequestError | ConflictError | None = None
) -> str:
    """The page of a rule, or of a new one, as it was typed."""
    errors = {"name": sentence(str(error))} if isinstance(error, ConflictError) else {}
    if isinstance(error, InvalidRequestError):
        errors = {one.field: sentence(one.message) for one in error.errors}
    return render_template(
        "alerts/rule.html",
        row=row,
        fields=fields,
        errors=errors,
        metrics=METRICS,
        severities=SEVERITIES,
        timezones=sorted(available_timezones()),
    )


def typed(rule: RuleDraft | AlertRule) -> dict[str, str]:
    """A rule as it would be typed into the form; a flag that is off is not there."""
    fields = {name: str(getattr(rule, name)) for name in (*TEXTS, *LIMITS)}
    fields |= {name: f"{getattr(rule, name):g}" for name in NUMBERS}
    fields |= {name: "1" for name in FLAGS if getattr(rule, name)}
    return {**fields, "above": "1" if rule.above else "", "emails": ", ".join(rule.emails)}


def draft_of(fields: Mapping[str, str]) -> RuleDraft:
    """What was typed; raises InvalidRequestError for numbers that are none."""
    errors: list[FieldError] = []
    wholes = {name: number(fields, name, errors, whole=True) for name in LIMITS}
    threshold, clear_at = (number(fields, name, errors) for name in NUMBERS)
    if errors:
        raise InvalidRequestError(errors)
    texts = {name: fields.get(name, "").replace("\0", "").strip()[:LONGEST_TEXT] for name in TEXTS}
    emails = [part.strip() for part in fields.get("emails", "").replace("\n", ",").split(",") if part.strip()]
    flags = {name: bool(fields.get(name)) for name in FLAGS}
    values: dict[str, Any] = {**texts, **flags, **{name: int(value) for name, value in wholes.items()}}
    return RuleDraft(**values, threshold=threshold, clear_at=clear_at, emails=emails)


def number(fields: Mapping[str, str], name: str, errors: list[FieldError], *, whole: bool = False) -> float:
    """A number as typed; notes an error where it is none."""
    text = fields.get(name, "").strip()
    try:
        value = float(text) if len(text) <= 20 else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (whole and value != int(value)):
        errors.append(FieldError(name, "expected a whole number" if whole else "expected a number"))
        return 0.0
    return value
