"""What a series is made of, what stands out in it, what comes next in plain words, and whether the model drifts."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response

from ml.grains import GRAINS
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.listing import listing
from webapp.auth import requires
from webapp.auth.permissions import MODELS_READ, SALES_READ
from webapp.extensions import db
from webapp.queries import insights as queries
from webapp.queries.factors import factors_of_series
from webapp.queries.nodes import Node
from webapp.queries.products import product_code
from webapp.schemas.base import encode_cursor
from webapp.schemas.insights import (
    AnomaliesAnswer,
    AnomalyAnswer,
    Component,
    DecompositionAnswer,
    DriftAnswer,
    DriftList,
    DriftQuery,
    FactorsAnswer,
    GrainQuery,
    OutlookAnswer,
    OutlookQuery,
    SeriesNames,
    SeriesOutlookQuery,
    SeriesPath,
)

blueprint = api_blueprint("insights")


@blueprint.get("/series/<int:series_id>/decomposition", responses={200: DecompositionAnswer, **problems(404, 409)})
@requires(SALES_READ)
def show_decomposition(path: SeriesPath, query: GrainQuery) -> Response:
    """Read a series' trend, season, events and residual."""
    node, periods, sales, found = queries.decomposition(db.session(), path.series_id, GRAINS[query.grain])
    components = zip(periods, sales, found.trend, found.season, found.events, found.residual, strict=True)
    names = list(Component.model_fields)
    return answer(
        DecompositionAnswer(
            series=SeriesNames.model_validate(node),
            mode=found.mode,
            trend_strength=found.trend_strength,
            season_strength=found.season_strength,
            effects=dict(found.effects),
            points=[Component(**dict(zip(names, values, strict=True))) for values in components],
        )
    )


@blueprint.get("/series/<int:series_id>/anomalies", responses={200: AnomaliesAnswer, **problems(404)})
@requires(SALES_READ)
def list_anomalies(path: SeriesPath, query: GrainQuery) -> Response:
    """List the periods in which a series sold far from what is usual, found after each forecast."""
    node, checked, found = queries.anomalies(db.session(), path.series_id, GRAINS[query.grain])
    items = [AnomalyAnswer.model_validate(row) for row in found]
    return answer(AnomaliesAnswer(series=SeriesNames.model_validate(node), checked_to=checked, items=items))


@blueprint.get("/series/<int:series_id>/outlook", responses={200: OutlookAnswer, **problems(404, 409)})
@requires(SALES_READ)
def show_series_outlook(path: SeriesPath, query: SeriesOutlookQuery) -> Response:
    """Read what a series is expected to sell next, in plain figures."""
    session = db.session()
    _, node = queries.get_series(session, path.series_id)
    return outlook_answer(queries.plain_outlook(session, node, query.confidence, GRAINS[query.grain]))


@blueprint.get("/series/<int:series_id>/factors", responses={200: FactorsAnswer, **problems(404, 409)})
@requires(SALES_READ)
def show_factors(path: SeriesPath, query: GrainQuery) -> Response:
    """Read what makes up the forecast of a series for its next period, in units and as factors."""
    found = factors_of_series(db.session(), path.series_id, GRAINS[query.grain])
    names = {"series": SeriesNames.model_validate(found.node)}
    return answer(FactorsAnswer.model_validate({**asdict(found), **names}))


@blueprint.get("/outlook", responses={200: OutlookAnswer, **problems(404, 409)})
@requires(SALES_READ)
def show_outlook(query: OutlookQuery) -> Response:
    """Read what is expected to be sold next, in plain figures: of all sales, or of those named."""
    session = db.session()
    names = query.model_dump(exclude={"product_id", "confidence", "grain"})
    product = product_code(session, query.product_id) if query.product_id else ""
    node = Node.of({**names, "product": product})
    return outlook_answer(queries.plain_outlook(session, node, query.confidence, GRAINS[query.grain]))


def outlook_answer(view: queries.NodeOutlook) -> Response:
    return answer(
        OutlookAnswer(
            series=SeriesNames.model_validate(view.node),
            series_id=view.series_id,
            as_of=view.as_of,
            period=view.period,
            model=view.model,
            run_id=view.run_id,
            bands=view.bands,
            **asdict(view.outlook),
        )
    )


@blueprint.get("/drift", responses={200: DriftList})
@requires(MODELS_READ)
def list_drift_reports(query: DriftQuery) -> Response:
    """List what checks of published forecasts found, newest first: the first one is how it stands."""

    def fetch(part: DriftQuery) -> DriftList:
        page = queries.drift_reports(db.session(), part.grain, part.limit, part.cursor)
        items = [DriftAnswer.model_validate(row) for row in page.items]
        return DriftList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)
