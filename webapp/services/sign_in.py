"""Signing in and out. The caller turns the result into cookies or tokens."""

from __future__ import annotations

import secrets
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from webapp.auth.passwords import hash_password, needs_rehash, verify_password
from webapp.errors import UnauthenticatedError
from webapp.models import LoginSession, User
from webapp.services import throttle
from webapp.services.users import normalise_email


def sign_in(session: Session, email: str, password: str, lifetime: timedelta) -> LoginSession:
    """Check e-mail and password and open a sign-in; commits.

    Raises UnauthenticatedError without saying which of the two is wrong, and
    TooManyAttemptsError while the account has to wait. The attempt is counted before the
    password is checked, so that guesses sent at once do not escape the count, and no
    transaction is open during the check, which is slow by design.
    """
    email = normalise_email(email)
    throttle.count_attempt(session, email)
    user = session.scalar(sa.select(User).where(User.email == email, User.active))
    session.commit()
    if not verify_password(user.password_hash if user else None, password) or user is None:
        raise UnauthenticatedError("wrong-credentials", "the e-mail address or the password is wrong.")
    rehashed = hash_password(password) if needs_rehash(user.password_hash) else user.password_hash

    now = utc_now()
    login = LoginSession(id=secrets.token_hex(16), user=user, created_at=now, expires_at=now + lifetime)
    session.add(login)
    user.password_hash, user.last_login_at = rehashed, now
    throttle.forget_failures(session, email)
    session.commit()
    return login


def sign_out(session: Session, session_id: str) -> None:
    """Revoke a sign-in with all its tokens; commits. One that is over already is no error."""
    session.execute(
        sa.update(LoginSession)
        .where(LoginSession.id == session_id, LoginSession.revoked_at.is_(None))
        .values(revoked_at=utc_now())
    )
    session.commit()
