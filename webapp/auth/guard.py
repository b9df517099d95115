"""The one gate that every request passes before its view: who is it, and may they?

API routes take a token from the Authorization header only, pages from cookies only, so
that no cookie ever authorises an API call and no script ever needs to hold a token.
"""

from __future__ import annotations

from dataclasses import replace

from flask import Flask, current_app, g, request
from werkzeug.wrappers import Response

from ml.db import audit
from ml.db.base import utc_now
from ml.db.session import only_reads
from ml.errors import ConfigurationError
from webapp.auth import cookies, csrf
from webapp.auth.opaque import SERVICE
from webapp.auth.permissions import PUBLIC, SALES_IMPORT, is_scoped, required_permission
from webapp.auth.tokens import user_of_token
from webapp.auth.user import CurrentUser
from webapp.errors import ForbiddenError, UnauthenticatedError, is_api_request
from webapp.extensions import db, settings
from webapp.queries import scope
from webapp.services import tokens

LARGEST_BODY = 2 << 20
"""Bytes that a request may bring which uploads nothing."""


def init_app(app: Flask) -> None:
    """Put the gate before every route of `app`."""
    app.before_request(check_request)
    app.after_request(renew_cookies)
    app.teardown_request(forget_request)


def check_request() -> None:
    """Identify the caller and refuse what they may not do."""
    if not settings().secret_key:
        raise ConfigurationError(
            "SECRET_KEY is not set and the home folder holds no secret.key, so nobody can sign in. "
            "Start with `make run`, which makes one, or set SECRET_KEY."
        )
    only_reads.set(True)
    scope.limit(scope.NOBODY)
    audit.origin.set(audit.Origin(request_id=g.request_id, address=request.remote_addr or ""))
    if request.url_rule is not None and request.method != "OPTIONS":
        check_permission()
        if request.method not in csrf.SAFE_METHODS:
            db.session.commit()  # ends the read before the view's own transaction begins, which may write
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
    welcome(user)
    check_allowed(user, permission, scoped=is_scoped(view))
    if not is_api_request() and request.method not in csrf.SAFE_METHODS:
        csrf.check_token(user.session_id)


def check_public() -> None:
    """Public pages know who is signed in, if anybody is; the API's public routes need not."""
    if is_api_request() or request.endpoint == "static":
        return
    if request.method not in csrf.SAFE_METHODS:
        csrf.check_same_origin()
    try:
        welcome(identify())
    except UnauthenticatedError:
        g.user = None


def welcome(user: CurrentUser) -> None:
    """Let the request know who asks, its queries what they may see, and its changes who makes them."""
    g.user = user
    scope.limit(scope.Caller(user.email, user.scope))
    audit.origin.set(replace(audit.origin.get(), actor=user.email))


def check_allowed(user: CurrentUser, permission: str, *, scoped: bool) -> None:
    """Raise ForbiddenError for what the caller may not do."""
    if user.can(permission, scoped=scoped):
        return
    if permission not in user.permissions:
        raise ForbiddenError(
            "forbidden", f"this needs the permission {permission}, which the role {user.role} does not have."
        )
    raise ForbiddenError(
        "limited-scope", "this concerns all regions, and you may see only some of them. Ask an administrator."
    )


def identify() -> CurrentUser:
    """The caller; raises UnauthenticatedError where the request does not say who it is."""
    if is_api_request():
        token = bearer_token()
        return user_of_service(token) if token.startswith(SERVICE) else user_of_token(db.session(), token)
    user, g.renewal = cookies.user_of_cookies(db.session())
    return user


def user_of_service(token: str) -> CurrentUser:
    """The system behind a service token; that it was used is noted, in a transaction of its own that may write."""
    session = db.session()
    row = tokens.find_token(session, token)
    if tokens.is_stale(row, utc_now()):
        session.rollback()
        only_reads.set(False)
        tokens.touch(session, row)
        only_reads.set(True)
    return CurrentUser.of_token(row)


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
    """Send the tokens that replace an expired one, unless the view signed out."""
    renewal = g.get("renewal")
    if renewal is not None:
        cookies.renew_sign_in(response, renewal)
    return response


def forget_request(_error: BaseException | None) -> None:
    only_reads.set(False)
    scope.limit(None)
    audit.origin.set(audit.NOWHERE)
