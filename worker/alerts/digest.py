"""What happened in a day, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.imports import Import
from ml.db.results import ForecastRun
from ml.grains import newest_sale
from worker.alerts.metrics import published_reports
from worker.models import Alert, AlertRule, JobRun
from worker.promises import find_breaches

DAY = timedelta(days=1)
MOST_LINES = 10


def write_digest(session: Session, now: datetime, timezone: str, grains: Sequence[str]) -> str:
    """The digest of the last day, as text."""
    parts = (
        ("Alerts that are open", open_alerts(session)),
        ("Data", data(session, now - DAY)),
        ("Forecasts", forecasts(session, now - DAY)),
        ("Jobs", jobs(session, now - DAY)),
        ("Scheduled runs that were not kept", breaches(session, now, timezone, grains)),
    )
    blocks = [f"{title}\n" + "\n".join(f"  {line}" for line in shorten(list(lines))) for title, lines in parts]
    return "\n\n".join(blocks) + "\n"


def shorten(lines: list[str]) -> list[str]:
    """The first lines, and how many more there are; "none" where there are none."""
    more = len(lines) - MOST_LINES
    return (lines[:MOST_LINES] + ([f"and {more} more"] if more > 0 else [])) or ["none"]


def open_alerts(session: Session) -> Iterator[str]:
    """What is wrong now."""
    query = sa.select(AlertRule.name, Alert.subject, Alert.message).join(Alert, Alert.rule_id == AlertRule.id)
    for name, subject, message in session.execute(query.where(Alert.state == "open").order_by(Alert.id)):
        yield f"{name}{f' ({subject})' if subject else ''}: {message}"


def data(session: Session, since: datetime) -> Iterator[str]:
    """What was loaded, and how new it is."""
    query = sa.select(Import.dataset, Import.state, sa.func.count()).where(Import.finished_at > since)
    for dataset, state, count in session.execute(query.group_by(Import.dataset, Import.state).order_by(Import.dataset)):
        yield f"{count:,} {'import' if count == 1 else 'imports'} of {dataset} {state}"
    newest = newest_sale(session)
    if newest is not None:
        yield f"the newest sale is of {newest}"


def forecasts(session: Session, since: datetime) -> Iterator[str]:
    """What was published, and whether models drift."""
    runs = sa.select(ForecastRun).where(ForecastRun.published_at > since, ForecastRun.slot.is_not(None))
    for run in session.scalars(runs.order_by(ForecastRun.grain)):
        yield f"{run.grain} forecast published: {run.series_count:,} series, {run.horizon} periods after {run.as_of}"
    for report in published_reports(session):
        yield f"{report.grain} model: {report.verdict}" + (f" ({report.reasons[0]})" if report.reasons else "")


def jobs(session: Session, since: datetime) -> Iterator[str]:
    """How many ended, and how."""
    query = sa.select(JobRun.kind, JobRun.state, sa.func.count()).where(JobRun.finished_at > since)
    for kind, state, count in session.execute(query.group_by(JobRun.kind, JobRun.state).order_by(JobRun.kind)):
        yield f"{count:,} {kind} {state}"


def breaches(session: Session, now: datetime, timezone: str, grains: Sequence[str]) -> Iterator[str]:
    """Promises of the last day that were not kept."""
    for one in find_breaches(session, now, timezone, grains, DAY):
        yield f"{one.schedule_id} of {one.slot:%Y-%m-%d %H:%M} UTC is {one.kind}: {one.detail}"
