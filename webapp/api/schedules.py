"""What runs by the clock: set up, paused, run at once; and the ledger of the runs that it promised."""

from __future__ import annotations

from flask import Response, url_for
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.edits import check_unchanged, hold, tagged
from webapp.api.listing import listing
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import JOBS_MANAGE, JOBS_READ
from webapp.extensions import db, redis_client, settings
from webapp.queries import jobs
from webapp.queries.schedules import list_runs, list_schedules, schedule_view
from webapp.schemas.base import encode_cursor
from webapp.schemas.jobs import JobAnswer
from webapp.schemas.schedules import (
    BreachAnswer,
    BreachList,
    NewSchedule,
    PromisedRunAnswer,
    PromisedRunList,
    RunQuery,
    ScheduleAnswer,
    ScheduleBody,
    ScheduleList,
    SchedulePath,
)
from webapp.services import schedules as service
from worker.models import Schedule
from worker.promises import find_breaches

blueprint = api_blueprint("schedules", "/schedules")


@blueprint.get("", responses={200: ScheduleList})
@requires(JOBS_READ)
def list_all() -> Response:
    """List what runs by the clock, with the next time of each, its last run, and the runs that it owes."""
    views = list_schedules(db.session(), settings().engine.grains, utc_now())
    return answer(ScheduleList(items=[ScheduleAnswer.model_validate(view) for view in views]))


@blueprint.get("/runs", responses={200: PromisedRunList})
@requires(JOBS_READ)
def list_promised(query: RunQuery) -> Response:
    """List promised runs, newest first."""

    def fetch(part: RunQuery) -> PromisedRunList:
        page = list_runs(db.session(), part.schedule_id, part.state, part.limit, part.cursor)
        items = [PromisedRunAnswer.model_validate(row) for row in page.items]
        return PromisedRunList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.get("/breaches", responses={200: BreachList})
@requires(JOBS_READ)
def list_breaches() -> Response:
    """Check the promises of the last seven days: which runs are missing, late, duplicate, incomplete, or failed."""
    found = find_breaches(db.session(), utc_now(), settings().timezone.key, settings().engine.grains)
    return answer(BreachList(items=[BreachAnswer.model_validate(one) for one in found]))


@blueprint.post("", responses={201: ScheduleAnswer, **problems(400, 409, 415)})
@requires(JOBS_MANAGE)
def create_schedule(body: NewSchedule) -> Response:
    """Add a schedule."""
    session = db.session()
    draft = service.ScheduleDraft(**body.model_dump(exclude={"id"}))
    row = service.create_schedule(session, body.id, draft)
    location = url_for("api_schedules.show_schedule", schedule_id=row.id)
    return tagged(answer_of(session, row.id), 201, Location=location)


@blueprint.get("/<string:schedule_id>", responses={200: ScheduleAnswer, 304: None, **problems(404)})
@requires(JOBS_READ)
def show_schedule(path: SchedulePath) -> Response:
    """Read a schedule."""
    return tagged(answer_of(db.session(), path.schedule_id))


@blueprint.put("/<string:schedule_id>", responses={200: ScheduleAnswer, **problems(400, 404, 412, 415)})
@requires(JOBS_MANAGE)
def replace_schedule(path: SchedulePath, body: ScheduleBody) -> Response:
    """Replace all of a schedule but its kind; its next run is promised anew."""
    session = db.session()
    hold(session, Schedule)
    check_unchanged(answer_of(session, path.schedule_id))
    service.change_schedule(session, path.schedule_id, service.ScheduleDraft(**body.model_dump()))
    return tagged(answer_of(session, path.schedule_id))


@blueprint.delete("/<string:schedule_id>", responses={204: None, **problems(404, 409, 412)})
@requires(JOBS_MANAGE)
def delete_schedule(path: SchedulePath) -> Response:
    """Delete a schedule; what it promised so far stays in the ledger."""
    session = db.session()
    hold(session, Schedule)
    check_unchanged(answer_of(session, path.schedule_id))
    service.delete_schedule(session, path.schedule_id)
    return Response(status=204)


@blueprint.post("/<string:schedule_id>/pause", responses={200: ScheduleAnswer, **problems(404)})
@requires(JOBS_MANAGE)
def pause_schedule(path: SchedulePath) -> Response:
    """Promise no runs until it is resumed."""
    session = db.session()
    service.set_paused(session, path.schedule_id, paused=True)
    return tagged(answer_of(session, path.schedule_id))


@blueprint.post("/<string:schedule_id>/resume", responses={200: ScheduleAnswer, **problems(404)})
@requires(JOBS_MANAGE)
def resume_schedule(path: SchedulePath) -> Response:
    """Promise runs again, from now on."""
    session = db.session()
    service.set_paused(session, path.schedule_id, paused=False)
    return tagged(answer_of(session, path.schedule_id))


@blueprint.post("/<string:schedule_id>/run", responses={202: JobAnswer, **problems(404)})
@requires(JOBS_MANAGE)
def run_now(path: SchedulePath) -> Response:
    """Run it now, beside its own times."""
    session = db.session()
    job = service.run_scheduled(session, path.schedule_id, signed_in_user().email)
    view = jobs.job_view(session, redis_client(), job.id)
    return answer(JobAnswer.model_validate(view), 202, Location=url_for("api_jobs.show_job", job_id=job.id))


def answer_of(session: Session, schedule_id: str) -> ScheduleAnswer:
    return ScheduleAnswer.model_validate(schedule_view(session, schedule_id, utc_now()))
