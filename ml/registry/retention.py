"""Artifacts of versions that nobody will go back to: their files go, what is known of them stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.bulk import lock_for_writing
from ml.db.results import ModelPromotion, ModelVersion


def prune_artifacts(session: Session, store: ArtifactStore, keep: int, champion_days: int) -> int:
    """Delete the artifacts of old versions; returns how many. The caller commits.

    Of each grain and segment the newest `keep` versions stay, the champion, the challenger, and all that served within
    the last `champion_days` days. A file goes before its row says so: killed in between and run again, this gives what
    an undisturbed run gives.
    """
    lock_for_writing(session, ModelVersion)  # nobody promotes a version while its file goes
    now = utc_now()
    stored = session.scalars(
        sa.select(ModelVersion).where(ModelVersion.artifact_deleted_at.is_(None)).order_by(ModelVersion.id.desc())
    ).all()
    needed = newest_ids(stored, keep) | served_since(session, now - timedelta(days=champion_days))
    old = [row for row in stored if row.id not in needed and row.alias is None]
    for row in old:
        store.delete(row.path)
        row.artifact_deleted_at = now
    session.flush()
    return len(old)


def newest_ids(stored: Sequence[ModelVersion], keep: int) -> set[int]:
    """The ids of the first `keep` versions of each grain and segment; `stored` lists the newest first."""
    by_slot: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in stored:
        by_slot[row.grain, row.segment].append(row.id)
    return {model_id for ids in by_slot.values() for model_id in ids[:keep]}


def served_since(session: Session, since: datetime) -> set[int]:
    """The ids of versions that served at `since` or later: those put in charge, and those that they replaced."""
    query = sa.select(ModelPromotion.model_id, ModelPromotion.previous_id).where(ModelPromotion.promoted_at >= since)
    return {model_id for pair in session.execute(query) for model_id in pair if model_id is not None}
