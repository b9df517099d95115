"""Reads of sources: the list, one source, and what it brought so far. Credentials are never part of them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.imports import Import, Source
from ml.errors import NotFoundError
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first


def list_sources(
    session: Session, limit: int = DEFAULT_LIMIT, below: int | None = None, *, kind: str | None = None
) -> Page[Source]:
    """Sources, newest first."""
    query = sa.select(Source)
    if kind:
        query = query.where(Source.kind == kind)
    return newest_first(session, query, Source.id, limit, below)


def get_source(session: Session, source_id: int) -> Source:
    """One source; raises NotFoundError."""
    found = session.get(Source, source_id)
    if found is None:
        raise NotFoundError(f"there is no source {source_id}.")
    return found


def imports_of_source(
    session: Session, source_id: int, limit: int = DEFAULT_LIMIT, below: int | None = None
) -> Page[Import]:
    """The imports that a source brought, newest first."""
    return newest_first(session, sa.select(Import).where(Import.source_id == source_id), Import.id, limit, below)


def was_fetched(session: Session, job_id: int) -> bool:
    """Whether a pull got as far as keeping the rows that it fetched."""
    return session.scalar(sa.select(Import.id).where(Import.pulled_by == job_id).limit(1)) is not None
