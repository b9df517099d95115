"""The models: which one serves, how good each is, and training anew."""

from __future__ import annotations

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, MODELS_READ
from webapp.extensions import db
from webapp.htmx import see_other
from webapp.pages.ids import below
from webapp.queries.models import list_models
from webapp.services.training import request_training

GRAIN = "monthly"

blueprint = Blueprint("models", __name__)


@blueprint.get("/models")
@requires(MODELS_READ)
def index() -> ResponseReturnValue:
    """All versions, newest first; the champion on top."""
    page = list_models(db.session(), below=below())
    champion = next((model for model in page.items if model.alias == "champion"), None)
    return render_template("models/index.html", page=page, champion=champion)


@blueprint.post("/models/train")
@requires(FORECASTS_MAKE)
def train() -> ResponseReturnValue:
    """Ask for a training, and follow it."""
    job = request_training(db.session(), GRAIN, None, signed_in_user().email)
    return see_other(url_for("jobs.show", job_id=job.id))
