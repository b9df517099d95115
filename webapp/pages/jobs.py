"""The jobs: what runs, what waits, what failed and why."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ml.db.base import utc_now
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import JOBS_MANAGE, JOBS_READ
from webapp.extensions import db, redis_client
from webapp.htmx import see_other
from webapp.pages.following import version_of_jobs, with_progress
from webapp.pages.ids import LARGEST_ID, below
from webapp.pages.render import render, unless_seen
from webapp.pages.words import job_kind
from webapp.queries.jobs import JobView, job_view, list_jobs
from webapp.queries.paging import DEFAULT_LIMIT
from webapp.queries.workforce import usual_seconds
from webapp.services import jobs as service
from worker.models import JOB_STATES
from worker.queues import KINDS

RECENT = 5
PAUSE = timedelta(seconds=10)
"""How long the overview waits for a job that may follow another."""

blueprint = Blueprint("jobs", __name__)


@blueprint.get("/jobs")
@requires(JOBS_READ)
def index() -> ResponseReturnValue:
    """Jobs, newest first, filtered by the query string; followed while any is under way."""
    state, kind = request.args.get("state", ""), request.args.get("kind", "")
    session, start = db.session(), below()
    page = list_jobs(session, state=state or None, kind=kind or None, below=start)
    jobs = with_progress(redis_client(), page.items)
    version = version_of_jobs(jobs)
    return unless_seen(
        version,
        lambda: render(
            "jobs/index.html",
            block="live",
            jobs=jobs,
            next_below=page.next_below,
            filters={"state": state, "kind": kind},
            usual=usual_seconds(session),
            pick=state in ("failed", "cancelled") and signed_in_user().can(JOBS_MANAGE),
            retried=request.args.get("retried", type=int),
            states=JOB_STATES,
            kinds=tuple(KINDS),
            capitalized=str.capitalize,
            job_kind_name=job_kind,
            version=version,
            following=any(not job.finished for job in jobs) and start is None,
        ),
    )


@blueprint.get("/jobs/recent")
@requires(JOBS_READ)
def recent() -> ResponseReturnValue:
    """The fragment of the overview that shows what runs."""
    context = recent_jobs()
    return unless_seen(str(context["running_version"]), lambda: render_template("jobs/_running.html", **context))


@blueprint.get("/jobs/<id:job_id>")
@requires(JOBS_READ)
def show(job_id: int) -> ResponseReturnValue:
    """One job, followed until it ends."""
    session = db.session()
    job = job_view(session, redis_client(), job_id)
    version = version_of_jobs([job], len(job.log_tail), job.log_tail[-80:])
    return unless_seen(
        version,
        lambda: render("jobs/show.html", block="live", job=job, usual=usual_seconds(session), version=version),
    )


@blueprint.post("/jobs/<id:job_id>/cancel")
@requires(JOBS_MANAGE)
def cancel(job_id: int) -> ResponseReturnValue:
    """Stop a job; it can be tried again."""
    service.cancel_job(db.session(), redis_client(), job_id, signed_in_user().email)
    return see_other(url_for("jobs.show", job_id=job_id))


@blueprint.post("/jobs/<id:job_id>/retry")
@requires(JOBS_MANAGE)
def retry(job_id: int) -> ResponseReturnValue:
    """Run a job again that failed or was cancelled, and show the new one."""
    job = service.retry_job(db.session(), job_id, signed_in_user().email)
    return see_other(url_for("jobs.show", job_id=job.id))


@blueprint.post("/jobs/retry")
@requires(JOBS_MANAGE)
def retry_many() -> ResponseReturnValue:
    """Run the chosen jobs again, those of them that failed or were cancelled."""
    count = service.retry_jobs(db.session(), chosen(), signed_in_user().email)
    return see_other(url_for("jobs.index", retried=count))


def chosen() -> list[int]:
    """The jobs whose boxes were ticked; what is no id is left out."""
    ids = request.form.getlist("job", type=int)
    return [job_id for job_id in ids if 0 < job_id <= LARGEST_ID][:DEFAULT_LIMIT]


def recent_jobs() -> dict[str, object]:
    """The latest jobs for the overview: what runs, which it follows, and what ended."""
    session = db.session()
    jobs = with_progress(redis_client(), list_jobs(session, limit=RECENT).items)
    running = [job for job in jobs if not job.finished]
    following = bool(running) or any(leads_on(job) for job in jobs)
    return {
        "running": running,
        "finished": [job for job in jobs if job.finished],
        "running_version": version_of_jobs(jobs, following),
        "running_following": following,
    }


def leads_on(job: JobView) -> bool:
    """Whether a job ended so lately that the one which follows it may not be asked for yet."""
    ended = job.finished_at if job.state == "succeeded" and job.kind != "forecast" else None
    return ended is not None and utc_now() - ended < PAUSE
