"""Data quality: how fresh and whole the data is, how it is cleaned, and what is not taken at face value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ml.db.base import utc_now
from ml.errors import DataError
from ml.etl.cleaning.policy import CHOICES, HIGHEST, LOWEST
from ml.etl.datasets import DATASETS
from webapp.auth import requires, safe_next, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, SALES_READ
from webapp.extensions import db
from webapp.htmx import is_htmx, see_other
from webapp.pages.formats import sentence
from webapp.pages.grains import asked_grain, grain_words
from webapp.pages.ids import below
from webapp.pages.render import render
from webapp.queries import cleaning, quality
from webapp.services import cleaning as service

FLAG_KINDS = {"outlier": "Outliers", "stockout": "Stockouts", "error": "Data errors"}
VERDICTS = {"open": "To decide", "accepted": "Accepted", "dismissed": "Dismissed"}
SETTING_NAMES = {"gaps": "Gaps", "returns": "Returns", "outliers": "Outliers", "stockouts": "Stockouts"}
SHOWN_POLICIES = 10

blueprint = Blueprint("quality", __name__)


@blueprint.get("/quality")
@requires(SALES_READ)
def index() -> ResponseReturnValue:
    """Freshness, volumes, gaps, conflicts and the cleaning that holds, on one page."""
    session = db.session()
    loads = quality.recent_loads(session)
    return render_template(
        "quality/index.html",
        freshness=quality.freshness(session),
        datasets=DATASETS,
        today=utc_now().date(),
        loads=loads,
        conflicts=conflicts(loads),
        gaps=quality.day_gaps(session),
        policy=cleaning.current_policy(session),
        choices=CHOICES,
        setting_names=SETTING_NAMES,
        counts=cleaning.count_flags(session),
    )


@blueprint.get("/quality/flags")
@requires(SALES_READ)
def flags() -> ResponseReturnValue:
    """What is not taken at face value, the corrected value beside the original; filtered by the query string."""
    session, grain = db.session(), asked_grain()
    words = grain_words(grain)
    filters = {"kind": one_of("kind", FLAG_KINDS), "verdict": one_of("verdict", VERDICTS)}
    kind, verdict = (filters[name] or None for name in ("kind", "verdict"))
    page = cleaning.list_flags(session, kind=kind, verdict=verdict, grain=grain.name, below=below())
    return render(
        "quality/flags.html",
        block="list",
        page=page,
        filters={**filters, **words["kept"]},
        **words,
        kinds=FLAG_KINDS,
        verdicts=VERDICTS,
        counts=cleaning.count_flags(session),
        policy=cleaning.current_policy(session),
    )


@blueprint.post("/quality/flags/<id:flag_id>")
@requires(FORECASTS_MAKE, scoped=True)
def decide(flag_id: int) -> ResponseReturnValue:
    """Accept or dismiss a flag, or take that back; htmx gets the row anew."""
    session = db.session()
    service.decide_flag(session, flag_id, request.form.get("verdict", ""), signed_in_user().email)
    if is_htmx():
        return render_template("quality/_flag.html", flag=cleaning.get_flag(session, flag_id))
    return see_other(safe_next(request.form.get("next"), url_for("quality.flags")))


@blueprint.post("/quality/clean")
@requires(FORECASTS_MAKE)
def clean() -> ResponseReturnValue:
    """Look for flags anew and forecast from what was decided, in a job."""
    job = service.request_cleaning(db.session(), signed_in_user().email)
    return see_other(url_for("jobs.show", job_id=job.id))


@blueprint.get("/quality/cleaning")
@requires(SALES_READ)
def policy() -> ResponseReturnValue:
    """The cleaning policy: what may be chosen, what holds, and what held before."""
    return policy_page(cleaning.current_policy(db.session()).settings.to_dict())


@blueprint.post("/quality/cleaning")
@requires(FORECASTS_MAKE)
def set_policy() -> ResponseReturnValue:
    """Make the chosen policy the one that holds; a job cleans anew under it."""
    chosen: dict[str, Any] = {name: request.form[name] for name in CHOICES if name in request.form}
    chosen["threshold"] = request.form.get("threshold", type=float)
    try:
        _, job = service.set_policy(db.session(), chosen, signed_in_user().email)
    except DataError as error:
        return policy_page(chosen, str(error)), 422
    return see_other(url_for("jobs.show", job_id=job.id))


@blueprint.post("/quality/cleaning/<id:policy_id>/restore")
@requires(FORECASTS_MAKE)
def restore(policy_id: int) -> ResponseReturnValue:
    """Go back to an earlier policy."""
    _, job = service.restore_policy(db.session(), policy_id, signed_in_user().email)
    return see_other(url_for("jobs.show", job_id=job.id))


def policy_page(chosen: Mapping[str, Any], problem: str = "") -> str:
    session = db.session()
    return render_template(
        "quality/policy.html",
        chosen=chosen,
        problem=sentence(problem),
        choices=CHOICES,
        setting_names=SETTING_NAMES,
        lowest=LOWEST,
        highest=HIGHEST,
        policy=cleaning.current_policy(session),
        history=cleaning.list_policies(session, SHOWN_POLICIES, below()),
    )


def one_of(name: str, known: Mapping[str, str]) -> str:
    """A filter of the query string; '' for all, and for one that is not known."""
    value = request.args.get(name, "")
    return value if value in known else ""


def conflicts(loads: Any) -> list[dict[str, Any]]:
    """Product codes that the last imports gave more than one name, with the import that did."""
    return [
        {"row": row, "code": conflict["code"], "names": conflict["names"]}
        for row in loads
        for conflict in (row.report or {}).get("conflicts", [])
    ]
