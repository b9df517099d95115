"""Which model version serves, as people decide it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from ml import registry
from ml.db.results import ModelPromotion
from webapp.queries.models import get_model
from worker.events import ModelPromoted, record


def promote_model(session: Session, model_id: int, user: str) -> ModelPromotion:
    """Put a version in charge, and let it forecast; commits.

    Raises NotFoundError, and ConflictError where it serves already or cannot be loaded any more.
    """
    made = registry.promote_by_hand(session, get_model(session, model_id), user)
    return _announce(session, made, user)


def roll_back(session: Session, grain: str, user: str) -> ModelPromotion:
    """Let the version serve and forecast again that served before the present one; commits.

    Raises NoChampionError, and ConflictError where nothing came before, or it cannot be loaded any more.
    """
    return _announce(session, registry.roll_back(session, grain, user), user)


def _announce(session: Session, made: ModelPromotion, user: str) -> ModelPromotion:
    record(session, ModelPromoted(made.grain, made.model_id, user))
    session.commit()
    return made
