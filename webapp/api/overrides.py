"""Overrides: forecasts changed by people and programs, approved, taken back, and judged."""

from __future__ import annotations

from flask import Response, url_for

from ml.db.overrides import ForecastOverride
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.edits import check_unchanged, hold, tagged
from webapp.api.listing import listing
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, SALES_READ
from webapp.extensions import db, settings
from webapp.queries import overrides as queries
from webapp.schemas.base import encode_cursor
from webapp.schemas.overrides import (
    AddedValueAnswer,
    AddedValueQuery,
    AddedValueRow,
    DecisionBody,
    OverrideAnswer,
    OverrideBody,
    OverrideList,
    OverridePath,
    OverrideQuery,
)
from webapp.services import overrides as service

blueprint = api_blueprint("overrides", "/overrides")


@blueprint.get("", responses={200: OverrideList})
@requires(SALES_READ)
def list_overrides(query: OverrideQuery) -> Response:
    """List overrides, newest first."""

    def fetch(part: OverrideQuery) -> OverrideList:
        wanted = queries.OverrideFilter(part.grain, part.state, part.created_by)
        page = queries.list_overrides(db.session(), wanted, part.limit, part.cursor)
        items = [OverrideAnswer.made(view) for view in page.items]
        return OverrideList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.post("", responses={201: OverrideAnswer, **problems(400, 404, 409, 415)})
@requires(FORECASTS_MAKE, scoped=True)
def create_override(body: OverrideBody) -> Response:
    """Change the forecast of any part: below it changes in proportion, above it by the same amount.

    It counts at once, and in the runs to come; with `OVERRIDE_APPROVAL` when a second person has approved it.
    """
    fields = body.model_dump(include={"grain", "kind", "values", "reason", "comment"})
    draft = service.OverrideDraft(node=body.node(), **fields)
    row = service.create_override(db.session(), draft, signed_in_user().email, approval=settings().override_approval)
    return tagged(read(row.id), 201, Location=url_for("api_overrides.show_override", override_id=row.id))


@blueprint.get("/added-value", responses={200: AddedValueAnswer})
@requires(SALES_READ)
def show_added_value(query: AddedValueQuery) -> Response:
    """Read how far off the forecasts of overridden periods were, by step and person."""
    session = db.session()
    rows = [queries.added_value(session, query.grain), *queries.added_value_by_person(session, query.grain)]
    return answer(AddedValueAnswer(items=[AddedValueRow.model_validate(row) for row in rows]))


@blueprint.get("/<int:override_id>", responses={200: OverrideAnswer, 304: None, **problems(404)})
@requires(SALES_READ)
def show_override(path: OverridePath) -> Response:
    """Read an override."""
    return tagged(read(path.override_id))


@blueprint.post("/<int:override_id>/decision", responses={200: OverrideAnswer, **problems(400, 404, 409, 412, 415)})
@requires(FORECASTS_MAKE, scoped=True)
def decide_override(path: OverridePath, body: DecisionBody) -> Response:
    """Approve or refuse an override that waits; who made it cannot approve it."""
    session = db.session()
    hold(session, ForecastOverride)
    check_unchanged(read(path.override_id))
    service.decide_override(session, path.override_id, approve=body.approve, user=signed_in_user().email)
    return tagged(read(path.override_id))


@blueprint.post("/<int:override_id>/withdraw", responses={200: OverrideAnswer, **problems(404, 409, 412)})
@requires(FORECASTS_MAKE, scoped=True)
def withdraw_override(path: OverridePath) -> Response:
    """Take an override back: the forecast is as if it had never been."""
    session = db.session()
    hold(session, ForecastOverride)
    check_unchanged(read(path.override_id))
    service.withdraw_override(session, path.override_id, signed_in_user().email)
    return tagged(read(path.override_id))


def read(override_id: int) -> OverrideAnswer:
    """An override as it is now."""
    return OverrideAnswer.made(queries.override_view(db.session(), override_id))
