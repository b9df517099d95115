"""The jobs: what runs, what waits, what failed and why."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.auth import requires
from webapp.auth.permissions import JOBS_READ
from webapp.extensions import db, redis_client
from webapp.pages.following import version_of_jobs, with_progress
from webapp.pages.render import render, unless_seen
from webapp.pages.words import job_kind
from webapp.queries.jobs import job_view, list_jobs
from worker.models import JOB_STATES
from worker.queues import KINDS

RECENT = 5

blueprint = Blueprint("jobs", __name__)


@blueprint.get("/jobs")
@requires(JOBS_READ)
def index() -> ResponseReturnValue:
    """Jobs, newest first, filtered by the query string; followed while any is under way."""
    state, kind = request.args.get("state", ""), request.args.get("kind", "")
    session, below = db.session(), request.args.get("below", type=int)
    page = list_jobs(session, state=state or None, kind=kind or None, below=below)
    jobs = with_progress(session, redis_client(), page.items)
    version = version_of_jobs(jobs)
    body = render(
        "jobs/index.html",
        block="live",
        jobs=jobs,
        next_below=page.next_below,
        filters={"state": state, "kind": kind},
        states=JOB_STATES,
        kinds=tuple(KINDS),
        capitalized=str.capitalize,
        job_kind_name=job_kind,
        version=version,
        following=any(not job.finished for job in jobs) and below is None,
    )
    return unless_seen(body, version)


@blueprint.get("/jobs/recent")
@requires(JOBS_READ)
def recent() -> ResponseReturnValue:
    """The fragment of the overview that shows the latest jobs."""
    context = recent_jobs()
    return unless_seen(render_template("jobs/_recent.html", **context), str(context["recent_version"]))


@blueprint.get("/jobs/<int:job_id>")
@requires(JOBS_READ)
def show(job_id: int) -> ResponseReturnValue:
    """One job, followed until it ends."""
    job = job_view(db.session(), redis_client(), job_id)
    version = version_of_jobs([job], len(job.log_tail), job.log_tail[-80:])
    return unless_seen(render("jobs/show.html", block="live", job=job, version=version), version)


def recent_jobs() -> dict[str, object]:
    """What the fragment of the latest jobs needs."""
    session = db.session()
    jobs = with_progress(session, redis_client(), list_jobs(session, limit=RECENT).items)
    return {
        "recent": jobs,
        "recent_version": version_of_jobs(jobs),
        "recent_following": any(not job.finished for job in jobs),
    }
