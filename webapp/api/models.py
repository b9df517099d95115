"""Training, and the registry of models."""

from __future__ import annotations

from flask import Response, url_for

from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, MODELS_READ
from webapp.extensions import db, redis_client
from webapp.queries import jobs
from webapp.queries import models as queries
from webapp.schemas.base import encode_cursor
from webapp.schemas.jobs import JobAnswer
from webapp.schemas.training import ModelAnswer, ModelList, ModelQuery, TrainBody
from webapp.services.training import request_training

blueprint = api_blueprint("models")


@blueprint.post("/train", responses={202: JobAnswer, **problems(400, 415)})
@requires(FORECASTS_MAKE)
def train(body: TrainBody) -> Response:
    """Train models on the sales as they stand; the best one serves from then on, and a forecast follows."""
    session = db.session()
    job = request_training(session, body.grain, body.models(), signed_in_user().email)
    view = jobs.job_view(session, redis_client(), job.id)
    return answer(JobAnswer.model_validate(view), 202, Location=url_for("api_jobs.show_job", job_id=job.id))


@blueprint.get("/models", responses={200: ModelList})
@requires(MODELS_READ)
def list_models(query: ModelQuery) -> Response:
    """List model versions, newest first."""
    page = queries.list_models(db.session(), query.grain, query.limit, query.cursor)
    items = [ModelAnswer.model_validate(row) for row in page.items]
    return answer(ModelList(items=items, next_cursor=encode_cursor(page.next_below)))
