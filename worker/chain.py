"""The grains one after the other: monthly forecasts first, since people look at those, then weekly, then daily ones.

Each grain is asked for when the one before is published, has failed, was cancelled, or stayed as it was. A grain is
asked for once for the newest totals, however many imports moved them on the way: the first one waits for a moment
without new totals, so that a burst of imports makes one forecast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.imports import Import
from ml.db.results import ModelVersion
from ml.db.sales import SalesDaily
from ml.etl.datasets import SALES
from ml.grains import GRAINS, Coverage, read_coverage
from ml.registry import OUTGROWN, find_champion
from worker.events import (
    AggregatesRefreshed,
    Event,
    ForecastPublished,
    JobCancelled,
    JobFailed,
    ModelTrained,
    SalesCleaned,
)
from worker.models import FINAL_STATES, JobRun, OutboxEvent
from worker.queues import request_job

BEGINS = (AggregatesRefreshed, SalesCleaned)
"""New totals, or another way to clean them, call for new forecasts."""

MOVING = ("pull", "take_back")
"""Kinds of jobs that are likely to bring new totals when they end, beside imports of sales."""

LOADING = ("queued", "running")
"""States of an import on its way."""

BUSY = 10
"""While such jobs wait or run, so many times the quiet time is waited for."""

LONGEST_WAIT = timedelta(minutes=2)
"""A forecast waits for imports no longer than this: a stream that never rests must not keep it from being made."""


@dataclass(frozen=True)
class Chain:
    """Which grains are forecast, in the order of GRAINS, and for how many seconds totals have to be at rest before."""

    grains: Sequence[str] = tuple(GRAINS)
    quiet_seconds: float = 0.0

    def handle(self, session: Session, event_id: int, event: Event) -> None:
        """Ask for what the event calls for, if it concerns the chain."""
        if isinstance(event, BEGINS):
            self._begin(session, event_id)
        elif isinstance(event, ForecastPublished) or (isinstance(event, ModelTrained) and not event.champion):
            self._go_on(session, event_id, event.grain)
        elif isinstance(event, JobFailed | JobCancelled) and event.kind in ("train", "forecast"):
            self._go_on(session, event_id, session.get_one(JobRun, event.job_id).arguments["grain"])

    def _begin(self, session: Session, event_id: int) -> None:
        """The first grain, whether or not there is enough history: its job says what is missing."""
        if session.scalar(sa.select(SalesDaily.id).order_by(SalesDaily.id).limit(1)) is None:
            return  # the nightly refresh of a database without sales
        grain = self.grains[0]
        kind, arguments = wanted(session, grain, read_coverage(session, GRAINS[grain]))
        when = utc_now() + timedelta(seconds=self.quiet_seconds * (BUSY if imports_go_on(session) else 1))
        if waits(session, kind, grain):
            hold_back(session, kind, arguments, when)
            return
        key = f"event:{event_id}:{kind}:{grain}"
        request_job(session, kind, arguments, dedupe_key=key, caused_by=event_id, run_after=when)

    def _go_on(self, session: Session, event_id: int, done: str) -> None:
        """The next grain that there is enough history for, unless it was asked for since the totals last changed."""
        begun = session.scalar(
            sa.select(sa.func.max(OutboxEvent.id)).where(OutboxEvent.name.in_([begin.__name__ for begin in BEGINS]))
        )
        for grain in self.grains[self.grains.index(done) + 1 :] if done in self.grains else ():
            coverage = read_coverage(session, GRAINS[grain])
            if begun is None or coverage is None or coverage.periods < GRAINS[grain].least:
                continue
            kind, arguments = wanted(session, grain, coverage)
            if not waits(session, kind, grain) and not is_first_training(session, kind, grain):
                request_job(session, kind, arguments, dedupe_key=f"totals:{begun}:{grain}", caused_by=event_id)
            return


def wanted(session: Session, grain: str, coverage: Coverage | None) -> tuple[str, dict[str, object]]:
    """The job that renews the forecast of a grain; where no model serves it yet, or one that the data has outgrown,
    a training first."""
    serving = find_champion(session, grain)
    if serving is None or is_outgrown(serving, coverage):
        return "train", {"grain": grain}
    return "forecast", {"grain": grain, "horizon": GRAINS[grain].horizon}


def is_outgrown(model: ModelVersion, coverage: Coverage | None) -> bool:
    """Whether the data covers twice the periods that the model learned from: another level, features and model may
    then be right."""
    grain = GRAINS[model.grain]
    learned = grain.count(model.data_from, model.data_to)
    return coverage is not None and coverage.learned(grain).periods >= OUTGROWN * learned


def waits(session: Session, kind: str, grain: str) -> bool:
    """Whether an equal job has not begun yet: it will see all that there is by now."""
    return is_there(session, "queued", kind, grain)


def is_first_training(session: Session, kind: str, grain: str) -> bool:
    """Whether a training is wanted while the first one of its grain runs: what that one learns will forecast from the
    newest totals, and goes on from there."""
    return kind == "train" and find_champion(session, grain) is None and is_there(session, "running", kind, grain)


def training_on_its_way(session: Session, arguments: Mapping[str, Any]) -> JobRun | None:
    """The job that does what another training asked for now would do: an equal one that has not begun, or the first
    one of its grain, which serves whatever comes of it."""
    grain = arguments["grain"]
    found = sa.select(JobRun).where(JobRun.kind == "train", JobRun.state.in_(("queued", "running"))).order_by(JobRun.id)
    first = find_champion(session, grain) is None
    for job in session.scalars(found):
        is_equal, of_grain = job.arguments == dict(arguments), job.arguments.get("grain") == grain
        if (job.state == "queued" and is_equal) or (job.state == "running" and of_grain and first):
            return job
    return None


def is_there(session: Session, state: str, kind: str, grain: str) -> bool:
    """Whether a job of a state and kind concerns a grain."""
    found = sa.select(JobRun.arguments).where(JobRun.state == state, JobRun.kind == kind)
    return any(arguments.get("grain") == grain for arguments in session.scalars(found))


def imports_go_on(session: Session) -> bool:
    """Whether sales wait or are being loaded, or jobs wait or run that are likely to bring new totals."""
    loading = sa.select(Import.id).where(Import.dataset == SALES.name, Import.state.in_(LOADING)).limit(1)
    moving = sa.select(JobRun.id).where(JobRun.kind.in_(MOVING), JobRun.state.not_in(FINAL_STATES)).limit(1)
    return session.scalar(loading) is not None or session.scalar(moving) is not None


def hold_back(session: Session, kind: str, arguments: dict[str, Any], when: datetime) -> None:
    """Let an equal job, if no queue has it yet and no person asked for it, begin at `when`; LONGEST_WAIT after it was
    first asked for at the latest."""
    unsent = (JobRun.state == "queued", JobRun.dispatched_at.is_(None), JobRun.kind == kind, JobRun.requested_by == "")
    for job in session.scalars(sa.select(JobRun).where(*unsent, JobRun.attempt == 1)):
        if job.arguments != arguments:
            continue
        still = (*unsent, JobRun.id == job.id)
        begin = min(when, job.created_at + LONGEST_WAIT)
        statement = sa.update(JobRun).where(*still).values(run_after=begin)
        session.execute(statement, execution_options={"synchronize_session": False})
