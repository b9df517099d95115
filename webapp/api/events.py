"""Events: promotions, holidays, price plans and others, written one by one, and public holidays by the year."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, url_for
from sqlalchemy.orm import Session

from ml.db.drivers import Event
from ml.etl.datasets import EVENTS
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.edits import check_unchanged, hold, tagged
from webapp.api.listing import listing
from webapp.auth import requires
from webapp.auth.permissions import CATALOG_WRITE, SALES_READ
from webapp.extensions import db
from webapp.queries import events as queries
from webapp.schemas.base import encode_cursor
from webapp.schemas.catalog import (
    EventAnswer,
    EventList,
    EventPath,
    EventQuery,
    HolidaysAnswer,
    HolidaysBody,
    NewEvent,
    values,
)
from webapp.services import events as service

blueprint = api_blueprint("events", "/events")


@blueprint.get("", responses={200: EventList})
@requires(SALES_READ)
def list_events(query: EventQuery) -> Response:
    """List events, newest first."""

    def fetch(part: EventQuery) -> EventList:
        page = queries.list_events(db.session(), **part.model_dump(exclude={"cursor"}), below=part.cursor)
        return EventList(items=event_answers(page.items), next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.get("/<int:event_id>", responses={200: EventAnswer, 304: None, **problems(404)})
@requires(SALES_READ)
def show_event(path: EventPath) -> Response:
    """Read an event."""
    return tagged(event_answers([queries.get_event(db.session(), path.event_id)])[0])


@blueprint.post("", responses={201: EventAnswer, **problems(400, 404, 409, 415)})
@requires(CATALOG_WRITE, scoped=True)
def create_event(body: NewEvent) -> Response:
    """Add an event; 409 where one of the same kind, name, first day, places and product is there."""
    event = service.create_event(db.session(), values(body, EVENTS))
    return tagged(event_answers([event])[0], 201, Location=url_for("api_events.show_event", event_id=event.id))


@blueprint.put("/<int:event_id>", responses={200: EventAnswer, **problems(400, 404, 409, 412, 415)})
@requires(CATALOG_WRITE, scoped=True)
def replace_event(path: EventPath, body: NewEvent) -> Response:
    """Replace an event; what is left out is emptied. 409 where another one is the same by kind, name, first day,
    places and product."""
    session = db.session()
    event = event_to_change(session, path)
    service.replace_event(session, event, values(body, EVENTS))
    return tagged(event_answers([event])[0])


@blueprint.delete("/<int:event_id>", responses={204: None, **problems(404, 412)})
@requires(CATALOG_WRITE, scoped=True)
def delete_event(path: EventPath) -> Response:
    """Delete an event."""
    session = db.session()
    service.delete_event(session, event_to_change(session, path))
    return Response(status=204)


def event_to_change(session: Session, path: EventPath) -> Event:
    """The event as the caller's `If-Match` knows it."""
    hold(session, Event)
    event = queries.get_event(session, path.event_id)
    check_unchanged(event_answers([event])[0])
    return event


@blueprint.post("/holidays", responses={200: HolidaysAnswer, **problems(400, 415)})
@requires(CATALOG_WRITE)
def add_holidays(body: HolidaysBody) -> Response:
    """Add the public holidays of some years as events; those that are there already stay as they are."""
    added, known = service.add_holidays(db.session(), body.country, body.subdivision, body.years, body.region)
    return answer(HolidaysAnswer(added=added, holidays=known))


def event_answers(events: Sequence[Event]) -> list[EventAnswer]:
    codes = queries.codes_of(db.session(), events)
    names = EventAnswer.model_fields.keys() - {"product_code"}
    return [
        EventAnswer(
            **{name: getattr(event, name) for name in names},
            product_code="" if event.product_id is None else codes[event.product_id],
        )
        for event in events
    ]
