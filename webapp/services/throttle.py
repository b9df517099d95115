"""Slows the guessing of passwords, account by account, whether the account exists or not.

Five wrong passwords are free; each further one doubles the wait, from two seconds to
five minutes. A right password, or a day without a try, starts anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.keys import hash_key
from webapp.errors import TooManyAttemptsError
from webapp.models import SignInThrottle

FREE_FAILURES = 5
LONGEST_WAIT = timedelta(minutes=5)
MEMORY = timedelta(days=1)
TRIES = 3


def wait_after(failures: int) -> timedelta:
    """How long an account waits after so many wrong passwords in a row."""
    if failures < FREE_FAILURES:
        return timedelta()
    return min(timedelta(seconds=2 ** min(failures - FREE_FAILURES + 1, 20)), LONGEST_WAIT)


def count_attempt(session: Session, email: str) -> None:
    """Count a try as failed until it proves right; commits.

    Raises TooManyAttemptsError while the account has to wait, and also when others try at
    the same moment and win three times: who is one of many at once is guessing.
    """
    key = account_key(email)
    for _ in range(TRIES):
        if _count(session, key, utc_now()):
            return
    raise TooManyAttemptsError(1)


def forget_failures(session: Session, email: str) -> None:
    """Start anew after a right password, and drop what is older than a day; leaves the commit to the caller."""
    session.execute(
        sa.delete(SignInThrottle).where(
            sa.or_(SignInThrottle.key == account_key(email), SignInThrottle.last_failure_at < utc_now() - MEMORY)
        )
    )


def account_key(email: str) -> bytes:
    """The key of an account's row."""
    return hash_key("account", email)


def _count(session: Session, key: bytes, now: datetime) -> bool:
    """One try at counting; False when somebody else counted meanwhile."""
    row = session.execute(sa.select(SignInThrottle.__table__).where(SignInThrottle.key == key)).one_or_none()
    if row is None:
        return _insert(session, key, now)
    if row.blocked_until is not None and row.blocked_until > now:
        session.rollback()
        raise TooManyAttemptsError(int((row.blocked_until - now).total_seconds()) + 1)
    failures = 1 if row.last_failure_at < now - MEMORY else row.failures + 1
    changed = session.execute(
        sa.update(SignInThrottle)
        .where(SignInThrottle.key == key, SignInThrottle.failures == row.failures)
        .values(failures=failures, last_failure_at=now, blocked_until=now + wait_after(failures))
    )
    session.commit()
    return bool(changed.rowcount == 1)  # type: ignore[attr-defined]


def _insert(session: Session, key: bytes, now: datetime) -> bool:
    try:
        session.execute(sa.insert(SignInThrottle).values(key=key, failures=1, last_failure_at=now))
        session.commit()
    except IntegrityError:
        session.rollback()
        return False
    return True
