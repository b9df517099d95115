"""Overrides: what people change about forecasts, its history, its approval, and what it was worth."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ml.errors import DataError
from ml.grains import GRAINS
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, SALES_READ
from webapp.errors import InvalidRequestError
from webapp.extensions import db, settings
from webapp.htmx import see_other
from webapp.pages.formats import sentence
from webapp.pages.grains import asked_grain, grain_words
from webapp.pages.ids import below
from webapp.pages.overrides_form import Form, draft_of, lines, typed_form
from webapp.pages.render import render
from webapp.pages.words import REASON_NAMES
from webapp.queries import overrides as queries
from webapp.queries.access import list_audit
from webapp.queries.forecasts import outlook
from webapp.queries.nodes import Node
from webapp.services import overrides as service

STATES = {"waiting": "Waiting", "active": "Active", "refused": "Refused", "withdrawn": "Withdrawn"}

blueprint = Blueprint("overrides", __name__)


@blueprint.get("/overrides")
@requires(SALES_READ)
def index() -> ResponseReturnValue:
    """All overrides of a grain, newest first, filtered by the query string, and what those that are over were worth."""
    session, grain = db.session(), asked_grain()
    words = grain_words(grain)
    state = request.args.get("state", "")
    state = state if state in STATES else ""
    page = queries.list_overrides(session, queries.OverrideFilter(grain.name, state or None), below=below())
    return render(
        "overrides/index.html",
        block="list",
        page=page,
        filters={"state": state, **words["kept"]},
        states=STATES,
        worth=queries.added_value(session, grain.name),
        people=queries.added_value_by_person(session, grain.name),
        **words,
    )


@blueprint.get("/overrides/new")
@requires(FORECASTS_MAKE, scoped=True)
def new() -> ResponseReturnValue:
    """The form that changes the forecast of the part that the query names."""
    return form_page(Form())


@blueprint.post("/overrides/new")
@requires(FORECASTS_MAKE, scoped=True)
def create() -> ResponseReturnValue:
    """Change the forecast; the series then shows it. What is wrong is said beside its field."""
    form = typed_form(request.form)
    node, grain, user = Node.of(request.args), asked_grain(), signed_in_user().email
    try:
        draft = draft_of(form, node, grain.name)
        row = service.create_override(db.session(), draft, user, approval=settings().override_approval)
    except InvalidRequestError as error:
        found = {each.field.removeprefix("values."): sentence(each.message) for each in error.errors}
        return form_page(form, found), 422
    except DataError as error:
        return form_page(form, {"values": sentence(str(error))}), 422
    return see_other(url_for("overrides.show", override_id=row.id))


@blueprint.get("/overrides/<id:override_id>")
@requires(SALES_READ)
def show(override_id: int) -> ResponseReturnValue:
    """One override: what it says and moved, what came of it, and who did what when."""
    session = db.session()
    view = queries.override_view(session, override_id)
    history = list_audit(session, entity="override", entity_id=str(override_id)).items
    return render_template("overrides/show.html", row=view, history=history, grain=GRAINS[view.grain])


@blueprint.post("/overrides/<id:override_id>/decide")
@requires(FORECASTS_MAKE, scoped=True)
def decide(override_id: int) -> ResponseReturnValue:
    """Approve or refuse an override that waits for a second person."""
    approve = request.form.get("verdict") == "approve"
    service.decide_override(db.session(), override_id, approve=approve, user=signed_in_user().email)
    return see_other(url_for("overrides.show", override_id=override_id))


@blueprint.post("/overrides/<id:override_id>/withdraw")
@requires(FORECASTS_MAKE, scoped=True)
def withdraw(override_id: int) -> ResponseReturnValue:
    """Take an override back; the forecast is then as if it had never been."""
    service.withdraw_override(db.session(), override_id, signed_in_user().email)
    return see_other(url_for("overrides.show", override_id=override_id))


def form_page(form: Form, errors: dict[str, str] | None = None) -> str:
    grain = asked_grain()
    view = outlook(db.session(), Node.of(request.args), grain=grain)
    return render_template(
        "overrides/form.html",
        view=view,
        node=view.node,
        lines=lines(view, form),
        form=form,
        errors=errors or {},
        reasons=REASON_NAMES,
        approval=settings().override_approval,
        **grain_words(grain),
    )
