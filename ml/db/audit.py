"""The audit log: who changed what, from what to what, when and from where. Rows only come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from ml.db.base import Base, utc_now
from ml.db.types import BigId, Json, Name, UtcDateTime

SYSTEM = "system"
"""Who is named where no person or token asked: the schedule, a training, a command."""


class AuditEntry(Base):
    """One change. `before` and `after` hold what changed and nothing else; no secret is ever among it."""

    __tablename__ = "audit_log"
    __table_args__ = (sa.Index(None, "entity", "entity_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, index=True)
    actor: Mapped[str] = mapped_column(Name(120), index=True)
    action: Mapped[str] = mapped_column(Name(40))  # create, update, delete, promote, sign_in, ...
    entity: Mapped[str] = mapped_column(Name(40))  # user, service_token, product, import, model, ...
    entity_id: Mapped[str] = mapped_column(Name(80))
    before: Mapped[dict[str, Any] | None] = mapped_column(Json)
    after: Mapped[dict[str, Any] | None] = mapped_column(Json)
    request_id: Mapped[str] = mapped_column(Name(64))
    address: Mapped[str] = mapped_column(Name(45))


@dataclass(frozen=True)
class Origin:
    """Where changes come from while a request is served."""

    actor: str = SYSTEM
    request_id: str = ""
    address: str = ""


NOWHERE = Origin()
origin: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


def request_id() -> str | None:
    """The request that is served here, or that what runs here goes back to; None where there is none."""
    return origin.get().request_id or None


@contextmanager
def going_back_to(request: str | None) -> Iterator[None]:
    """What is done within goes back to a request that was answered long ago."""
    token = origin.set(Origin(request_id=request or ""))
    try:
        yield
    finally:
        origin.reset(token)


def record(
    session: Session,
    action: str,
    entity: str,
    entity_id: object,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    actor: str = "",
) -> None:
    """Note a change in the transaction that makes it; the caller commits.

    Of `before` and `after`, where both are given, only what differs is kept. `actor` is for changes that are made
    outside requests, or before it is known who asks.
    """
    asked = origin.get()
    if before is not None and after is not None:
        changed = [name for name in after if name not in before or before[name] != after[name]]
        before, after = {name: before.get(name) for name in changed}, {name: after[name] for name in changed}
    session.add(
        AuditEntry(
            actor=actor or asked.actor,
            action=action,
            entity=entity,
            entity_id=str(entity_id),
            before=plain(before),
            after=plain(after),
            request_id=asked.request_id,
            address=asked.address,
        )
    )


def plain(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The same values as JSON holds them: days and instants as ISO 8601 text."""
    if values is None:
        return None
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
