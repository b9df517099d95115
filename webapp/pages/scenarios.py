"""What-if: promotions tried on the plan, both forecasts side by side, kept or dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ml.db.scenarios import Scenario, ScenarioResult
from ml.errors import ConflictError, NotFoundError
from ml.grains import GRAINS, Grain
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, SALES_READ
from webapp.errors import FieldError, InvalidRequestError
from webapp.extensions import db, redis_client
from webapp.htmx import see_other
from webapp.pages.charts import chart_data, with_line
from webapp.pages.following import version_of_jobs
from webapp.pages.formats import period, sentence
from webapp.pages.grains import asked_grain, grain_words, recent
from webapp.pages.ids import LARGEST_ID, below
from webapp.pages.render import render, unless_seen
from webapp.queries import scenarios as queries
from webapp.queries.forecasts import ForecastPoint, Outlook, outlook
from webapp.queries.jobs import JobView, job_view
from webapp.queries.nodes import Node, resolve
from webapp.services import scenarios as service
from webapp.services.scenarios import Promotion, ScenarioDraft

LINES = 3
"""Promotions that the form has room for."""
FIELDS = ("name", "starts_on", "ends_on")
STATES = {"waiting": "running", "ready": "ready", "kept": "active", "dropped": "withdrawn"}

blueprint = Blueprint("scenarios", __name__)


@dataclass(frozen=True)
class Form:
    """What was typed, as text: the name, a dictionary a line, and what is ticked to be left out."""

    name: str = ""
    lines: Sequence[Mapping[str, str]] = field(default_factory=lambda: [{} for _ in range(LINES)])
    remove: Sequence[int] = ()


@blueprint.get("/what-if")
@requires(SALES_READ)
def index() -> ResponseReturnValue:
    """All that was tried for a grain, newest first."""
    session, grain = db.session(), asked_grain()
    page = queries.list_scenarios(session, grain.name, below=below())
    known = queries.trial(session, resolve(session, Node()), grain)
    return render_template("scenarios/index.html", page=page, known=known, states=STATES, **grain_words(grain))


@blueprint.get("/what-if/new")
@requires(FORECASTS_MAKE, scoped=True)
def new() -> ResponseReturnValue:
    """The form that changes the plan of the part that the query names."""
    return form_page(Form(), {})


@blueprint.post("/what-if/new")
@requires(FORECASTS_MAKE, scoped=True)
def create() -> ResponseReturnValue:
    """Forecast the changed plan; the page of it follows that. What is wrong is said beside its field."""
    form = typed_form()
    try:
        draft = ScenarioDraft(Node.of(request.args), asked_grain().name, form.name, promotions(form), form.remove)
        row = service.create_scenario(db.session(), draft, signed_in_user().email)
    except InvalidRequestError as error:
        return form_page(form, {each.field: sentence(each.message) for each in error.errors}), 422
    except ConflictError as error:
        return form_page(form, {"changes": sentence(str(error))}), 409
    return see_other(url_for("scenarios.show", scenario_id=row.id))


@blueprint.get("/what-if/<id:scenario_id>")
@requires(SALES_READ)
def show(scenario_id: int) -> ResponseReturnValue:
    """One scenario: followed while it is forecast, then both curves and their totals."""
    session = db.session()
    found = queries.scenario_view(session, scenario_id)
    grain, row = GRAINS[found.row.grain], found.row
    job = job_of(row)
    version = version_of_jobs([job] if job else [], row.state)
    return unless_seen(version, lambda: scenario_page(found, job, grain, version))


@blueprint.post("/what-if/<id:scenario_id>/keep")
@requires(FORECASTS_MAKE, scoped=True)
def keep(scenario_id: int) -> ResponseReturnValue:
    """Make the changed plan the plan."""
    service.keep_scenario(db.session(), scenario_id, signed_in_user().email)
    return see_other(url_for("scenarios.show", scenario_id=scenario_id))


@blueprint.post("/what-if/<id:scenario_id>/drop")
@requires(FORECASTS_MAKE, scoped=True)
def drop(scenario_id: int) -> ResponseReturnValue:
    """Leave the plan as it is."""
    service.drop_scenario(db.session(), scenario_id, signed_in_user().email)
    return see_other(url_for("scenarios.show", scenario_id=scenario_id))


def job_of(row: Scenario) -> JobView | None:
    """The job that a scenario waits for; None once it has come, and where the job is so old that it is not kept."""
    if row.state != "waiting" or row.job_id is None:
        return None
    try:
        return job_view(db.session(), redis_client(), row.job_id)
    except NotFoundError:
        return None


def scenario_page(found: queries.ScenarioView, job: JobView | None, grain: Grain, version: str) -> str:
    """The page of a scenario, or the part of it that is followed."""
    session, chart = db.session(), None
    if found.results:
        view, _ = recent(outlook(session, found.node, grain=grain))
        chart = chart_of(view, found.results)
    return render(
        "scenarios/show.html",
        block="live",
        found=found,
        row=found.row,
        node=found.node,
        job=job,
        chart=chart,
        removed=queries.events_of(session, found.row.changes["remove"]),
        following=job is not None and not job.finished,
        version=version,
        states=STATES,
        **grain_words(grain),
    )


def chart_of(view: Outlook, results: Sequence[ScenarioResult]) -> dict[str, Any]:
    """The history, the forecast of the plan as it is, and that with the changes; means alone."""
    data = chart_data(replace(view, forecast=[as_point(one) for one in results], bands="none"))
    data |= {"median": [None] * len(data["labels"]), "forecast_name": "As planned"}
    return with_line(data, "What-if", "final", {period(one.period, view.grain): one.changed for one in results})


def as_point(one: ScenarioResult) -> ForecastPoint:
    """The plan's forecast of a period for the chart, which draws its mean alone."""
    mean = one.planned
    return ForecastPoint(one.period, mean, mean, one.planned_p10, mean, mean, mean, one.planned_p90, mean)


def typed_form() -> Form:
    """The form as it was sent."""
    said = request.form
    lines = [{name: said.get(f"{name}-{at}", "").strip() for name in FIELDS} for at in range(LINES)]
    lines.sort(key=lambda line: not any(line.values()))  # empty ones last: errors name lines by their number
    ids = [int(text) for text in said.getlist("remove") if text.isdecimal() and 0 < int(text) <= LARGEST_ID]
    return Form(said.get("name", "").strip(), lines, ids)


def promotions(form: Form) -> list[Promotion]:
    """The lines that are filled in; raises InvalidRequestError naming days that are none. Counted by their lines."""
    found, errors = [], []
    for at, line in enumerate(form.lines):
        if not any(line.values()):
            continue
        days: dict[str, Any] = {}
        for name in ("starts_on", "ends_on"):
            try:
                days[name] = date.fromisoformat(line.get(name) or line.get("starts_on", ""))
            except ValueError:
                errors.append(FieldError(f"add.{at}.{name}", "expected a day such as 2024-05-31"))
        if len(days) == len(FIELDS) - 1:
            found.append(Promotion(line.get("name", "") or form.name, **days))
    if errors:
        raise InvalidRequestError(errors)
    return found


def form_page(form: Form, errors: Mapping[str, str]) -> str:
    session, grain = db.session(), asked_grain()
    node = resolve(session, Node.of(request.args))
    found = queries.trial(session, node, grain)
    return render_template(
        "scenarios/form.html",
        node=node,
        trial=found,
        planned=queries.planned_events(session, node, found) if found.first else [],
        form=form,
        errors=errors,
        **grain_words(grain),
    )
