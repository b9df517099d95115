"""The stream of events between the parts of the product, and its dead letters."""

from __future__ import annotations

from flask import Response

from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.listing import listing
from webapp.auth import requires
from webapp.auth.permissions import JOBS_MANAGE
from webapp.extensions import db
from webapp.queries.outbox import list_stream, stream_event
from webapp.schemas.base import encode_cursor
from webapp.schemas.outbox import ReplayedAnswer, StreamEvent, StreamList, StreamPath, StreamQuery
from webapp.services import outbox as service

blueprint = api_blueprint("outbox", "/outbox")


@blueprint.get("", responses={200: StreamList})
@requires(JOBS_MANAGE)
def list_events(query: StreamQuery) -> Response:
    """List what happened, newest first, with the jobs that each event came from and called for."""

    def fetch(part: StreamQuery) -> StreamList:
        page = list_stream(db.session(), part.name, part.state, part.limit, part.cursor)
        items = [StreamEvent.model_validate(one) for one in page.items]
        return StreamList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.get("/<int:event_id>", responses={200: StreamEvent, **problems(404)})
@requires(JOBS_MANAGE)
def show_event(path: StreamPath) -> Response:
    """Read an event of the stream."""
    return answer(StreamEvent.model_validate(stream_event(db.session(), path.event_id)))


@blueprint.post("/<int:event_id>/replay", responses={202: StreamEvent, **problems(404, 409)})
@requires(JOBS_MANAGE)
def replay_event(path: StreamPath) -> Response:
    """Let the relay try a dead letter again."""
    session = db.session()
    service.replay_event(session, path.event_id)
    return answer(StreamEvent.model_validate(stream_event(session, path.event_id)), 202)


@blueprint.post("/replay", responses={202: ReplayedAnswer})
@requires(JOBS_MANAGE)
def replay_all() -> Response:
    """Let the relay try all dead letters again."""
    return answer(ReplayedAnswer(replayed=service.replay_dead(db.session())), 202)
