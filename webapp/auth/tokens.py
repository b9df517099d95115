"""Access tokens: JWTs made for a sign-in, and read back to the sign-in that they name.

A token carries the sign-in's id as `sid` and lives for minutes. What counts is the
sign-in's row: it knows the user, the role and scope as they are now, and whether it was revoked.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from flask import current_app
from flask_jwt_extended import create_access_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt import ExpiredSignatureError, PyJWTError
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from webapp.auth.user import CurrentUser
from webapp.errors import UnauthenticatedError
from webapp.models import LoginSession, User
from webapp.queries.scope import Scope

REMEDY = "Sign in again."


def access_token(user: CurrentUser) -> str:
    """A short-lived token for `user`."""
    claims = {"sid": user.session_id, "role": user.role}
    return str(create_access_token(str(user.id), additional_claims=claims))


def user_of_token(session: Session, encoded: str) -> CurrentUser:
    """The user that an access token stands for; raises UnauthenticatedError for one that is not good."""
    claims = read_claims(encoded)
    if claims.get("type") != "access":
        raise UnauthenticatedError("invalid-token", f"this is no access token. {REMEDY}")
    login = session.execute(SIGN_IN, {"sid": str(claims.get("sid", ""))}).one_or_none()
    if login is None or str(login.user_id) != claims["sub"]:
        raise UnauthenticatedError("revoked-token", f"the token was revoked. {REMEDY}")
    check_open(login.revoked_at, login.expires_at, active=login.active)
    return CurrentUser(login.user_id, login.email, login.name, login.role_name, login.id, Scope.of(login.scope))


SIGN_IN = (
    sa.select(LoginSession.id, LoginSession.user_id, LoginSession.expires_at, LoginSession.revoked_at)
    .add_columns(User.email, User.name, User.role_name, User.scope, User.active)
    .join(User, User.id == LoginSession.user_id)
    .where(LoginSession.id == sa.bindparam("sid"))
)
"""Columns and no objects, since each request asks for them."""


def check_open(revoked_at: datetime | None, expires_at: datetime, *, active: bool) -> None:
    """Raise UnauthenticatedError unless a sign-in lasts and its account is on."""
    if revoked_at is not None:
        raise UnauthenticatedError("revoked-token", f"the token was revoked. {REMEDY}")
    if expires_at <= utc_now():
        raise UnauthenticatedError("expired-token", f"the sign-in is over. {REMEDY}")
    if not active:
        raise UnauthenticatedError("revoked-token", "the account is switched off. Ask an administrator.")


def read_claims(encoded: str) -> Mapping[str, Any]:
    """The claims of a token whose signature and times are good."""
    try:
        claims = signed_claims(encoded, current_app.config["SECRET_KEY"])
        if claims.get("exp", 0) <= time.time():
            raise ExpiredSignatureError
    except ExpiredSignatureError:
        raise UnauthenticatedError("expired-token", f"the token has expired. {REMEDY}") from None
    except (PyJWTError, JWTExtendedException) as error:
        raise UnauthenticatedError("invalid-token", f"the token is not valid ({error}). {REMEDY}") from None
    return claims


@lru_cache(maxsize=1024)
def signed_claims(encoded: str, _key: str) -> Mapping[str, Any]:
    """The claims of a token; a signature that was good under a key stays so, and callers send a token many times."""
    claims: dict[str, Any] = decode_token(encoded)
    return claims
