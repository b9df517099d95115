"""What runs by the clock, and running it at once."""

from __future__ import annotations

from flask import Response, url_for

from ml.db.base import utc_now
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import JOBS_MANAGE, JOBS_READ
from webapp.extensions import db, redis_client, settings
from webapp.queries import jobs
from webapp.queries.schedules import list_schedules
from webapp.schemas.jobs import JobAnswer
from webapp.schemas.schedules import ScheduleAnswer, ScheduleList, SchedulePath
from webapp.services.jobs import run_scheduled

blueprint = api_blueprint("schedules", "/schedules")


@blueprint.get("", responses={200: ScheduleList})
@requires(JOBS_READ)
def list_all() -> Response:
    """List what runs by the clock, with the next time of each."""
    views = list_schedules(settings().timezone, utc_now())
    return answer(ScheduleList(items=[ScheduleAnswer.model_validate(view) for view in views]))


@blueprint.post("/<string:schedule_id>/run", responses={202: JobAnswer, **problems(404)})
@requires(JOBS_MANAGE)
def run_now(path: SchedulePath) -> Response:
    """Run it now, beside its own times."""
    session = db.session()
    job = run_scheduled(session, path.schedule_id, signed_in_user().email)
    view = jobs.job_view(session, redis_client(), job.id)
    return answer(JobAnswer.model_validate(view), 202, Location=url_for("api_jobs.show_job", job_id=job.id))
