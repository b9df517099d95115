"""Refresh tokens: each is exchanged once; one that comes again was copied, and ends the sign-in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from webapp.auth.opaque import REFRESH, new_token, token_hash
from webapp.auth.tokens import REMEDY, check_open
from webapp.errors import UnauthenticatedError
from webapp.models import LoginSession, RefreshToken

SAME_MOMENT = timedelta(seconds=30)
"""A browser sends several requests at once: all but one of them bring a token that was just used."""


@dataclass(frozen=True)
class Renewed:
    """A sign-in that goes on; `token` replaces the one that was used, None where a request beside has got it."""

    login: LoginSession
    token: str | None


def issue(session: Session, login: LoginSession) -> str:
    """A refresh token for a sign-in; leaves the commit to the caller."""
    token = new_token(REFRESH)
    session.add(RefreshToken(session_id=login.id, token_hash=token_hash(token)))
    return token


def renew(session: Session, token: str, tolerance: timedelta = timedelta()) -> Renewed:
    """Exchange a refresh token; commits.

    Raises UnauthenticatedError for one that is unknown or whose sign-in is over. One that was used longer ago than
    `tolerance` revokes its sign-in, with all tokens: its owner or a thief has the next one, nobody knows which.
    """
    row = session.scalar(sa.select(RefreshToken).where(RefreshToken.token_hash == token_hash(token)))
    if row is None:
        raise UnauthenticatedError("invalid-token", f"this is no refresh token. {REMEDY}")
    login, now = row.login, utc_now()
    check_open(login.revoked_at, login.expires_at, active=login.user.active)
    if row.used_at is None and _use(session, row):
        replacement = issue(session, login)
        session.commit()
        return Renewed(login, replacement)
    session.rollback()
    if row.used_at is None or now - row.used_at <= tolerance:
        return _beside(login, tolerance)
    revoke(session, login, "reused_token")
    raise reused()


def _use(session: Session, row: RefreshToken) -> bool:
    """Mark a token as used; False where another request did so first."""
    mine = sa.update(RefreshToken).where(RefreshToken.id == row.id, RefreshToken.used_at.is_(None))
    options = {"synchronize_session": False}
    return bool(session.execute(mine.values(used_at=utc_now()), execution_options=options).rowcount == 1)  # type: ignore[attr-defined]


def _beside(login: LoginSession, tolerance: timedelta) -> Renewed:
    """What a request gets whose token another one exchanged at the same moment."""
    if not tolerance:
        raise UnauthenticatedError("reused-token", "another request exchanged this refresh token at the same moment.")
    return Renewed(login, None)


def revoke(session: Session, login: LoginSession, action: str) -> None:
    """End a sign-in with all its tokens; commits."""
    ended = sa.update(LoginSession).where(LoginSession.id == login.id, LoginSession.revoked_at.is_(None))
    session.execute(ended.values(revoked_at=utc_now()))
    audit.record(session, action, "user", login.user_id, actor=login.user.email)
    session.commit()


def reused() -> UnauthenticatedError:
    return UnauthenticatedError(
        "reused-token", f"this refresh token was used before, so the sign-in was ended for safety. {REMEDY}"
    )
