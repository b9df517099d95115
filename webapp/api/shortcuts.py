"""Short ways to what callers ask for most: forecasts of a product, by week, and with sales in one answer."""

from __future__ import annotations

from flask import Response
from sqlalchemy.orm import Session

from ml.errors import NotEnoughHistoryError
from ml.grains import MONTHLY
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.cache import cached
from webapp.api.models import start_training
from webapp.api.predictions import PREDICTED, prediction
from webapp.api.sources import failure
from webapp.api.waiting import wait_for, writing
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, SALES_IMPORT, SALES_READ
from webapp.errors import ForbiddenError
from webapp.extensions import db
from webapp.queries import forecasts, insights
from webapp.queries import sources as sources_queries
from webapp.queries.nodes import Node
from webapp.queries.products import product_code
from webapp.schemas.insights import SeriesNames
from webapp.schemas.jobs import JobAnswer
from webapp.schemas.predictions import ForecastOfProductQuery, PredictQuery, ProductIdPath, WeeklyQuery
from webapp.schemas.sales_forecast import MonthOfSales, NextMonth, SalesForecast, SalesForecastQuery
from webapp.schemas.training import TrainBody
from webapp.services import sources as sources_service
from webapp.services.imports import named_source

blueprint = api_blueprint("shortcuts")


@blueprint.get("/forecast/weekly", responses=PREDICTED)
@requires(SALES_READ)
@cached
def weekly_forecast(query: WeeklyQuery) -> Response:
    """Read the forecast by week of any part of the business; as `/predict` with grain=weekly."""
    return prediction(PredictQuery(**query.model_dump(), grain="weekly"))


@blueprint.get("/forecast/<string:product_id>", responses=PREDICTED)
@requires(SALES_READ)
@cached
def product_forecast(path: ProductIdPath, query: ForecastOfProductQuery) -> Response:
    """Read the forecast of a product, everywhere or in the places named; as `/predict` with its product_id."""
    return prediction(PredictQuery(**query.model_dump(), product_id=path.product_id))


@blueprint.post("/forecast/train", responses={202: JobAnswer, **problems(400, 415)})
@requires(FORECASTS_MAKE)
def train(body: TrainBody) -> Response:
    """Train models, as `/train` does; a forecast follows where the best one serves."""
    return start_training(body)


@blueprint.get("/sales-forecast", responses={200: SalesForecast, **problems(404, 409, 502)})
@requires(SALES_READ)
@cached
def sales_forecast(query: SalesForecastQuery) -> Response:
    """Read actual sales by month with transaction counts, and the next month's forecast with its band, growth and
    accuracy, in one answer.

    409 below three complete months of sales. With `refresh`, 502 where that source cannot be reached.
    """
    session = db.session()
    job_id = refresh(session, query.refresh, query.wait) if query.refresh else None
    product = product_code(session, query.product_id) if query.product_id else ""
    node = Node.of({**query.names(), "product": product})
    view = forecasts.outlook(session, node)
    complete = [point for point in view.history if not point.partial]
    if len(complete) < MONTHLY.least:
        raise NotEnoughHistoryError(len(complete), MONTHLY.least, MONTHLY.unit)
    found = insights.plainly(session, view, query.confidence)
    return answer(
        SalesForecast(
            series=SeriesNames.model_validate(view.node),
            actual=[
                MonthOfSales(
                    period=point.period, sales=point.sales, quantity=point.qty,
                    transactions=point.transactions, partial=point.partial,
                )
                for point in view.history[-query.months :]
            ],
            forecast=next_month(found),
            refresh_job_id=job_id,
        )
    )  # fmt: skip


def next_month(found: insights.NodeOutlook) -> NextMonth:
    """The first month to come, as this answer names its parts."""
    return NextMonth(
        period=found.period,
        expected=found.outlook.expected,
        low=found.outlook.low,
        high=found.outlook.high,
        confidence_level=found.outlook.confidence,
        growth_rate=found.outlook.growth,
        accuracy=found.outlook.accuracy,
        accuracy_source=found.outlook.accuracy_source,
        model=found.model,
        as_of=found.as_of,
    )


def refresh(session: Session, name: str, seconds: int) -> int:
    """Pull a source and wait for that; what takes longer goes on by itself. Raises UpstreamError where it fails."""
    user = signed_in_user()
    if not user.can(SALES_IMPORT) or user.scope is not None:
        raise ForbiddenError(
            "forbidden", f"refresh needs the permission {SALES_IMPORT} in all regions; leave it out to read alone."
        )
    source = named_source(session, name)
    with writing(session):
        job = sources_service.pull_source(session, source.id, user.email)
    view = wait_for(job.id, seconds)
    if view.finished and view.state != "succeeded":
        raise failure(view, fetched=sources_queries.was_fetched(session, view.id))
    return job.id
