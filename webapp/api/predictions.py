"""The published forecast of any part of the business."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response

from ml.grains import GRAINS
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.cache import cached
from webapp.auth import requires
from webapp.auth.permissions import SALES_READ
from webapp.errors import NoForecastError
from webapp.extensions import db
from webapp.queries.forecasts import outlook
from webapp.queries.nodes import Node
from webapp.queries.products import product_code
from webapp.schemas.predictions import PeriodForecast, Prediction, PredictQuery

blueprint = api_blueprint("forecasts")


@blueprint.get("/predict", responses={200: Prediction, **problems(404, 409)})
@requires(SALES_READ)
@cached
def predict(query: PredictQuery) -> Response:
    """Read the forecast of a region, territory, area, category or product; what is left out is summed up."""
    return prediction(query)


def prediction(query: PredictQuery) -> Response:
    """The published forecast of what a query names."""
    session = db.session()
    names = query.model_dump(exclude={"product_id", "periods", "grain"})
    product = product_code(session, query.product_id) if query.product_id else ""
    view = outlook(session, Node.of({**names, "product": product}), query.periods, GRAINS[query.grain])
    if not view.forecast:
        raise NoForecastError(view.message or "there is no forecast yet. Import sales, or train a model.")
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
