"""Jobs, continued: the workers, the queues before them, and what runs by the clock."""

from __future__ import annotations

from flask import url_for
from flask.typing import ResponseReturnValue

from ml.db.base import utc_now
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import JOBS_MANAGE, JOBS_READ
from webapp.extensions import db, redis_client, settings
from webapp.htmx import see_other
from webapp.pages.jobs import blueprint
from webapp.pages.render import render, unless_seen, version_of
from webapp.queries.schedules import last_runs, list_schedules
from webapp.queries.workforce import queue_views, worker_views
from webapp.services.jobs import run_scheduled

__all__ = ["blueprint"]


@blueprint.get("/jobs/workers")
@requires(JOBS_READ)
def workers() -> ResponseReturnValue:
    """Who works, and what waits; followed for as long as it is looked at."""
    queues, found = queue_views(db.session()), worker_views(redis_client())
    version = version_of(queues, [(worker.name, worker.state, worker.job_id, worker.done) for worker in found or []])
    body = render("jobs/workers.html", block="live", queues=queues, workers=found, version=version)
    return unless_seen(body, version)


@blueprint.get("/jobs/schedules")
@requires(JOBS_READ)
def schedules() -> ResponseReturnValue:
    """What runs by the clock: when it did last, and when it is due."""
    views = list_schedules(settings().timezone, utc_now())
    return render("jobs/schedules.html", block="content", schedules=views, last=last_runs(db.session()))


@blueprint.post("/jobs/schedules/<string:schedule_id>/run")
@requires(JOBS_MANAGE)
def run_schedule(schedule_id: str) -> ResponseReturnValue:
    """Run it now, beside its own times."""
    job = run_scheduled(db.session(), schedule_id, signed_in_user().email)
    return see_other(url_for("jobs.show", job_id=job.id))
