"""The sign-in of pages: two HttpOnly, SameSite=Lax cookies, renewed without anybody noticing."""

from __future__ import annotations

from datetime import datetime

from flask import current_app, g, request
from flask_jwt_extended import set_access_cookies, set_refresh_cookies, unset_jwt_cookies
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from webapp.auth.tokens import access_token, refresh_token, user_of_token
from webapp.auth.user import CurrentUser
from webapp.errors import UnauthenticatedError


def set_sign_in(response: Response, user: CurrentUser, expires_at: datetime) -> None:
    """Hand the browser the tokens of a new sign-in."""
    set_access_cookies(response, access_token(user))  # type: ignore[arg-type]
    set_refresh_cookies(response, refresh_token(user, expires_at))  # type: ignore[arg-type]


def renew_access(response: Response, user: CurrentUser) -> None:
    """Hand the browser a new access token."""
    set_access_cookies(response, access_token(user))  # type: ignore[arg-type]


def clear_sign_in(response: Response) -> None:
    """Make the browser forget its tokens."""
    g.renew = False
    unset_jwt_cookies(response)  # type: ignore[arg-type]


def user_of_cookies(session: Session) -> tuple[CurrentUser, bool]:
    """The user behind the request's cookies, and whether the access token needs renewal.

    Raises UnauthenticatedError where neither cookie is good.
    """
    access = request.cookies.get(current_app.config["JWT_ACCESS_COOKIE_NAME"])
    if access:
        try:
            return user_of_token(session, access), False
        except UnauthenticatedError:
            pass  # expired, most likely: the refresh token decides
    refresh = request.cookies.get(current_app.config["JWT_REFRESH_COOKIE_NAME"])
    if not refresh:
        raise UnauthenticatedError("missing-token", "sign in to see this page.")
    return user_of_token(session, refresh, "refresh"), True
