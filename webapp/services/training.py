"""Asking for a model to be trained."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from ml.db import audit
from ml.errors import ConflictError
from webapp.extensions import settings
from worker.models import JobRun
from worker.queues import request_once


def request_training(session: Session, grain: str, models: Sequence[str] | None, user: str) -> JobRun:
    """Ask for the job that trains a grain; commits. None races those that do by default.

    Raises ConflictError for a grain that is not forecast.
    """
    if grain not in (grains := settings().engine.grains):
        raise ConflictError(
            f"{grain} forecasts are switched off; expected one of {', '.join(grains)}. "
            "Name it in FORECASTLE_GRAINS, or leave that out to forecast all."
        )
    arguments: dict[str, object] = {"grain": grain}
    if models:
        arguments["models"] = list(models)
    job = request_once(session, "train", arguments, requested_by=user)
    audit.record(session, "request", "job", job.id, after={"kind": job.kind, **arguments})
    session.commit()
    return job
