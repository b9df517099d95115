"""New accounts: made with a password, or by an invitation that is handed on."""

from __future__ import annotations

from collections.abc import Mapping

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from ml.db.base import utc_now
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import PERMISSIONS, USERS_MANAGE
from webapp.extensions import db
from webapp.htmx import see_other
from webapp.models import Invitation
from webapp.pages.access_form import PERMISSION_NAMES, REFUSALS, chosen_scope, errors_of, places_beside, typed_scope
from webapp.pages.admin import blueprint
from webapp.pages.ids import below
from webapp.queries.access import get_row, list_invitations
from webapp.services import invitations as service
from webapp.services.users import create_user

__all__ = ["blueprint"]

TYPED = {"email": 120, "name": 120, "role": 16}
"""What is typed anew after a mistake, but the password, and how long each may be."""


@blueprint.get("/admin/users/new")
@requires(USERS_MANAGE)
def new_user() -> ResponseReturnValue:
    """The form for a new account."""
    return new_page({}, {"role": "planner"})


@blueprint.post("/admin/users/new")
@requires(USERS_MANAGE)
def create() -> ResponseReturnValue:
    """Make an account with a password, or an invitation, whose link is shown in this answer alone."""
    session, form = db.session(), request.form
    typed = {name: form.get(name, "").replace("\0", "").strip()[:most] for name, most in TYPED.items()}
    by_password = form.get("by") == "password"
    try:
        scope = chosen_scope()
        if by_password:
            user = create_user(
                session, typed["email"], form.get("password", ""), typed["role"], typed["name"], scope=scope
            )
            return see_other(url_for("admin.user", user_id=user.id, saved="new"))
        row, token = service.invite(session, typed["email"], typed["role"], scope, signed_in_user().email)
    except REFUSALS as error:
        return new_page(errors_of(error, "email"), typed, by_password=by_password), 422
    link = url_for("account.registration", invitation=token, _external=True)
    return render_template("admin/invited.html", row=row, link=link), 201


@blueprint.get("/admin/invitations")
@requires(USERS_MANAGE)
def invitations() -> ResponseReturnValue:
    """Invitations, newest first."""
    page = list_invitations(db.session(), below=below())
    return render_template("admin/invitations.html", page=page, now=utc_now())


@blueprint.post("/admin/invitations/<id:invitation_id>/withdraw")
@requires(USERS_MANAGE)
def withdraw(invitation_id: int) -> ResponseReturnValue:
    """Make an invitation worthless."""
    session = db.session()
    service.withdraw(session, get_row(session, Invitation, invitation_id))
    return see_other(url_for("admin.invitations"))


@blueprint.get("/admin/roles")
@requires(USERS_MANAGE)
def roles() -> ResponseReturnValue:
    """What each role may do."""
    return render_template("admin/roles.html", roles=PERMISSIONS, names=PERMISSION_NAMES)


def new_page(errors: Mapping[str, str], typed: Mapping[str, str], *, by_password: bool = False) -> str:
    scope = typed_scope()
    return render_template(
        "admin/new_user.html",
        errors=errors,
        typed=typed,
        by_password=by_password,
        scope=scope,
        places=places_beside(db.session(), scope),
        roles=tuple(PERMISSIONS),
    )
