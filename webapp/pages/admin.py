"""Administration: accounts with their roles and limits, and who changed what."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ml.errors import ConflictError
from webapp.auth import requires
from webapp.auth.permissions import PERMISSIONS, USERS_MANAGE
from webapp.errors import InvalidRequestError
from webapp.extensions import db
from webapp.htmx import see_other
from webapp.models import User
from webapp.pages.access_form import chosen_scope, errors_of, places_beside, typed_scope
from webapp.pages.ids import below
from webapp.pages.render import render
from webapp.queries.access import get_row, list_audit, list_users
from webapp.queries.scope import Scope
from webapp.services.users import set_password, update_user

AUDIT_FILTERS = {"actor": 120, "action": 40, "entity": 40, "entity_id": 80}
"""What the log is filtered by, and how long each may be."""
LONGEST_TEXT = 120

blueprint = Blueprint("admin", __name__)


@blueprint.get("/admin/users")
@requires(USERS_MANAGE)
def users() -> ResponseReturnValue:
    """Accounts, newest first; filtered by the query string."""
    role, text = request.args.get("role", ""), request.args.get("q", "").strip()[:LONGEST_TEXT]
    role = role if role in PERMISSIONS else ""
    page = list_users(db.session(), text.replace("\0", ""), role or None, below=below())
    return render(
        "admin/users.html", block="list", page=page, filters={"q": text, "role": role}, roles=tuple(PERMISSIONS)
    )


@blueprint.get("/admin/users/<id:user_id>")
@requires(USERS_MANAGE)
def user(user_id: int) -> ResponseReturnValue:
    """One account, to be changed."""
    row = get_row(db.session(), User, user_id)
    return user_page(row, saved_values(row))


@blueprint.post("/admin/users/<id:user_id>")
@requires(USERS_MANAGE)
def change_user(user_id: int) -> ResponseReturnValue:
    """Change name, role, limits, or whether somebody may sign in; what is wrong is said beside its field."""
    session = db.session()
    row = get_row(session, User, user_id)
    typed = {
        "name": request.form.get("name", "").replace("\0", "").strip()[:LONGEST_TEXT],
        "role_name": request.form.get("role", ""),
        "active": "active" in request.form,
    }
    try:
        scope = chosen_scope()
        update_user(session, row, {**typed, "scope": scope.stored() if scope else None})
    except (InvalidRequestError, ConflictError) as error:
        session.rollback()
        status = 409 if isinstance(error, ConflictError) else 422
        row, typed = get_row(session, User, user_id), {**typed, "scope": typed_scope()}
        return user_page(row, typed, errors_of(error, "role")), status
    return see_other(url_for("admin.user", user_id=user_id, saved=1))


@blueprint.post("/admin/users/<id:user_id>/password")
@requires(USERS_MANAGE)
def give_password(user_id: int) -> ResponseReturnValue:
    """Set somebody's password, which ends their sign-ins."""
    session = db.session()
    row = get_row(session, User, user_id)
    try:
        set_password(session, row, request.form.get("password", ""))
    except InvalidRequestError as error:
        return user_page(row, saved_values(row), errors_of(error, "password")), 422
    return see_other(url_for("admin.user", user_id=user_id, saved="password"))


@blueprint.get("/admin/audit")
@requires(USERS_MANAGE)
def audit() -> ResponseReturnValue:
    """Who changed what, from what to what, newest first; filtered by the query string."""
    wanted: dict[str, Any] = {
        name: request.args.get(name, "").replace("\0", "")[:most] for name, most in AUDIT_FILTERS.items()
    }
    page = list_audit(db.session(), **wanted, below=below())
    return render("admin/audit.html", block="list", page=page, filters=wanted)


def saved_values(row: User) -> dict[str, Any]:
    """What the form of an account changes, as it is saved."""
    return {"name": row.name, "role_name": row.role_name, "active": row.active, "scope": Scope.of(row.scope)}


def user_page(row: User, values: Mapping[str, Any], errors: Mapping[str, str] = MappingProxyType({})) -> str:
    """The form of an account with `values`: those saved, or those typed where they could not be saved."""
    return render_template(
        "admin/user.html",
        row=row,
        values=values,
        errors=errors,
        places=places_beside(db.session(), values["scope"]),
        roles=tuple(PERMISSIONS),
        saved=request.args.get("saved"),
    )
