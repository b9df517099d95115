"""Reads of the model registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ml.db.results import ModelPromotion, ModelVersion
from ml.errors import NotFoundError
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first


@dataclass(frozen=True)
class PromotionView:
    """A promotion with the versions that it is about; `previous` is None for the first of its grain."""

    promotion: ModelPromotion
    model: ModelVersion
    previous: ModelVersion | None


def list_models(
    session: Session, grain: str | None = None, limit: int = DEFAULT_LIMIT, below: int | None = None
) -> Page[ModelVersion]:
    """Model versions, newest first."""
    query = sa.select(ModelVersion)
    if grain:
        query = query.where(ModelVersion.grain == grain)
    return newest_first(session, query, ModelVersion.id, limit, below)


def get_model(session: Session, model_id: int) -> ModelVersion:
    """A version; raises NotFoundError."""
    row = session.get(ModelVersion, model_id)
    if row is None:
        raise NotFoundError(f"there is no model {model_id}; GET /api/v1/models lists those that there are.")
    return row


def list_promotions(
    session: Session, grain: str | None = None, limit: int = DEFAULT_LIMIT, below: int | None = None
) -> Page[ModelPromotion]:
    """Which versions were put in charge, newest first."""
    query = sa.select(ModelPromotion)
    if grain:
        query = query.where(ModelPromotion.grain == grain)
    return newest_first(session, query, ModelPromotion.id, limit, below)


def last_promotions(session: Session, grain: str, limit: int) -> Sequence[PromotionView]:
    """The last promotions of a grain with their versions, newest first."""
    model, previous = aliased(ModelVersion), aliased(ModelVersion)
    query = (
        sa.select(ModelPromotion, model, previous)
        .join(model, model.id == ModelPromotion.model_id)
        .outerjoin(previous, previous.id == ModelPromotion.previous_id)
        .where(ModelPromotion.grain == grain)
        .order_by(ModelPromotion.id.desc())
    )
    return [PromotionView(*row) for row in session.execute(query.limit(limit))]
