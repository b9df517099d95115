"""Reads of accounts, invitations, service tokens and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.audit import AuditEntry
from ml.db.catalog import Series
from ml.errors import NotFoundError
from webapp.models import Invitation, ServiceToken, User
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first

Row = TypeVar("Row", User, Invitation, ServiceToken)


def list_users(
    session: Session, q: str = "", role: str | None = None, active: bool | None = None, *,
    limit: int = DEFAULT_LIMIT, below: int | None = None,
) -> Page[User]:  # fmt: skip
    """Accounts, newest first; `q` is a part of the address or the name."""
    query = sa.select(User)
    if q:
        found = (sa.func.lower(column).contains(q.lower(), autoescape=True) for column in (User.email, User.name))
        query = query.where(sa.or_(*found))
    if role is not None:
        query = query.where(User.role_name == role)
    if active is not None:
        query = query.where(User.active.is_(sa.true()) if active else User.active.is_(sa.false()))
    return newest_first(session, query, User.id, limit, below)


def list_invitations(session: Session, limit: int = DEFAULT_LIMIT, below: int | None = None) -> Page[Invitation]:
    """Invitations, newest first."""
    return newest_first(session, sa.select(Invitation), Invitation.id, limit, below)


def list_tokens(session: Session, limit: int = DEFAULT_LIMIT, below: int | None = None) -> Page[ServiceToken]:
    """Service tokens, newest first."""
    return newest_first(session, sa.select(ServiceToken), ServiceToken.id, limit, below)


def get_row(session: Session, entity: type[Row], row_id: int) -> Row:
    """An account, invitation or token by its number; raises NotFoundError."""
    found = session.get(entity, row_id)
    if found is None:
        raise NotFoundError(f"there is no {NAMES[entity]} {row_id}.")
    return found


NAMES = {User: "account", Invitation: "invitation", ServiceToken: "token"}


def list_places(session: Session) -> dict[str, list[str]]:
    """Territories by region, as sales name them."""
    pairs = sa.select(Series.region, Series.territory).where(Series.region != "").distinct()
    found: dict[str, list[str]] = {}
    for region, territory in session.execute(pairs.order_by(Series.region, Series.territory)):
        found.setdefault(region, [])
        if territory:
            found[region].append(territory)
    return found


def list_audit(
    session: Session,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = DEFAULT_LIMIT,
    below: int | None = None,
    **wanted: str,
) -> Page[AuditEntry]:
    """Changes, newest first; `wanted` are columns and what they must be, '' for whatever."""
    query = sa.select(AuditEntry).where(
        *(getattr(AuditEntry, name) == value for name, value in wanted.items() if value)
    )
    if since is not None:
        query = query.where(AuditEntry.at >= since)
    if until is not None:
        query = query.where(AuditEntry.at < until)
    return newest_first(session, query, AuditEntry.id, limit, below)
