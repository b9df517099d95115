"""Jobs, continued: what runs by the clock, set up on a form, and the ledger of what it promised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from ml.db.base import utc_now
from ml.errors import ConflictError
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import JOBS_MANAGE, JOBS_READ
from webapp.errors import FieldError, InvalidRequestError
from webapp.extensions import db, settings
from webapp.htmx import see_other
from webapp.pages.formats import sentence
from webapp.pages.ids import below
from webapp.pages.jobs_workers import blueprint
from webapp.pages.render import render
from webapp.queries.schedules import ScheduleView, list_runs, list_schedules, schedule_view
from webapp.services import schedules as service
from webapp.services.schedules import LIMITS, ScheduleDraft
from worker.models import CATCH_UPS, PROMISE_STATES
from worker.promises import find_breaches
from worker.schedule import SCHEDULABLE

__all__ = ["blueprint"]

LONGEST_TEXT = 2000


@blueprint.get("/jobs/schedules")
@requires(JOBS_READ)
def schedules() -> ResponseReturnValue:
    """What runs by the clock: when it did last, when it is due, what it owes, and which promises were not kept."""
    session, now, engine = db.session(), utc_now(), settings().engine
    breaches = find_breaches(session, now, settings().timezone.key, engine.grains)
    views = list_schedules(session, engine.grains, now)
    return render("jobs/schedules.html", block="content", schedules=views, breaches=breaches)


@blueprint.get("/jobs/schedules/runs")
@requires(JOBS_READ)
def promised() -> ResponseReturnValue:
    """The ledger, newest first; filtered by the query string."""
    state = request.args.get("state", "")
    filters = {
        "schedule": request.args.get("schedule", "").replace("\0", "")[:80],
        "state": state if state in PROMISE_STATES else "",
    }
    page = list_runs(db.session(), filters["schedule"], filters["state"], below=below())
    return render("jobs/promised.html", block="list", page=page, filters=filters, states=PROMISE_STATES)


@blueprint.get("/jobs/schedules/new")
@requires(JOBS_MANAGE)
def new_schedule() -> ResponseReturnValue:
    """The form of a new schedule."""
    return form(None, MultiDict({"timezone": settings().timezone.key, "cron": "0 6 * * *", "arguments": "{}"}))


@blueprint.post("/jobs/schedules/new")
@requires(JOBS_MANAGE)
def create_schedule() -> ResponseReturnValue:
    """Add a schedule; what is wrong is said beside its field."""
    try:
        row = service.create_schedule(db.session(), request.form.get("id", "").strip(), draft_of(request.form))
    except (InvalidRequestError, ConflictError) as error:
        db.session.rollback()
        return form(None, request.form, error), 422
    return see_other(url_for("jobs.show_schedule", schedule_id=row.id))


@blueprint.get("/jobs/schedules/<string:schedule_id>")
@requires(JOBS_READ)
def show_schedule(schedule_id: str) -> ResponseReturnValue:
    """One schedule, to be changed, with the runs that it promised."""
    view = schedule_view(db.session(), schedule_id, utc_now())
    return form(view, MultiDict(typed(view)))


@blueprint.post("/jobs/schedules/<string:schedule_id>")
@requires(JOBS_MANAGE)
def change_schedule(schedule_id: str) -> ResponseReturnValue:
    """Change it; what is wrong is said beside its field."""
    session = db.session()
    view = schedule_view(session, schedule_id, utc_now())
    fields = {**request.form, "kind": view.kind}
    try:
        service.change_schedule(session, schedule_id, draft_of(fields, paused=view.paused))
    except InvalidRequestError as error:
        session.rollback()
        return form(view, fields, error), 422
    return see_other(url_for("jobs.show_schedule", schedule_id=schedule_id, saved=1))


@blueprint.post("/jobs/schedules/<string:schedule_id>/delete")
@requires(JOBS_MANAGE)
def delete_schedule(schedule_id: str) -> ResponseReturnValue:
    """Remove it; its runs stay in the ledger."""
    service.delete_schedule(db.session(), schedule_id)
    return see_other(url_for("jobs.schedules"))


@blueprint.post("/jobs/schedules/<string:schedule_id>/pause")
@requires(JOBS_MANAGE)
def pause_schedule(schedule_id: str) -> ResponseReturnValue:
    """Promise no runs until it is resumed."""
    service.set_paused(db.session(), schedule_id, paused=True)
    return see_other(url_for("jobs.show_schedule", schedule_id=schedule_id))


@blueprint.post("/jobs/schedules/<string:schedule_id>/resume")
@requires(JOBS_MANAGE)
def resume_schedule(schedule_id: str) -> ResponseReturnValue:
    """Promise runs again, from now on."""
    service.set_paused(db.session(), schedule_id, paused=False)
    return see_other(url_for("jobs.show_schedule", schedule_id=schedule_id))


@blueprint.post("/jobs/schedules/<string:schedule_id>/run")
@requires(JOBS_MANAGE)
def run_schedule(schedule_id: str) -> ResponseReturnValue:
    """Run it now, beside its own times."""
    job = service.run_scheduled(db.session(), schedule_id, signed_in_user().email)
    return see_other(url_for("jobs.show", job_id=job.id))


def form(
    view: ScheduleView | None,
    fields: Mapping[str, Any],
    error: InvalidRequestError | ConflictError | None = None,
) -> str:
    """The page of a schedule, or of a new one, as it was typed."""
    errors = (
        {one.field: sentence(one.message) for one in error.errors} if isinstance(error, InvalidRequestError) else {}
    )
    if isinstance(error, ConflictError):
        errors["id"] = sentence(str(error))
    runs = list_runs(db.session(), view.id, limit=20).items if view else []
    return render_template(
        "jobs/schedule.html",
        view=view,
        fields=fields,
        errors=errors,
        runs=runs,
        saved="saved" in request.args,
        kinds=SCHEDULABLE,
        catch_ups=CATCH_UPS,
        limits=LIMITS,
        timezones=sorted(available_timezones()),
    )


def typed(view: ScheduleView) -> dict[str, str]:
    """A schedule as it would be typed into the form."""
    fields = {name: str(getattr(view, name)) for name in ("cron", "timezone", "kind", "catch_up", *LIMITS)}
    return {**fields, "arguments": json.dumps(view.arguments, ensure_ascii=False)}


def draft_of(fields: Mapping[str, str], *, paused: bool = False) -> ScheduleDraft:
    """What was typed; raises InvalidRequestError for numbers and arguments that are none."""
    errors: list[FieldError] = []
    numbers: dict[str, int] = {}
    for name in LIMITS:
        text = fields.get(name, "").strip()
        if text.isascii() and text.isdecimal() and len(text) < 9:
            numbers[name] = int(text)
        else:
            errors.append(FieldError(name, "expected a whole number"))
    arguments = arguments_of(fields.get("arguments", ""))
    if arguments is None:
        errors.append(FieldError("arguments", 'expected a JSON object, such as {"grain": "monthly"}'))
    service.refuse(errors)
    cron, timezone, kind, catch_up = (
        fields.get(name, "").strip()[:120] for name in ("cron", "timezone", "kind", "catch_up")
    )
    return ScheduleDraft(
        cron, timezone, kind, arguments or {}, catch_up=catch_up, paused=paused,
        jitter_seconds=numbers["jitter_seconds"], catch_up_minutes=numbers["catch_up_minutes"],
        late_after_minutes=numbers["late_after_minutes"],
    )  # fmt: skip


def arguments_of(text: str) -> dict[str, Any] | None:
    """The arguments of a job as typed; None where that is no JSON object."""
    try:
        found = json.loads(text[:LONGEST_TEXT].strip() or "{}")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
