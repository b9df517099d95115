"""Reads of the model registry."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.results import ModelVersion
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first


def list_models(
    session: Session, grain: str | None = None, limit: int = DEFAULT_LIMIT, below: int | None = None
) -> Page[ModelVersion]:
    """Model versions, newest first."""
    query = sa.select(ModelVersion)
    if grain:
        query = query.where(ModelVersion.grain == grain)
    return newest_first(session, query, ModelVersion.id, limit, below)
