"""Which version serves is changed here and nowhere else, and each change is written down. The caller commits."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.bulk import lock_for_writing
from ml.db.results import ModelPromotion, ModelVersion
from ml.errors import ConflictError
from ml.registry.libraries import changed_libraries
from ml.registry.versions import champion, find_champion

CHAMPION, CHALLENGER = "champion", "challenger"


def promote(session: Session, row: ModelVersion, reason: str, *, kind: str = "trained", by: str = "") -> ModelPromotion:
    """Make `row` the champion of its grain and segment; `by` is who asked for it, '' where a training decided it."""
    lock_for_writing(session, ModelVersion)
    serving = find_champion(session, row.grain, row.segment)
    if serving is not None:
        serving.slot = serving.alias = None
        session.flush()  # before the unique index sees the next one
    row.slot, row.alias = row.grain, CHAMPION
    made = ModelPromotion(
        model_id=row.id, previous_id=serving.id if serving else None, grain=row.grain, segment=row.segment,
        kind=kind, promoted_by=by, reason=reason,
    )  # fmt: skip
    session.add(made)
    session.flush()
    audit.record(
        session,
        "promote",
        "model",
        row.id,
        before={"serving": label(serving) if serving else None},
        after={"serving": label(row), "grain": row.grain, "segment": row.segment, "kind": kind},
        actor=by,
    )
    return made


def challenge(session: Session, row: ModelVersion) -> None:
    """Let `row` be the challenger of its grain and segment: the newest version that did not win."""
    same = (ModelVersion.grain == row.grain) & (ModelVersion.segment == row.segment)
    session.execute(sa.update(ModelVersion).where(same, ModelVersion.alias == CHALLENGER).values(alias=None))
    row.alias = CHALLENGER
    session.flush()


def promote_by_hand(session: Session, row: ModelVersion, by: str) -> ModelPromotion:
    """Let a person's choice serve; raises ConflictError where it serves already or cannot be loaded any more."""
    lock_for_writing(session, ModelVersion)
    session.refresh(row)
    if row.alias == CHAMPION:
        raise ConflictError(f"{label(row)} serves already.")
    check_usable(row)
    return promote(session, row, f"Put in charge by {by}.", kind="manual", by=by)


def roll_back(session: Session, grain: str, by: str, segment: str = "") -> ModelPromotion:
    """Let the version serve again that served before the present one.

    Going back twice goes two versions back: what counts is what a version replaced when it was put in charge, not when
    it was gone back to. Raises NoChampionError, and ConflictError where nothing came before, or it cannot be loaded.
    """
    lock_for_writing(session, ModelVersion)
    now = champion(session, grain, segment)
    query = (
        sa.select(ModelPromotion.previous_id)
        .where(ModelPromotion.model_id == now.id, ModelPromotion.kind != "rollback")
        .order_by(ModelPromotion.id.desc())
    )
    earlier = session.get(ModelVersion, session.scalar(query.limit(1)) or 0, populate_existing=True)
    if earlier is None:
        raise ConflictError(f"no version served {grain} forecasts before {label(now)}, so there is none to go back to.")
    check_usable(earlier)
    reason = f"{by} went back from version {now.version} to version {earlier.version}."
    return promote(session, earlier, reason, kind="rollback", by=by)


def check_usable(row: ModelVersion) -> None:
    """Raises ConflictError for a version whose artifact is gone, or was saved with other libraries."""
    if row.artifact_deleted_at is not None:
        raise ConflictError(
            f"the artifact of {label(row)} was deleted on {row.artifact_deleted_at:%Y-%m-%d}, since it is old and did "
            "not serve lately; choose a later version, or train again."
        )
    if changed := changed_libraries(row.libraries):
        raise ConflictError(
            f"{label(row)} was saved with {', '.join(changed)} and cannot be loaded; choose a later version, or train "
            "again."
        )


def label(row: ModelVersion) -> str:
    """How messages name a version."""
    return f"model {row.model_name}/{row.version}"
