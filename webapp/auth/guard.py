"""The one gate that every request passes before its view: who is it, and may they?

API routes take a token from the Authorization header only, pages from cookies only, so
that no cookie ever authorises an API call and no script ever needs to hold a token.
"""

from __future__ import annotations

from flask import Flask, current_app, g, request
from werkzeug.wrappers import Response

from ml.db.session import only_reads
from ml.errors import ConfigurationError
from webapp.auth import cookies, csrf
from webapp.auth.permissions import PUBLIC, SALES_IMPORT, required_permission
from webapp.auth.tokens import user_of_token
from webapp.auth.user import CurrentUser, current_user
from webapp.errors import ForbiddenError, UnauthenticatedError, is_api_request
from webapp.extensions import db, settings

LARGEST_BODY = 2 << 20
"""Bytes that a request may bring which uploads nothing."""


def init_app(app: Flask) -> None:
    """Put the gate before every route of `app`."""
    app.before_request(check_request)
    app.after_request(renew_cookies)
    app.teardown_request(forget_reading)


def check_request() -> None:
    """Identify the caller and refuse what they may not do."""
    if not settings().secret_key:
        raise ConfigurationError(
            "SECRET_KEY is not set and the home folder holds no secret.key, so nobody can sign in. "
            "Start with `make run`, which makes one, or set SECRET_KEY."
        )
    only_reads.set(True)
    if request.url_rule is not None and request.method != "OPTIONS":
        check_permission()
        db.session.commit()  # ends the read before the view's own transaction begins
    only_reads.set(request.method in csrf.SAFE_METHODS)


def check_permission() -> None:
    view = current_app.view_functions[str(request.endpoint)]
    permission = required_permission(view)
    if permission is None:
        raise ForbiddenError("no-permission-set", f"the route {request.url_rule} has no permission set.")
    if permission != SALES_IMPORT:  # nothing else takes files, and a large body fills the disk before it is refused
        request.max_content_length = LARGEST_BODY
    if permission == PUBLIC:
        check_public()
        return
    user = identify()
    g.user = user
    if not user.can(permission):
        raise ForbiddenError(
            "forbidden", f"this needs the permission {permission}, which the role {user.role} does not have."
        )
    if not is_api_request() and request.method not in csrf.SAFE_METHODS:
        csrf.check_token(user.session_id)


def check_public() -> None:
    """Public pages know who is signed in, if anybody is; the API's public routes need not."""
    if is_api_request() or request.endpoint == "static":
        return
    if request.method not in csrf.SAFE_METHODS:
        csrf.check_same_origin()
    try:
        g.user = identify()
    except UnauthenticatedError:
        g.user = None


def identify() -> CurrentUser:
    """The caller; raises UnauthenticatedError where the request does not say who it is."""
    if is_api_request():
        return user_of_token(db.session(), bearer_token())
    user, g.renew = cookies.user_of_cookies(db.session())
    return user


def bearer_token() -> str:
    """The token of the Authorization header."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if not scheme:
        raise UnauthenticatedError(
            "missing-token", "the request has no token; expected the header Authorization: Bearer <token>."
        )
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError(
            "invalid-token", "the Authorization header is malformed; expected Authorization: Bearer <token>."
        )
    return token.strip()


def renew_cookies(response: Response) -> Response:
    """Send the access token that replaces an expired one, unless the view signed out."""
    user = current_user()
    if user is not None and g.get("renew"):
        cookies.renew_access(response, user)
    return response


def forget_reading(_error: BaseException | None) -> None:
    only_reads.set(False)
