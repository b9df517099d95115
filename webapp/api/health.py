"""Whether the product is alive, and whether it is ready; for load balancers and monitors."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from webapp.auth import public
from webapp.errors import RETRY_SECONDS
from webapp.extensions import db, redis_client
from webapp.queries.health import check_all

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
@public
def health() -> ResponseReturnValue:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/ready")
@public
def ready() -> ResponseReturnValue:
    """The database, Redis and a worker answer; 503 says which of them does not."""
    checks = check_all(db.session(), redis_client())
    if all(check.ok for check in checks):
        return jsonify(status="ready", checks={check.name: "ok" for check in checks})
    found = {check.name: "ok" if check.ok else check.detail for check in checks}
    return jsonify(status="not ready", checks=found), 503, {"Retry-After": str(RETRY_SECONDS)}
