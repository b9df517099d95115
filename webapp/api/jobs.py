"""Jobs: what runs, how far it is, and what came of it."""

from __future__ import annotations

from flask import Response, url_for

from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.listing import listing
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import JOBS_MANAGE, JOBS_READ
from webapp.extensions import db, redis_client
from webapp.queries import jobs as queries
from webapp.schemas.base import encode_cursor
from webapp.schemas.jobs import JobAnswer, JobList, JobPath, JobQuery
from webapp.services import jobs as service

blueprint = api_blueprint("jobs", "/jobs")


@blueprint.get("", responses={200: JobList})
@requires(JOBS_READ)
def list_jobs(query: JobQuery) -> Response:
    """List jobs, newest first."""

    def fetch(part: JobQuery) -> JobList:
        page = queries.list_jobs(db.session(), state=part.state, kind=part.kind, limit=part.limit, below=part.cursor)
        items = [JobAnswer.model_validate(view) for view in page.items]
        return JobList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.get("/<int:job_id>", responses={200: JobAnswer, **problems(404)})
@requires(JOBS_READ)
def show_job(path: JobPath) -> Response:
    """Read a job, with its live progress while it runs."""
    return job_answer(path.job_id)


@blueprint.post("/<int:job_id>/cancel", responses={200: JobAnswer, **problems(404, 409)})
@requires(JOBS_MANAGE)
def cancel_job(path: JobPath) -> Response:
    """Stop a job that waits or runs; what it did since its last commit is undone. 409 where it has ended."""
    service.cancel_job(db.session(), redis_client(), path.job_id, signed_in_user().email)
    return job_answer(path.job_id)


@blueprint.post("/<int:job_id>/retry", responses={202: JobAnswer, **problems(404, 409)})
@requires(JOBS_MANAGE)
def retry_job(path: JobPath) -> Response:
    """Run a job again that failed or was cancelled, as a new job."""
    job = service.retry_job(db.session(), path.job_id, signed_in_user().email)
    return job_answer(job.id, 202, Location=url_for("api_jobs.show_job", job_id=job.id))


def job_answer(job_id: int, status: int = 200, **headers: str) -> Response:
    """A job as it is now."""
    view = queries.job_view(db.session(), redis_client(), job_id)
    return answer(JobAnswer.model_validate(view), status, **headers)
