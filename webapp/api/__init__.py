"""The JSON API below /api/v1, described by OpenAPI from the code's own types."""

from __future__ import annotations

from flask_openapi.openapi import OpenAPI
from pydantic import ValidationError

from webapp.api import (
    alerts,
    audit,
    auth,
    cleaning,
    customers,
    datasets,
    docs,
    erasure,
    events,
    health,
    imports,
    insights,
    jobs,
    metrics,
    models,
    outbox,
    overrides,
    predictions,
    products,
    receivables,
    sales,
    schedules,
    series,
    shortcuts,
    sources,
    status,
    stock,
    stock_simulations,
    tokens,
    users,
    webhooks,
)
from webapp.error_responses import invalid_request
from webapp.schemas.base import ProblemDocument

BLUEPRINTS = (
    auth,
    users,
    tokens,
    audit,
    alerts,
    erasure,
    imports,
    sales,
    datasets,
    products,
    customers,
    receivables,
    events,
    sources,
    predictions,
    overrides,
    insights,
    shortcuts,
    models,
    cleaning,
    jobs,
    schedules,
    outbox,
    webhooks,
    series,
    stock,
    stock_simulations,
    status,
)
DESCRIPTION = "Push sales, train, and pull forecasts with bands. Errors are RFC 9457 problem documents."


def create_openapi(import_name: str) -> OpenAPI:
    """The Flask app that collects the API's description."""
    app = OpenAPI(
        import_name,
        info={"title": "Forecastle", "version": "1", "description": DESCRIPTION},
        security_schemes={"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        doc_ui=False,
        validation_error_model=ProblemDocument,
        validation_error_callback=refuse_invalid,
    )
    app.openapi_version = "3.1.0"
    return app


def register(app: OpenAPI) -> None:
    """Add the API's routes to `app`."""
    for module in BLUEPRINTS:
        app.register_api(module.blueprint)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(metrics.blueprint)
    app.register_blueprint(docs.blueprint)


def refuse_invalid(error: ValidationError) -> None:
    """Turn a failed validation into the API's own error."""
    raise invalid_request(error)
