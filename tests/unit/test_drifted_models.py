"""A model that has drifted is trained anew, once for each version and last period of the sales."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from test_handlers import add_champion, follow_ups

from ml.db.results import ModelVersion
from ml.pipelines.drift import DriftResult
from worker.events import ModelDrifted, record
from worker.handlers import handle
from worker.jobs.drift import events_of
from worker.models import JobRun

MAY, JUNE = date(2024, 5, 1), date(2024, 6, 1)


@pytest.fixture
def serving(session: Session) -> int:
    add_champion(session)
    session.commit()
    return session.scalars(sa.select(ModelVersion.id)).one()


def result(verdict: str) -> DriftResult:
    return DriftResult(1, 5, "sales-monthly/3", "monthly", MAY, verdict, ("It is further off.",), 0)


@pytest.mark.parametrize(("verdict", "told"), [("ok", False), ("watch", False), ("retrain", True)])
def test_only_the_verdict_retrain_is_told_of(verdict: str, told: bool) -> None:
    assert events_of(result(verdict)) == ([ModelDrifted("monthly", 5, MAY)] if told else [])


def trainings(session: Session, *events: ModelDrifted) -> int:
    """How many trainings the events lead to."""
    for event in events:
        row = record(session, event)
        session.flush()
        handle(session, row.id, event)
    return session.scalar(sa.select(sa.func.count()).select_from(JobRun).where(JobRun.kind == "train")) or 0


def test_it_is_trained_anew_once_until_newer_sales_say_so_again(session: Session, serving: int) -> None:
    may, june = ModelDrifted("monthly", serving, MAY), ModelDrifted("monthly", serving, JUNE)
    assert trainings(session, may) == 1
    assert trainings(session, may) == 1
    assert trainings(session, june) == 2


def test_a_version_that_does_not_serve_any_more_is_left_alone(session: Session, serving: int) -> None:
    assert follow_ups(session, ModelDrifted("monthly", serving + 1, MAY)) == []
