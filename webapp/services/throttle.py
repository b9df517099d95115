"""Slows the guessing of passwords, by account (whether it exists or not) and by the address that guesses.

Five wrong passwords of an account are free, and fifty from an address, behind which a whole office may sit; each
further one doubles the wait, from two seconds to five minutes. A right password, or a day without a try, starts an
account anew; for an address it takes back its own try only, so that an own account does not buy new guesses.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.keys import hash_key
from webapp.errors import TooManyAttemptsError
from webapp.models import SignInThrottle

FREE_FAILURES = 5
FREE_FOR_ADDRESS = 50
LONGEST_WAIT = timedelta(minutes=5)
MEMORY = timedelta(days=1)
TRIES = 3


def wait_after(failures: int, free: int = FREE_FAILURES) -> timedelta:
    """How long an account waits after so many wrong passwords in a row."""
    if failures < free:
        return timedelta()
    return min(timedelta(seconds=2 ** min(failures - free + 1, 20)), LONGEST_WAIT)


def count_attempt(session: Session, email: str, address: str = "") -> None:
    """Count a try as failed until it proves right; commits.

    Raises TooManyAttemptsError while the account or the address has to wait, and also when others try at
    the same moment and win three times: who is one of many at once is guessing.
    """
    count_address(session, address)
    _count_one(session, account_key(email), FREE_FAILURES)


def count_address(session: Session, address: str) -> None:
    """Count a try of an address alone, as `count_attempt` does."""
    if address:
        _count_one(session, address_key(address), FREE_FOR_ADDRESS)


def _count_one(session: Session, key: bytes, free: int) -> None:
    for _ in range(TRIES):
        if _count(session, key, utc_now(), free):
            return
    raise TooManyAttemptsError(1)


def forget_failures(session: Session, email: str, address: str = "") -> None:
    """Start anew after a right password, and drop what is older than a day; leaves the commit to the caller."""
    forgive_address(session, address)
    table = SignInThrottle
    old = sa.or_(table.last_failure_at < utc_now() - MEMORY, table.failures <= 0)
    session.execute(sa.delete(table).where(sa.or_(table.key == account_key(email), old)))


def forgive_address(session: Session, address: str) -> None:
    """Take back the last try of an address; leaves the commit to the caller."""
    table = SignInThrottle
    mine = sa.update(table).where(table.key == address_key(address), table.failures > 0)
    session.execute(mine.values(failures=table.failures - 1), execution_options={"synchronize_session": False})


def account_key(email: str) -> bytes:
    """The key of an account's row."""
    return hash_key("account", email)


def address_key(address: str) -> bytes:
    """The key of an address' row; of IPv6, a customer has 2^64 addresses, so their network counts."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return hash_key("address", address)
    network = IPv6Network((int(parsed), 64), strict=False) if isinstance(parsed, IPv6Address) else parsed
    return hash_key("address", network)


def _count(session: Session, key: bytes, now: datetime, free: int) -> bool:
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
        .values(failures=failures, last_failure_at=now, blocked_until=now + wait_after(failures, free))
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
