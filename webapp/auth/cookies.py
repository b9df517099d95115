"""The sign-in of pages: two HttpOnly, SameSite=Lax cookies, renewed without anybody noticing."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, g, request
from flask_jwt_extended import set_access_cookies, set_refresh_cookies, unset_jwt_cookies
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from ml.db.session import only_reads
from webapp.auth.tokens import access_token, user_of_token
from webapp.auth.user import CurrentUser
from webapp.errors import UnauthenticatedError
from webapp.services import refresh


@dataclass(frozen=True)
class Renewal:
    """What the browser gets in place of an expired access token; the refresh token only where it was exchanged."""

    user: CurrentUser
    refresh_token: str | None


def set_sign_in(response: Response, user: CurrentUser, refresh_token: str) -> None:
    """Hand the browser the tokens of a new sign-in."""
    renew_sign_in(response, Renewal(user, refresh_token))


def renew_sign_in(response: Response, renewal: Renewal) -> None:
    """Hand the browser new tokens."""
    set_access_cookies(response, access_token(renewal.user))  # type: ignore[arg-type]
    if renewal.refresh_token is not None:
        set_refresh_cookies(response, renewal.refresh_token)  # type: ignore[arg-type]


def clear_sign_in(response: Response) -> None:
    """Make the browser forget its tokens."""
    g.renewal = None
    unset_jwt_cookies(response)  # type: ignore[arg-type]


def user_of_cookies(session: Session) -> tuple[CurrentUser, Renewal | None]:
    """The user behind the request's cookies, and what replaces an access token that has expired.

    Raises UnauthenticatedError where neither cookie is good.
    """
    access = request.cookies.get(current_app.config["JWT_ACCESS_COOKIE_NAME"])
    if access:
        try:
            return user_of_token(session, access), None
        except UnauthenticatedError:
            pass  # expired, most likely: the refresh token decides
    token = request.cookies.get(current_app.config["JWT_REFRESH_COOKIE_NAME"])
    if not token:
        raise UnauthenticatedError("missing-token", "sign in to see this page.")
    renewed = exchange(session, token)
    user = CurrentUser.of(renewed.login)
    return user, Renewal(user, renewed.token)


def exchange(session: Session, token: str) -> refresh.Renewed:
    """Exchange a refresh token, in a transaction of its own that may write, whatever the request does."""
    session.rollback()
    reading = only_reads.set(False)
    try:
        return refresh.renew(session, token, refresh.SAME_MOMENT)
    finally:
        session.rollback()
        only_reads.reset(reading)
