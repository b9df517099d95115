"""How the product is, for callers of the API; load balancers ask `/health` and `/ready`."""

from __future__ import annotations

from flask import Response

from webapp.api.answers import answer
from webapp.api.blueprint import api_blueprint
from webapp.auth import public
from webapp.extensions import db, redis_client
from webapp.queries.health import check_all
from webapp.schemas.health import HealthAnswer

blueprint = api_blueprint("status", "/health", security=[])


@blueprint.get("", responses={200: HealthAnswer})
@public
def show_health() -> Response:
    """Read whether database, Redis and workers answer; `degraded` where one of them does not."""
    checks = check_all(db.session(), redis_client())
    found = {check.name: "ok" if check.ok else check.detail for check in checks}
    return answer(HealthAnswer(status="ready" if all(check.ok for check in checks) else "degraded", checks=found))
