"""Which version serves which grain and segment."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.results import ModelVersion
from ml.errors import NoChampionError

OUTGROWN = 2
"""A version that learned from fewer periods than one in so many of those that the data covers now is outgrown."""


def find_champion(session: Session, grain: str, segment: str = "") -> ModelVersion | None:
    """The version that serves a grain, or a segment of its series; None where none does yet."""
    return session.scalar(sa.select(ModelVersion).where(ModelVersion.slot == grain, ModelVersion.segment == segment))


def champion(session: Session, grain: str, segment: str = "") -> ModelVersion:
    """The version that serves `grain`; raises NoChampionError where none does."""
    row = find_champion(session, grain, segment)
    if row is None:
        raise NoChampionError(f"no model serves {grain} forecasts yet. Import sales and train first.")
    return row


def next_version(session: Session, name: str) -> int:
    """One more than the newest version of that name."""
    newest = session.scalar(sa.select(sa.func.max(ModelVersion.version)).where(ModelVersion.model_name == name))
    return (newest or 0) + 1
