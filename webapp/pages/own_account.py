"""One's own account: who one is here, what one may do, the password, and the theme."""

from __future__ import annotations

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import SIGNED_IN
from webapp.errors import InvalidRequestError, TooManyAttemptsError
from webapp.extensions import db
from webapp.htmx import see_other
from webapp.models import User
from webapp.pages.account import blueprint
from webapp.pages.formats import sentence
from webapp.queries.access import get_row
from webapp.services.users import change_password

__all__ = ["blueprint"]


@blueprint.get("/account")
@requires(SIGNED_IN)
def show() -> ResponseReturnValue:
    """The account of whoever asks."""
    return account_page(done="changed" in request.args)


@blueprint.post("/account/password")
@requires(SIGNED_IN)
def set_password() -> ResponseReturnValue:
    """Change one's own password; all other sign-ins end. What is wrong is said beside its field."""
    me, form = signed_in_user(), request.form
    if form.get("new_password", "") != form.get("repeated", ""):
        return account_page({"repeated": "The two are not the same."}), 422
    try:
        change_password(
            db.session(),
            get_row(db.session(), User, me.id),
            form.get("current_password", ""),
            form.get("new_password", ""),
            keep_session=me.session_id,
            address=request.remote_addr or "",
        )
    except InvalidRequestError as error:
        return account_page({each.field: sentence(each.message) for each in error.errors}), 422
    except TooManyAttemptsError as error:
        problem = {"current_password": sentence(str(error))}
        return account_page(problem), 429, {"Retry-After": str(error.seconds)}
    return see_other(url_for("account.show", changed=1))


def account_page(errors: dict[str, str] | None = None, *, done: bool = False) -> str:
    return render_template("account/show.html", errors=errors or {}, done=done)
