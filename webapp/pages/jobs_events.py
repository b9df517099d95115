"""Jobs, continued: the stream of events, and its dead letters."""

from __future__ import annotations

from flask import request, url_for
from flask.typing import ResponseReturnValue

from webapp.auth import requires
from webapp.auth.permissions import JOBS_MANAGE
from webapp.extensions import db
from webapp.htmx import see_other
from webapp.pages.ids import below
from webapp.pages.jobs_schedules import blueprint
from webapp.pages.render import render
from webapp.queries.outbox import STATES, count_states, list_stream
from webapp.services import outbox as service
from worker.events import EVENTS

__all__ = ["blueprint"]


@blueprint.get("/jobs/events")
@requires(JOBS_MANAGE)
def events() -> ResponseReturnValue:
    """What happened, newest first; filtered by the query string."""
    session = db.session()
    name, state = request.args.get("name", ""), request.args.get("state", "")
    filters = {"name": name if name in EVENTS else "", "state": state if state in STATES else ""}
    return render(
        "jobs/events.html",
        block="list",
        page=list_stream(session, filters["name"], filters["state"], below=below()),
        counts=count_states(session),
        filters=filters,
        names=sorted(EVENTS),
        states=STATES,
        replayed=request.args.get("replayed", type=int),
    )


@blueprint.post("/jobs/events/<id:event_id>/replay")
@requires(JOBS_MANAGE)
def replay_event(event_id: int) -> ResponseReturnValue:
    """Let the relay try a dead letter again."""
    service.replay_event(db.session(), event_id)
    return see_other(url_for("jobs.events", replayed=1))


@blueprint.post("/jobs/events/replay")
@requires(JOBS_MANAGE)
def replay_dead() -> ResponseReturnValue:
    """Let the relay try all dead letters again."""
    return see_other(url_for("jobs.events", replayed=service.replay_dead(db.session())))
