"""What-if as people use it: a changed plan is asked for, then kept, so that it becomes the plan, or dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from ml.db.bulk import lock_for_writing
from ml.db.catalog import Product, Series
from ml.db.drivers import Event
from ml.db.scenarios import Scenario
from ml.errors import ConflictError
from ml.etl.record_store import forget_versions
from ml.grains import GRAINS
from webapp.errors import FieldError, InvalidRequestError
from webapp.queries.nodes import Node, resolve
from webapp.queries.scenarios import events_of, get_scenario, planned_events, trial
from webapp.services.events import check_place, columns_of
from worker.models import JobRun
from worker.queues import request_job

LONGEST = timedelta(days=366)
MOST_PROMOTIONS = 10
LONGEST_NAME = 120


@dataclass(frozen=True)
class Promotion:
    """One that is to be tried, both days included."""

    name: str
    starts_on: date
    ends_on: date


@dataclass(frozen=True)
class ScenarioDraft:
    """What a person wants to try for a node: promotions more, and those that are planned left out by their ids."""

    node: Node
    grain: str
    name: str
    add: Sequence[Promotion] = ()
    remove: Sequence[int] = ()


def create_scenario(session: Session, draft: ScenarioDraft, user: str) -> Scenario:
    """Keep a changed plan and ask for the job that forecasts it; commits.

    Raises InvalidRequestError naming what is wrong, NotFoundError for names without sales, ConflictError where nothing
    can be tried, and ForbiddenError for a part that is not wholly inside of what the caller may see.
    """
    node, grain = resolve(session, draft.node), GRAINS[draft.grain]
    check_place(node.region, node.territory)
    found = trial(session, node, grain)
    if found.first is None or found.last is None or found.series_id is None:
        raise ConflictError(found.why)
    known = {event.id for event in planned_events(session, node, found)}
    check_draft(draft, found.first, found.last, known)
    added = [
        {"name": one.name, "starts_on": one.starts_on.isoformat(), "ends_on": one.ends_on.isoformat()}
        for one in draft.add
    ]
    changes = {"add": added, "remove": sorted(draft.remove)}
    row = Scenario(
        series_id=found.series_id, grain=draft.grain, name=draft.name.strip(), changes=changes, state="waiting",
        created_by=user,
    )  # fmt: skip
    session.add(row)
    session.flush()
    row.job_id = request_job(session, "scenario", {"scenario_id": row.id}, requested_by=user).id
    audit.record(session, "create", "scenario", row.id, after={"part": node.params(), **changes})
    session.commit()
    return row


def check_draft(draft: ScenarioDraft, first: date, last: date, known: set[int]) -> None:
    """Raise InvalidRequestError naming the fields that cannot be used."""
    errors = [error for at, one in enumerate(draft.add) for error in check_promotion(at, one, first, last)]
    if not draft.name.strip() or len(draft.name.strip()) > LONGEST_NAME:
        errors.append(FieldError("name", f"expected a name of at most {LONGEST_NAME} characters"))
    if not draft.add and not draft.remove:
        errors.append(FieldError("changes", "enter a promotion, or leave one out that is planned"))
    if len(draft.add) > MOST_PROMOTIONS:
        errors.append(FieldError("changes", f"expected at most {MOST_PROMOTIONS} promotions"))
    if unknown := set(draft.remove) - known:
        errors.append(FieldError("changes", f"event {min(unknown)} is not planned here any more; load the page again"))
    if errors:
        raise InvalidRequestError(errors)


def check_promotion(at: int, one: Promotion, first: date, last: date) -> list[FieldError]:
    """What is wrong with one that is to be tried."""
    errors = []
    if not one.name.strip() or len(one.name) > LONGEST_NAME:
        errors.append(FieldError(f"add.{at}.name", "give it a name"))
    if not first <= one.starts_on <= last:
        errors.append(FieldError(f"add.{at}.starts_on", f"expected a day from {first} to {last}, which is forecast"))
    if not timedelta() <= one.ends_on - one.starts_on <= LONGEST:
        errors.append(FieldError(f"add.{at}.ends_on", "expected its first day or later, a year at most"))
    return errors


def keep_scenario(session: Session, scenario_id: int, user: str) -> JobRun:
    """Make the changed plan the plan: its promotions become events, those left out go, and a forecast follows; commits.

    Raises NotFoundError, ConflictError where it was kept or dropped already, or is not forecast yet.
    """
    row = open_scenario(session, scenario_id)
    if row.state != "ready":
        raise ConflictError(f"scenario {scenario_id} is not forecast yet; wait for it, so that you know what you keep.")
    series = session.get_one(Series, row.series_id)
    check_place(series.region, series.territory)
    code = session.scalar(sa.select(Product.code).where(Product.id == series.product_id))
    for one in row.changes["add"]:
        add_event(session, {"kind": "promotion", **days_of(one), **places_of(series, code)})
    for event in events_of(session, row.changes["remove"]):
        forget_versions(session, "events", event.key)
        before = {"kind": event.kind, "name": event.name, "starts_on": event.starts_on, "region": event.region}
        audit.record(session, "delete", "event", event.id, before=before)
        session.delete(event)
    end(session, row, "kept", user)
    grain = GRAINS[row.grain]
    job = request_job(session, "forecast", {"grain": grain.name, "horizon": grain.horizon}, requested_by=user)
    session.commit()
    return job


def days_of(one: dict[str, str]) -> dict[str, Any]:
    """Name and days of a promotion as a record of an event holds them."""
    days = {name: date.fromisoformat(one[name]) for name in ("starts_on", "ends_on")}
    return {"name": one["name"], **days}


def places_of(series: Series, code: str | None) -> dict[str, str]:
    """Place and product of a series as a record of an event names them."""
    places = {name: getattr(series, name) for name in ("region", "territory", "area")}
    return {**places, "category": "" if code else series.category, "product_code": code or ""}


def add_event(session: Session, record: dict[str, Any]) -> None:
    """Enter an event, unless the same one is there."""
    whole, columns = columns_of(session, record)
    if session.scalar(sa.select(Event.id).where(Event.key == columns["key"])) is None:
        event = Event(**columns)
        session.add(event)
        session.flush()
        audit.record(session, "create", "event", event.id, after=whole)


def drop_scenario(session: Session, scenario_id: int, user: str) -> None:
    """Change nothing; commits. Raises NotFoundError, ConflictError where it was kept or dropped already."""
    end(session, open_scenario(session, scenario_id), "dropped", user)
    session.commit()


def open_scenario(session: Session, scenario_id: int) -> Scenario:
    """One that waits for a decision, kept from others who decide at the same time."""
    lock_for_writing(session, Scenario)
    row = get_scenario(session, scenario_id)
    if row.state in ("kept", "dropped"):
        raise ConflictError(f"scenario {scenario_id} was {row.state} already.")
    return row


def end(session: Session, row: Scenario, state: str, user: str) -> None:
    """Note what became of it."""
    row.state, row.ended_by, row.ended_at = state, user, utc_now()
    audit.record(session, "keep" if state == "kept" else "drop", "scenario", row.id, after={"state": state})
