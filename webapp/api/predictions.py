"""The published forecast of any part of the business."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response, url_for

from ml.errors import ConflictError
from ml.grains import GRAINS
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.cache import cached
from webapp.api.jobs import job_answer
from webapp.api.waiting import wait_for, writing
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import SALES_READ
from webapp.errors import NoForecastError
from webapp.extensions import db
from webapp.queries.forecasts import Outlook, outlook
from webapp.queries.jobs import JobView
from webapp.queries.nodes import Node
from webapp.queries.products import product_code
from webapp.schemas.jobs import JobAnswer
from webapp.schemas.predictions import PeriodForecast, Prediction, PredictQuery
from webapp.services.extension import request_extension

blueprint = api_blueprint("forecasts")


PREDICTED = {200: Prediction, 202: JobAnswer, **problems(404, 409)}
PATIENCE = 1.0
"""Seconds that a caller is let wait for periods that are not stored yet."""


@blueprint.get("/predict", responses=PREDICTED)
@requires(SALES_READ)
@cached
def predict(query: PredictQuery) -> Response:
    """Read the forecast of a region, territory, area, category or product; what is left out is summed up.

    Periods that the published forecast does not have yet are forecast now, for all: 202 with the job where that takes
    longer than a second; the same request answers 200 once it has succeeded.
    """
    return prediction(query)


def prediction(query: PredictQuery) -> Response:
    """The published forecast of what a query names, or the job that makes what it lacks of it."""
    view, before = asked_outlook(query), None
    while lacks(view, query) and view.run_id != before:  # another one may have been published meanwhile
        job = extended(view, query)
        if not job.finished:
            return job_answer(job.id, 202, Location=url_for("api_jobs.show_job", job_id=job.id))
        view, before = asked_outlook(query), view.run_id
    return answer(
        Prediction(
            label=view.node.label,
            **asdict(view.node),
            grain=query.grain,
            as_of=view.as_of,
            model=view.model,
            trained_at=view.trained_at,
            run_id=view.run_id,
            bands=view.bands,
            forecast=[PeriodForecast.model_validate(point) for point in view.forecast],
        )
    )


def asked_outlook(query: PredictQuery) -> Outlook:
    """What is stored; raises NoForecastError where nothing is."""
    session = db.session()
    names = query.model_dump(exclude={"product_id", "periods", "grain"})
    product = product_code(session, query.product_id) if query.product_id else ""
    view = outlook(session, Node.of({**names, "product": product}), query.periods, GRAINS[query.grain])
    if not view.forecast:
        raise NoForecastError(view.message or "there is no forecast yet. Import sales, or train a model.")
    return view


def lacks(view: Outlook, query: PredictQuery) -> bool:
    """Whether less is stored than was asked for."""
    return query.periods is not None and len(view.forecast) < query.periods


def extended(found: Outlook, query: PredictQuery) -> JobView:
    """The job that lets the run reach as far as asked, waited for; raises ConflictError where it failed."""
    session = db.session()
    with writing(session):
        job = request_extension(session, found.run_id, query.periods, signed_in_user().email)
    view = wait_for(job.id, PATIENCE)
    if view.finished and view.state != "succeeded":
        raise ConflictError(
            f"no more than is stored could be forecast; job {view.id} ended with: {view.error} Ask for fewer periods."
        )
    return view
