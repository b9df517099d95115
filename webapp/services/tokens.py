"""Service tokens: made, found again by what a request brings, revoked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from ml.errors import ConflictError
from webapp.auth.opaque import SERVICE, new_token, token_hash
from webapp.auth.permissions import FOR_TOKENS
from webapp.errors import FieldError, InvalidRequestError, UnauthenticatedError
from webapp.models import ServiceToken
from webapp.queries.scope import Scope

HINT = 8  # characters; the random part begins after four
TOUCHED = timedelta(minutes=1)
"""How exactly it is known when a token was last used: not every request writes."""


def create_token(
    session: Session,
    name: str,
    permissions: Collection[str],
    *,
    scope: Scope | None,
    lifetime: timedelta,
    user: str,
) -> tuple[ServiceToken, str]:
    """A token under a name; its text is shown this once; commits. Raises InvalidRequestError and ConflictError."""
    if unknown := sorted(set(permissions) - FOR_TOKENS):
        raise InvalidRequestError([FieldError("permissions", f"tokens cannot have: {', '.join(unknown)}")])
    text = new_token(SERVICE)
    row = ServiceToken(
        name=name.strip(),
        token_hash=token_hash(text),
        hint=text[:HINT],
        permissions=sorted(set(permissions)),
        scope=scope.stored() if scope else None,
        created_by=user,
        expires_at=utc_now() + lifetime,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError:
        session.rollback()
        raise ConflictError(f"there is a token {name!r} already; choose another name.") from None
    after = {"name": row.name, "permissions": row.permissions, "scope": row.scope, "expires_at": row.expires_at}
    audit.record(session, "create", "service_token", row.id, after=after)
    session.commit()
    return row, text


def revoke_token(session: Session, row: ServiceToken) -> None:
    """Make a token worthless, at once; commits. One that was revoked before stays so."""
    if row.revoked_at is not None:
        return
    row.revoked_at = utc_now()
    audit.record(session, "revoke", "service_token", row.id, before={"name": row.name})
    session.commit()


def find_token(session: Session, text: str) -> ServiceToken:
    """The token that a request brings; raises UnauthenticatedError for one that is not good."""
    row = session.scalar(sa.select(ServiceToken).where(ServiceToken.token_hash == token_hash(text)))
    if row is None:
        raise UnauthenticatedError("invalid-token", "there is no such token; ask an administrator for a new one.")
    if row.revoked_at is not None:
        raise UnauthenticatedError("revoked-token", f"the token {row.name} was revoked.")
    if row.expires_at <= utc_now():
        raise UnauthenticatedError(
            "expired-token", f"the token {row.name} expired; ask an administrator for a new one."
        )
    return row


def is_stale(row: ServiceToken, now: datetime) -> bool:
    """Whether a use of the token should be noted."""
    return row.last_used_at is None or now - row.last_used_at >= TOUCHED


def touch(session: Session, row: ServiceToken) -> None:
    """Note that a token was used; commits."""
    mine = sa.update(ServiceToken).where(ServiceToken.id == row.id).values(last_used_at=utc_now())
    session.execute(mine, execution_options={"synchronize_session": False})
    session.commit()
