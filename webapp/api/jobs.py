"""Jobs: what runs, how far it is, and what came of it."""

from __future__ import annotations

from flask import Response

from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.listing import listing
from webapp.auth import requires
from webapp.auth.permissions import JOBS_READ
from webapp.extensions import db, redis_client
from webapp.queries import jobs as queries
from webapp.schemas.base import encode_cursor
from webapp.schemas.jobs import JobAnswer, JobList, JobPath, JobQuery

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
    return answer(JobAnswer.model_validate(queries.job_view(db.session(), redis_client(), path.job_id)))
