"""Signing in and out, and the theme."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from webapp.auth import CurrentUser, current_user, public, requires, safe_next, signed_in_user
from webapp.auth.cookies import clear_sign_in, set_sign_in
from webapp.auth.permissions import SIGNED_IN
from webapp.errors import TooManyAttemptsError, UnauthenticatedError
from webapp.extensions import db, settings
from webapp.htmx import see_other
from webapp.pages.formats import sentence
from webapp.services import sign_in as service

THEMES = ("light", "dark", "auto")
THEME_COOKIE = "theme"
YEAR = 365 * 24 * 3600

blueprint = Blueprint("account", __name__)


@blueprint.get("/login")
@public
def sign_in_form() -> ResponseReturnValue:
    """The sign-in page; whoever is signed in goes on at once."""
    target = safe_next(request.args.get("next"))
    if current_user() is not None:
        return see_other(target)
    return form(target)


@blueprint.post("/login")
@public
def sign_in() -> ResponseReturnValue:
    """Check e-mail and password; set the cookies and go where the reader wanted to go."""
    email, target = request.form.get("email", ""), safe_next(request.form.get("next"))
    try:
        opened = service.sign_in(
            db.session(),
            email,
            request.form.get("password", ""),
            settings().session_lifetime,
            request.remote_addr or "",
        )
    except UnauthenticatedError as error:
        return form(target, email, str(error)), 401
    except TooManyAttemptsError as error:
        return form(target, email, str(error)), 429, {"Retry-After": str(error.seconds)}
    response = see_other(target)
    set_sign_in(response, CurrentUser.of(opened.login), opened.refresh_token)
    return response


@blueprint.post("/logout")
@requires(SIGNED_IN)
def sign_out() -> ResponseReturnValue:
    """End the sign-in, on this browser and for all its tokens."""
    service.sign_out(db.session(), signed_in_user().session_id)
    response = see_other("/login")
    clear_sign_in(response)
    return response


@blueprint.post("/theme")
@requires(SIGNED_IN)
def set_theme() -> ResponseReturnValue:
    """Keep the choice of light, dark or automatic in a cookie, so that the first byte is right."""
    chosen = request.form.get("theme", "")
    response = see_other(safe_next(request.form.get("next")))
    secure = settings().https
    response.set_cookie(
        THEME_COOKIE, chosen if chosen in THEMES else "auto", max_age=YEAR, secure=secure, httponly=True, samesite="Lax"
    )
    return response


def theme() -> str:
    """The reader's theme: light, dark, or auto, which follows the system."""
    chosen = request.cookies.get(THEME_COOKIE, "auto")
    return chosen if chosen in THEMES else "auto"


def form(target: str, email: str = "", problem: str = "") -> Response:
    context = {"next": target, "email": email, "problem": sentence(problem)}
    return make_response(render_template("sign_in/form.html", **context, anybody=settings().registration == "open"))
