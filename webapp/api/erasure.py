"""Erasing what is known of a customer as a person."""

from __future__ import annotations

from flask import Response

from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.auth import requires
from webapp.auth.permissions import USERS_MANAGE
from webapp.extensions import artifact_store, db
from webapp.schemas.catalog import CustomerPath
from webapp.schemas.erasure import ErasedAnswer
from webapp.services.erasure import erase

blueprint = api_blueprint("erasure", "/customers")


@blueprint.post("/<path:customer>/erase", responses={200: ErasedAnswer, **problems(404, 409)})
@requires(USERS_MANAGE)
def erase_customer(path: CustomerPath) -> Response:
    """Make a customer anonymous, by id or code. This cannot be taken back."""
    return answer(ErasedAnswer.model_validate(erase(db.session(), artifact_store(), path.customer)))
