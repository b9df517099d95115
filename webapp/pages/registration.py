"""Making an account of one's own: with an invitation, or without one where anybody may."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp.auth import CurrentUser, public
from webapp.auth.cookies import set_sign_in
from webapp.errors import ForbiddenError, TooManyAttemptsError
from webapp.extensions import db, settings
from webapp.htmx import see_other
from webapp.pages.access_form import REFUSALS, errors_of
from webapp.pages.formats import sentence
from webapp.pages.own_account import blueprint
from webapp.services import invitations as service
from webapp.services.sign_in import open_sign_in

__all__ = ["blueprint"]


@blueprint.get("/register")
@public
def registration() -> ResponseReturnValue:
    """The form, which an invitation's link leads to; where it is good, for whom it is."""
    return form(request.args.get("invitation", ""))


@blueprint.post("/register")
@public
def register() -> ResponseReturnValue:
    """Make the account, and go on signed in. What is wrong is said beside its field."""
    session, sent = db.session(), request.form
    token, password = sent.get("invitation", ""), sent.get("password", "")
    typed = {name: sent.get(name, "").replace("\0", "").strip()[:120] for name in ("email", "name")}
    if password != sent.get("repeated", ""):
        return form(token, typed, {"repeated": "The two are not the same."}), 422
    try:
        user = service.register(
            session, settings().registration, **typed, password=password, token=token, address=request.remote_addr or ""
        )
    except TooManyAttemptsError as error:
        return form(token, typed, problem=str(error)), 429, {"Retry-After": str(error.seconds)}
    except ForbiddenError as error:
        return form(token, typed, problem=str(error)), 403
    except REFUSALS as error:
        session.rollback()  # the invitation is still good
        return form(token, typed, errors_of(error, "email")), 422
    opened = open_sign_in(session, user, settings().session_lifetime)
    response = see_other("/")
    set_sign_in(response, CurrentUser.of(opened.login), opened.refresh_token)
    return response


def form(
    token: str, typed: dict[str, str] | None = None, errors: dict[str, str] | None = None, *, problem: str = ""
) -> str:
    """The page; where nobody can register, or the invitation is not good, what to do about it."""
    mode, found = settings().registration, service.find(db.session(), token) if token else None
    return render_template(
        "sign_in/register.html",
        token=token,
        invitation=found,
        may=mode != "closed" and (found is not None or (mode == "open" and not token)),
        closed=mode == "closed",
        typed=typed or {"email": found.email if found else "", "name": ""},
        errors=errors or {},
        problem=sentence(problem),
    )
