"""The models: which one serves, how good each is, training anew, and going back."""

from __future__ import annotations

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from ml.registry import find_champion
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, MODELS_READ
from webapp.extensions import db
from webapp.htmx import see_other
from webapp.pages.ids import below
from webapp.queries.models import last_promotions, list_models
from webapp.services import models as service
from webapp.services.training import request_training

GRAIN = "monthly"
SHOWN_PROMOTIONS = 10

blueprint = Blueprint("models", __name__)


@blueprint.get("/models")
@requires(MODELS_READ)
def index() -> ResponseReturnValue:
    """The champion on top, then all versions, newest first, and which of them were put in charge when."""
    session = db.session()
    return render_template(
        "models/index.html",
        page=list_models(session, below=below()),
        champion=find_champion(session, GRAIN),
        promotions=last_promotions(session, GRAIN, SHOWN_PROMOTIONS),
    )


@blueprint.post("/models/train")
@requires(FORECASTS_MAKE)
def train() -> ResponseReturnValue:
    """Ask for a training, and follow it."""
    job = request_training(db.session(), GRAIN, None, signed_in_user().email)
    return see_other(url_for("jobs.show", job_id=job.id))


@blueprint.post("/models/<id:model_id>/promote")
@requires(FORECASTS_MAKE)
def promote(model_id: int) -> ResponseReturnValue:
    """Put a version in charge; a forecast follows."""
    service.promote_model(db.session(), model_id, signed_in_user().email)
    return see_other(url_for("models.index"))


@blueprint.post("/models/rollback")
@requires(FORECASTS_MAKE)
def roll_back() -> ResponseReturnValue:
    """Let the version serve again that served before the present one; a forecast follows."""
    service.roll_back(db.session(), GRAIN, signed_in_user().email)
    return see_other(url_for("models.index"))
