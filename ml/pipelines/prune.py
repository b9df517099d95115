"""Uploads that were kept long enough: their files go, what is known of them stays."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.imports import Import
from ml.progress import Progress, silent

BUSY = ("queued", "running")

HALF_WRITTEN = timedelta(days=1)
"""A file that is still being written after so long is written by nobody any more."""


@dataclass(frozen=True)
class PruneResult:
    """How many stored files were deleted, of how many imports, and how many that processes left half-written."""

    files: int
    imports: int
    partial: int

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


def prune_uploads(session: Session, store: ArtifactStore, keep_days: int, progress: Progress = silent) -> PruneResult:
    """Delete the files of imports that are older than `keep_days`, unless a younger import, or one that is
    on its way, has the same content. The caller commits.

    A file goes before its imports say so: killed in between and run again, it gives what an undisturbed run gives.
    """
    paths = session.scalars(_old(utc_now() - timedelta(days=keep_days))).all()
    imports = 0
    for done, path in enumerate(paths, 1):
        store.delete(path)
        pruned = sa.update(Import).where(Import.artifact == path, Import.artifact_deleted_at.is_(None))
        imports += session.execute(pruned.values(artifact_deleted_at=utc_now())).rowcount  # type: ignore[attr-defined]
        session.commit()
        progress("deleting", done, len(paths))
    return PruneResult(len(paths), imports, store.delete_partial(utc_now() - HALF_WRITTEN))


def _old(before: datetime) -> sa.Select[str]:
    """The files that no import needs any more."""
    other = aliased(Import)
    needed = sa.exists().where(
        other.artifact == Import.artifact, sa.or_(other.created_at >= before, other.state.in_(BUSY))
    )
    return sa.select(Import.artifact).where(Import.artifact_deleted_at.is_(None), ~needed).distinct()
