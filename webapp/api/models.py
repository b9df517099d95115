"""Training, and the registry of models."""

from __future__ import annotations

from flask import Response, url_for

from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.listing import listing
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, MODELS_READ
from webapp.extensions import db, redis_client
from webapp.queries import jobs
from webapp.queries import models as queries
from webapp.schemas.base import encode_cursor
from webapp.schemas.jobs import JobAnswer
from webapp.schemas.models import (
    ModelAnswer,
    ModelList,
    ModelPath,
    ModelQuery,
    PromotionAnswer,
    PromotionList,
    RollbackBody,
)
from webapp.schemas.training import TrainBody
from webapp.services import models as service
from webapp.services.training import request_training

blueprint = api_blueprint("models")


@blueprint.post("/train", responses={202: JobAnswer, **problems(400, 409, 415)})
@requires(FORECASTS_MAKE)
def train(body: TrainBody) -> Response:
    """Train models on the sales as they stand. The best one serves where it beats the one that does; a forecast then
    follows."""
    return start_training(body)


def start_training(body: TrainBody) -> Response:
    """Ask for the job that trains."""
    session = db.session()
    job = request_training(session, body.grain, body.models(), signed_in_user().email)
    view = jobs.job_view(session, redis_client(), job.id)
    return answer(JobAnswer.model_validate(view), 202, Location=url_for("api_jobs.show_job", job_id=job.id))


@blueprint.get("/models", responses={200: ModelList})
@requires(MODELS_READ)
def list_models(query: ModelQuery) -> Response:
    """List model versions, newest first."""

    def fetch(part: ModelQuery) -> ModelList:
        page = queries.list_models(db.session(), part.grain, part.limit, part.cursor)
        items = [ModelAnswer.model_validate(row) for row in page.items]
        return ModelList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.get("/models/<int:model_id>", responses={200: ModelAnswer, **problems(404)})
@requires(MODELS_READ)
def show_model(path: ModelPath) -> Response:
    """Read a model version."""
    return answer(ModelAnswer.model_validate(queries.get_model(db.session(), path.model_id)))


@blueprint.post("/models/<int:model_id>/promote", responses={200: PromotionAnswer, **problems(404, 409)})
@requires(FORECASTS_MAKE)
def promote_model(path: ModelPath) -> Response:
    """Put a version in charge of its grain, whatever its scores; a forecast follows."""
    made = service.promote_model(db.session(), path.model_id, signed_in_user().email)
    return answer(PromotionAnswer.model_validate(made))


@blueprint.post("/models/rollback", responses={200: PromotionAnswer, **problems(400, 409, 415)})
@requires(FORECASTS_MAKE)
def roll_back(body: RollbackBody) -> Response:
    """Let the version serve again that served before the present one; a forecast follows."""
    made = service.roll_back(db.session(), body.grain, signed_in_user().email)
    return answer(PromotionAnswer.model_validate(made))


@blueprint.get("/models/promotions", responses={200: PromotionList})
@requires(MODELS_READ)
def list_promotions(query: ModelQuery) -> Response:
    """List which versions were put in charge, by whom and why, newest first."""

    def fetch(part: ModelQuery) -> PromotionList:
        page = queries.list_promotions(db.session(), part.grain, part.limit, part.cursor)
        items = [PromotionAnswer.model_validate(row) for row in page.items]
        return PromotionList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)
