"""Alerts: what is wrong now and was before, and the rules by which that is found."""

from __future__ import annotations

from flask import Response, url_for
from sqlalchemy.orm import Session

from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.edits import check_unchanged, hold, tagged
from webapp.api.listing import listing
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import JOBS_MANAGE, JOBS_READ
from webapp.extensions import db
from webapp.queries import alerts as queries
from webapp.schemas.alerts import (
    AlertAnswer,
    AlertList,
    AlertPath,
    AlertQuery,
    RuleAnswer,
    RuleBody,
    RuleList,
    RulePath,
)
from webapp.schemas.base import encode_cursor
from webapp.services import alerts as service
from worker.models import AlertRule

blueprint = api_blueprint("alerts", "/alerts")


@blueprint.get("", responses={200: AlertList})
@requires(JOBS_READ)
def list_alerts(query: AlertQuery) -> Response:
    """List alerts, newest first."""

    def fetch(part: AlertQuery) -> AlertList:
        page = queries.list_alerts(db.session(), part.state, part.limit, part.cursor)
        items = [AlertAnswer.model_validate(one) for one in page.items]
        return AlertList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.get("/<int:alert_id>", responses={200: AlertAnswer, **problems(404)})
@requires(JOBS_READ)
def show_alert(path: AlertPath) -> Response:
    """Read an alert."""
    return answer(AlertAnswer.model_validate(queries.alert_view(db.session(), path.alert_id)))


@blueprint.post("/<int:alert_id>/acknowledge", responses={200: AlertAnswer, **problems(404, 409)})
@requires(JOBS_MANAGE)
def acknowledge_alert(path: AlertPath) -> Response:
    """Say that somebody sees to it; nobody is told of it again."""
    session = db.session()
    service.acknowledge(session, path.alert_id, signed_in_user().email)
    return answer(AlertAnswer.model_validate(queries.alert_view(session, path.alert_id)))


@blueprint.get("/rules", responses={200: RuleList})
@requires(JOBS_MANAGE)
def list_rules() -> Response:
    """List the rules by which alerts are raised."""
    rows = queries.list_rules(db.session())
    return answer(RuleList(items=[RuleAnswer.model_validate(row) for row in rows]))


@blueprint.post("/rules", responses={201: RuleAnswer, **problems(400, 409, 415)})
@requires(JOBS_MANAGE)
def create_rule(body: RuleBody) -> Response:
    """Add a rule."""
    row = service.create_rule(db.session(), service.RuleDraft(**body.model_dump()))
    return tagged(RuleAnswer.model_validate(row), 201, Location=url_for("api_alerts.show_rule", rule_id=row.id))


@blueprint.get("/rules/<int:rule_id>", responses={200: RuleAnswer, 304: None, **problems(404)})
@requires(JOBS_MANAGE)
def show_rule(path: RulePath) -> Response:
    """Read a rule."""
    return tagged(RuleAnswer.model_validate(queries.get_rule(db.session(), path.rule_id)))


@blueprint.put("/rules/<int:rule_id>", responses={200: RuleAnswer, **problems(400, 404, 409, 412, 415)})
@requires(JOBS_MANAGE)
def replace_rule(path: RulePath, body: RuleBody) -> Response:
    """Replace all of a rule."""
    session = db.session()
    hold_unchanged(session, path)
    row = service.change_rule(session, path.rule_id, service.RuleDraft(**body.model_dump()))
    return tagged(RuleAnswer.model_validate(row))


@blueprint.delete("/rules/<int:rule_id>", responses={204: None, **problems(404, 412)})
@requires(JOBS_MANAGE)
def delete_rule(path: RulePath) -> Response:
    """Delete a rule with its alerts."""
    session = db.session()
    hold_unchanged(session, path)
    service.delete_rule(session, path.rule_id)
    return Response(status=204)


def hold_unchanged(session: Session, path: RulePath) -> None:
    """Refuse where the rule is not as the caller's `If-Match` knows it."""
    hold(session, AlertRule)
    check_unchanged(RuleAnswer.model_validate(queries.get_rule(session, path.rule_id)))
