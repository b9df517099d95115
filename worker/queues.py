"""Queues, the kinds of jobs that run on them, and how a job is asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from worker.errors import JobRequestError
from worker.models import JobRun

QUEUES = ("interactive", "deliver", "ingest", "forecast", "train")
"""Names by priority: a worker empties the first before it looks at the next."""


@dataclass(frozen=True)
class JobKind:
    """What a kind of job needs. `module` has `run(ctx, **arguments)` and, where wanted, `on_failure`.

    After `timeout` an exception is raised in the job, which may clean up; one that has not ended `grace` later is
    killed. It may have `memory_mb` beside what its worker has loaded.
    """

    name: str
    queue: str
    module: str
    timeout: int  # seconds
    max_attempts: int = 3
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    grace: int = 30  # seconds
    memory_mb: int = 2048

    @property
    def hard_timeout(self) -> int:
        """Seconds after which it is killed."""
        return self.timeout + self.grace

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Raises JobRequestError unless these are arguments that a job of this kind takes."""
        if unknown := set(arguments) - self.required - self.optional:
            known = ", ".join(sorted(self.required | self.optional)) or "none"
            raise JobRequestError(f"a {self.name} job takes no {_listed(unknown)}; its arguments are: {known}.")
        if missing := self.required - set(arguments):
            raise JobRequestError(f"a {self.name} job needs {_listed(missing)}; give it.")
        try:
            json.dumps(dict(arguments))
        except (TypeError, ValueError) as error:
            raise JobRequestError(f"the arguments of a {self.name} job must be plain JSON: {error}.") from None


def _listed(names: set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _kinds(*kinds: JobKind) -> dict[str, JobKind]:
    return {kind.name: kind for kind in kinds}


KINDS: dict[str, JobKind] = _kinds(
    JobKind(
        "ingest",
        "ingest",
        "worker.jobs.ingest",
        timeout=1800,
        required=frozenset({"import_id"}),
        optional=frozenset({"dry_run"}),
    ),
    JobKind(
        "pull",
        "ingest",
        "worker.jobs.pull",
        timeout=2 * 3600,
        required=frozenset({"source_id"}),
        optional=frozenset({"full", "dry_run"}),
    ),
    JobKind("take_back", "ingest", "worker.jobs.take_back", timeout=1800, required=frozenset({"import_id"})),
    JobKind("refresh", "ingest", "worker.jobs.refresh", timeout=1800, optional=frozenset({"since", "until"})),
    JobKind("clean", "ingest", "worker.jobs.clean", timeout=1800),
    JobKind("deliver", "deliver", "worker.jobs.deliver", timeout=60, required=frozenset({"delivery_id"})),
    JobKind("prune_records", "ingest", "worker.jobs.prune_records", timeout=600),
    JobKind("prune_history", "ingest", "worker.jobs.prune_history", timeout=3600),
    JobKind("digest", "deliver", "worker.jobs.digest", timeout=300, optional=frozenset({"emails"})),
    JobKind("prune_uploads", "ingest", "worker.jobs.prune_uploads", timeout=1800),
    JobKind(
        "train",
        "train",
        "worker.jobs.train",
        timeout=4 * 3600,
        required=frozenset({"grain"}),
        optional=frozenset({"models"}),
        memory_mb=8192,
    ),
    JobKind(
        "forecast",
        "forecast",
        "worker.jobs.forecast",
        timeout=4 * 3600,
        required=frozenset({"grain", "horizon"}),
        memory_mb=6144,
    ),
    JobKind(
        "forecast_part",
        "forecast",
        "worker.jobs.forecast_part",
        timeout=4 * 3600,
        required=frozenset({"run_id"}),
        memory_mb=6144,
    ),
    JobKind(
        "extend",
        "interactive",
        "worker.jobs.extend",
        timeout=1800,
        required=frozenset({"run_id", "periods"}),
        memory_mb=6144,
    ),
    JobKind("scenario", "interactive", "worker.jobs.scenario", timeout=1800, required=frozenset({"scenario_id"})),
    JobKind("mail_stock", "deliver", "worker.jobs.mail_stock", timeout=300),
    JobKind("restock", "forecast", "worker.jobs.restock", timeout=3600),
    JobKind(
        "simulate_stock", "forecast", "worker.jobs.simulate_stock", timeout=3600, required=frozenset({"simulation_id"})
    ),
    JobKind("drift", "forecast", "worker.jobs.drift", timeout=1800, required=frozenset({"grain"})),
    JobKind("collect", "forecast", "worker.jobs.collect", timeout=3600, optional=frozenset({"retrain"})),
)


def request_job(
    session: Session,
    kind: str,
    arguments: Mapping[str, Any],
    *,
    requested_by: str = "",
    dedupe_key: str | None = None,
    caused_by: int | None = None,
    run_after: datetime | None = None,
) -> JobRun:
    """Add a job to the transaction of `session`; once that commits, the relay sends it to a worker.

    With a `dedupe_key` that an earlier job has, that job is returned instead, whatever became of it.
    Raises JobRequestError for an unknown kind or arguments that it does not take.
    """
    job_kind = KINDS.get(kind)
    if job_kind is None:
        raise JobRequestError(f"there is no job of kind {kind!r}; expected one of {', '.join(sorted(KINDS))}.")
    job_kind.check(arguments)
    if dedupe_key is not None and (earlier := _by_dedupe_key(session, dedupe_key)):
        return earlier
    job = JobRun(
        kind=kind,
        queue=job_kind.queue,
        arguments=dict(arguments),
        max_attempts=job_kind.max_attempts,
        requested_by=requested_by,
        dedupe_key=dedupe_key,
        caused_by=caused_by,
        run_after=run_after or utc_now(),
    )
    return _insert(session, job)


def request_once(session: Session, kind: str, arguments: Mapping[str, Any], *, requested_by: str = "") -> JobRun:
    """The equal job that has not begun yet, which will see all that there is by then, or a new one. For jobs whose
    result depends on nothing but the data. Raises as `request_job` does."""
    waiting = sa.select(JobRun).where(JobRun.state == "queued", JobRun.kind == kind).order_by(JobRun.id)
    for job in session.scalars(waiting):
        if job.arguments == dict(arguments):
            return job
    return request_job(session, kind, arguments, requested_by=requested_by)


def _insert(session: Session, job: JobRun) -> JobRun:
    """Write the row; when another process was first with its dedupe key, take that one."""
    try:
        with session.begin_nested():
            session.add(job)
    except sa.exc.IntegrityError:
        earlier = _by_dedupe_key(session, job.dedupe_key)
        if earlier is None:
            raise
        return earlier
    return job


def _by_dedupe_key(session: Session, dedupe_key: str | None) -> JobRun | None:
    return session.scalars(sa.select(JobRun).where(JobRun.dedupe_key == dedupe_key)).one_or_none()
