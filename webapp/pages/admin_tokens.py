"""Service tokens: what each may do, when it was last used, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from ml.db.base import utc_now
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FOR_TOKENS, SALES_READ, USERS_MANAGE
from webapp.extensions import db
from webapp.htmx import see_other
from webapp.models import ServiceToken
from webapp.pages.access_form import PERMISSION_NAMES, REFUSALS, chosen_scope, errors_of, places_beside, typed_scope
from webapp.pages.admin_people import blueprint
from webapp.pages.ids import below
from webapp.queries.access import get_row, list_tokens
from webapp.schemas.tokens import NewToken
from webapp.services import tokens as service

__all__ = ["blueprint"]

LIFETIMES = {30: "30 days", 90: "90 days", 365: "A year", 730: "Two years"}


@blueprint.get("/admin/tokens")
@requires(USERS_MANAGE)
def tokens() -> ResponseReturnValue:
    """Service tokens, newest first, those that ended among them."""
    page = list_tokens(db.session(), below=below())
    return render_template("admin/tokens.html", page=page, names=PERMISSION_NAMES, now=utc_now())


@blueprint.get("/admin/tokens/new")
@requires(USERS_MANAGE)
def new_token() -> ResponseReturnValue:
    """The form for a new token."""
    return form_page({}, {"name": "", "permissions": [SALES_READ], "expires_in_days": 365})


@blueprint.post("/admin/tokens/new")
@requires(USERS_MANAGE)
def create_token() -> ResponseReturnValue:
    """Make a token; its text is shown in this answer alone."""
    form = request.form
    typed: dict[str, Any] = {"name": form.get("name", "").replace("\0", "")}
    typed["expires_in_days"] = form.get("expires_in_days", type=int)
    typed["permissions"] = form.getlist("permission")
    try:
        body, scope = NewToken.model_validate(typed), chosen_scope()
        lifetime = timedelta(days=body.expires_in_days)
        row, text = service.create_token(
            db.session(), body.name, body.permissions, scope=scope, lifetime=lifetime, user=signed_in_user().email
        )
    except REFUSALS as error:
        return form_page(errors_of(error, "name"), typed), 422
    return render_template("admin/token_made.html", row=row, text=text), 201


@blueprint.post("/admin/tokens/<id:token_id>/revoke")
@requires(USERS_MANAGE)
def revoke_token(token_id: int) -> ResponseReturnValue:
    """Make a token worthless, from the next request on."""
    session = db.session()
    service.revoke_token(session, get_row(session, ServiceToken, token_id))
    return see_other(url_for("admin.tokens"))


def form_page(errors: Mapping[str, str], typed: Mapping[str, Any]) -> str:
    scope = typed_scope()
    return render_template(
        "admin/new_token.html",
        errors=errors,
        typed=typed,
        scope=scope,
        places=places_beside(db.session(), scope),
        permissions={name: PERMISSION_NAMES[name] for name in PERMISSION_NAMES if name in FOR_TOKENS},
        lifetimes=LIFETIMES,
    )
