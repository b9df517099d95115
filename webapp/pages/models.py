"""The models: which one serves, how good each is, training anew, and going back."""

from __future__ import annotations

from typing import get_args

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ml.errors import DataError
from ml.registry import find_champion
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, MODELS_READ
from webapp.extensions import db
from webapp.htmx import see_other
from webapp.pages.grains import asked_grain, grain_words
from webapp.pages.ids import below
from webapp.queries.models import last_promotions, list_models
from webapp.schemas.training import ModelType, TrainBody
from webapp.services import models as service
from webapp.services.training import request_training

MODEL_TYPES: tuple[ModelType, ...] = get_args(ModelType)
"""What the page offers to train, as the API does."""

SHOWN_PROMOTIONS = 10

blueprint = Blueprint("models", __name__)


@blueprint.get("/models")
@requires(MODELS_READ)
def index() -> ResponseReturnValue:
    """The champion on top, then all versions, newest first, and which of them were put in charge when."""
    session, grain = db.session(), asked_grain()
    return render_template(
        "models/index.html",
        page=list_models(session, grain.name, below=below()),
        champion=find_champion(session, grain.name),
        promotions=last_promotions(session, grain.name, SHOWN_PROMOTIONS),
        **grain_words(grain),
        model_types=MODEL_TYPES,
    )


@blueprint.post("/models/train")
@requires(FORECASTS_MAKE)
def train() -> ResponseReturnValue:
    """Ask for a training of the model that was chosen, or of those that race by default, and follow it."""
    asked = request.form.get("model_type", "auto")
    chosen = next((name for name in MODEL_TYPES if name == asked), None)
    if chosen is None:
        raise DataError(f"there is no model {asked!r}; choose one of the list.")
    body = TrainBody.model_validate({"grain": asked_grain().name, "model_type": chosen})
    job = request_training(db.session(), body.grain, body.models(), signed_in_user().email)
    return see_other(url_for("jobs.show", job_id=job.id))


@blueprint.post("/models/<id:model_id>/promote")
@requires(FORECASTS_MAKE)
def promote(model_id: int) -> ResponseReturnValue:
    """Put a version in charge; a forecast follows."""
    service.promote_model(db.session(), model_id, signed_in_user().email)
    return see_other(url_for("models.index", **grain_words(asked_grain())["kept"]))


@blueprint.post("/models/rollback")
@requires(FORECASTS_MAKE)
def roll_back() -> ResponseReturnValue:
    """Let the version serve again that served before the present one; a forecast follows."""
    grain = asked_grain()
    service.roll_back(db.session(), grain.name, signed_in_user().email)
    return see_other(url_for("models.index", **grain_words(grain)["kept"]))
