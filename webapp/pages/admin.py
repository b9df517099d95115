"""Administration: accounts with their roles and limits, and who changed what."""

from __future__ import annotations

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
from webapp.pages.formats import sentence
from webapp.pages.ids import below
from webapp.pages.render import render
from webapp.queries.access import get_row, list_audit, list_users
from webapp.services.users import update_user

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
    return user_page(get_row(db.session(), User, user_id))


@blueprint.post("/admin/users/<id:user_id>")
@requires(USERS_MANAGE)
def change_user(user_id: int) -> ResponseReturnValue:
    """Change the name, the role, or whether somebody may sign in; what is wrong is said beside its field."""
    session = db.session()
    row = get_row(session, User, user_id)
    values = {
        "name": request.form.get("name", "").strip()[:LONGEST_TEXT],
        "role_name": request.form.get("role", ""),
        "active": "active" in request.form,
    }
    try:
        update_user(session, row, values)
    except InvalidRequestError as error:
        session.rollback()
        found = {each.field: sentence(each.message) for each in error.errors}
        return user_page(get_row(session, User, user_id), found), 422
    except ConflictError as error:
        return user_page(get_row(session, User, user_id), {"role": sentence(str(error))}), 409
    return see_other(url_for("admin.user", user_id=user_id, saved=1))


@blueprint.get("/admin/audit")
@requires(USERS_MANAGE)
def audit() -> ResponseReturnValue:
    """Who changed what, from what to what, newest first; filtered by the query string."""
    wanted: dict[str, Any] = {
        name: request.args.get(name, "").replace("\0", "")[:most] for name, most in AUDIT_FILTERS.items()
    }
    page = list_audit(db.session(), **wanted, below=below())
    return render("admin/audit.html", block="list", page=page, filters=wanted)


def user_page(row: User, errors: dict[str, str] | None = None) -> str:
    return render_template(
        "admin/user.html", row=row, errors=errors or {}, roles=tuple(PERMISSIONS), saved="saved" in request.args
    )
