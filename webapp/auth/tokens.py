"""Access tokens: JWTs made for a sign-in, and read back to the sign-in that they name.

A token carries the sign-in's id as `sid` and lives for minutes. What counts is the
sign-in's row: it knows the user, the role and scope as they are now, and whether it was revoked.
"""

from __future__ import annotations

from typing import Any

from flask_jwt_extended import create_access_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt import ExpiredSignatureError, PyJWTError
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from webapp.auth.user import CurrentUser
from webapp.errors import UnauthenticatedError
from webapp.models import LoginSession

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
    login = session.get(LoginSession, str(claims.get("sid", "")))
    if login is None or str(login.user_id) != claims["sub"]:
        raise UnauthenticatedError("revoked-token", f"the token was revoked. {REMEDY}")
    check_open(login)
    return CurrentUser.of(login)


def check_open(login: LoginSession) -> None:
    """Raise UnauthenticatedError unless the sign-in lasts and its account is on."""
    if login.revoked_at is not None:
        raise UnauthenticatedError("revoked-token", f"the token was revoked. {REMEDY}")
    if login.expires_at <= utc_now():
        raise UnauthenticatedError("expired-token", f"the sign-in is over. {REMEDY}")
    if not login.user.active:
        raise UnauthenticatedError("revoked-token", "the account is switched off. Ask an administrator.")


def read_claims(encoded: str) -> dict[str, Any]:
    """The claims of a token whose signature and times are good."""
    try:
        claims: dict[str, Any] = decode_token(encoded)
    except ExpiredSignatureError:
        raise UnauthenticatedError("expired-token", f"the token has expired. {REMEDY}") from None
    except (PyJWTError, JWTExtendedException) as error:
        raise UnauthenticatedError("invalid-token", f"the token is not valid ({error}). {REMEDY}") from None
    return claims
