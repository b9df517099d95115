"""Signing in and out. The caller turns the result into cookies or tokens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from webapp.auth.passwords import hash_password, needs_rehash, verify_password
from webapp.errors import UnauthenticatedError
from webapp.models import LoginSession, RefreshToken, User
from webapp.services import refresh, throttle
from webapp.services.users import normalise_email


@dataclass(frozen=True)
class Opened:
    """A new sign-in, and its first refresh token, which is shown this once."""

    login: LoginSession
    refresh_token: str


def sign_in(session: Session, email: str, password: str, lifetime: timedelta, address: str = "") -> Opened:
    """Check e-mail and password and open a sign-in; commits.

    Raises UnauthenticatedError without saying which of the two is wrong, and
    TooManyAttemptsError while the account or the `address` has to wait. The attempt is counted before the
    password is checked, so that guesses sent at once do not escape the count, and no
    transaction is open during the check, which is slow by design.
    """
    email = normalise_email(email)
    throttle.count_attempt(session, email, address)
    user = session.scalar(sa.select(User).where(User.email == email, User.active))
    session.commit()
    if not verify_password(user.password_hash if user else None, password) or user is None:
        raise UnauthenticatedError("wrong-credentials", "the e-mail address or the password is wrong.")
    rehashed = hash_password(password) if needs_rehash(user.password_hash) else user.password_hash

    user.password_hash, user.last_login_at = rehashed, utc_now()
    throttle.forget_failures(session, email, address)
    return open_sign_in(session, user, lifetime)


def open_sign_in(session: Session, user: User, lifetime: timedelta) -> Opened:
    """A new sign-in of somebody who proved who they are; commits. What is left of those that are over goes."""
    now = utc_now()
    over = sa.select(LoginSession.id).where(LoginSession.expires_at < now)
    session.execute(sa.delete(RefreshToken).where(RefreshToken.session_id.in_(over)))
    login = LoginSession(id=secrets.token_hex(16), user=user, created_at=now, expires_at=now + lifetime)
    session.add(login)
    session.flush()
    token = refresh.issue(session, login)
    audit.record(session, "sign_in", "user", user.id, actor=user.email)
    session.commit()
    return Opened(login, token)


def sign_out(session: Session, session_id: str) -> None:
    """Revoke a sign-in with all its tokens; commits. One that is over already is no error."""
    login = session.get(LoginSession, session_id)
    if login is not None and login.revoked_at is None:
        refresh.revoke(session, login, "sign_out")
