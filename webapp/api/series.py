"""Series of the hierarchy, what was forecast for them, how good that was, and what moves them from outside."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response

from ml.db.insights import Anomaly
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.cache import cached
from webapp.api.listing import listing
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, SALES_READ
from webapp.extensions import db
from webapp.queries import accuracy as accuracies
from webapp.queries import regressors, runs
from webapp.queries import series as queries
from webapp.queries.anomalies import AnomalyView, get_anomaly
from webapp.queries.insights import list_anomalies as found_anomalies
from webapp.schemas.base import encode_cursor
from webapp.schemas.insights import SeriesPath
from webapp.schemas.sales import encode_key
from webapp.schemas.series import (
    AccuracyAnswer,
    AccuracyList,
    AccuracyQuery,
    AnomalyBody,
    AnomalyList,
    AnomalyPath,
    AnomalyQuery,
    FacetsAnswer,
    FacetValue,
    ForecastAnswer,
    ForecastList,
    ForecastQuery,
    FoundAnomaly,
    RegressorAnswer,
    RegressorList,
    RegressorName,
    RegressorNames,
    RegressorQuery,
    RunAnswer,
    RunList,
    RunPath,
    RunQuery,
    SeriesAnswer,
    SeriesList,
    SeriesQuery,
    WhichSeries,
)
from webapp.services.anomalies import answer_anomaly as answer_one

blueprint = api_blueprint("series")


@blueprint.get("/series", responses={200: SeriesList})
@requires(SALES_READ)
@cached
def list_series(query: SeriesQuery) -> Response:
    """Search the series of the hierarchy."""

    def fetch(part: SeriesQuery) -> SeriesList:
        page = queries.list_series(db.session(), part.filter(), part.limit, part.cursor)
        items = [SeriesAnswer.model_validate(view) for view in page.items]
        return SeriesList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.get("/series/facets", responses={200: FacetsAnswer})
@requires(SALES_READ)
@cached
def show_facets(query: WhichSeries) -> Response:
    """Count the series found by each of their names, to narrow a search."""
    found = queries.facets(db.session(), query.filter())
    values = {name: [FacetValue(value=value, count=count) for value, count in rows] for name, rows in found.items()}
    return answer(FacetsAnswer(**values))


@blueprint.get("/series/<int:series_id>", responses={200: SeriesAnswer, **problems(404)})
@requires(SALES_READ)
def show_series(path: SeriesPath) -> Response:
    """Read a series."""
    return answer(SeriesAnswer.model_validate(queries.read_series(db.session(), path.series_id)))


@blueprint.get("/forecast-runs", responses={200: RunList})
@requires(SALES_READ)
def list_runs(query: RunQuery) -> Response:
    """List forecast runs, newest first."""

    def fetch(part: RunQuery) -> RunList:
        page = runs.list_runs(db.session(), part.grain, part.state, limit=part.limit, below=part.cursor)
        items = [RunAnswer.model_validate(row) for row in page.items]
        return RunList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.get("/forecast-runs/<int:run_id>", responses={200: RunAnswer, **problems(404)})
@requires(SALES_READ)
def show_run(path: RunPath) -> Response:
    """Read a forecast run."""
    return answer(RunAnswer.model_validate(runs.get_run(db.session(), path.run_id)))


@blueprint.get("/forecasts", responses={200: ForecastList, **problems(404)})
@requires(SALES_READ)
@cached
def list_forecasts(query: ForecastQuery) -> Response:
    """List what a run forecast, by series and period; for any other combination of names ask `/predict`."""

    def fetch(part: ForecastQuery) -> ForecastList:
        wanted = part.model_dump(include={"grain", "run_id", "series_id", "since", "until", "limit"})
        page = runs.list_forecasts(db.session(), part.filter(), **wanted, after=part.cursor)
        items = [forecast_answer(item) for item in page.items]
        return ForecastList(items=items, next_cursor=encode_key(page.next_after))

    return listing(query, fetch)


def forecast_answer(item: runs.IssuedForecast) -> ForecastAnswer:
    own = {name: getattr(item.row, name) for name in ForecastAnswer.model_fields if hasattr(item.row, name)}
    names = {name: value for name, value in asdict(item.series).items() if name in ForecastAnswer.model_fields}
    return ForecastAnswer(**{**names, **own}, model=item.row.model_version)


@blueprint.get("/accuracy", responses={200: AccuracyList})
@requires(SALES_READ)
@cached
def list_accuracy(query: AccuracyQuery) -> Response:
    """Read how good issued forecasts were, by level, series, periods ahead, or period."""

    def fetch(part: AccuracyQuery) -> AccuracyList:
        wanted = part.model_dump(include={"grain", "by", "since", "until", "limit"})
        page = accuracies.accuracy(db.session(), part.filter(), **wanted, after=part.cursor)
        items = [AccuracyAnswer.model_validate(item) for item in page.items]
        return AccuracyList(items=items, next_cursor=encode_cursor(page.next_after))

    return listing(query, fetch)


@blueprint.get("/anomalies", responses={200: AnomalyList})
@requires(SALES_READ)
def list_anomalies(query: AnomalyQuery) -> Response:
    """List periods in which series sold far from what is usual, the last found first."""

    def fetch(part: AnomalyQuery) -> AnomalyList:
        session = db.session()
        wanted = part.model_dump(exclude={"cursor"})
        page = found_anomalies(session, **wanted, below=part.cursor)
        views = queries.views_by_id(session, (row.series_id for row in page.items))
        items = [anomaly_answer(row, views[row.series_id]) for row in page.items]
        return AnomalyList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.post("/anomalies/<int:anomaly_id>/answer", responses={200: FoundAnomaly, **problems(400, 404, 415)})
@requires(FORECASTS_MAKE, scoped=True)
def answer_anomaly(path: AnomalyPath, body: AnomalyBody) -> Response:
    """Answer an anomaly, or take its answer back; the next training and forecast learn from it."""
    session = db.session()
    answer_one(session, path.anomaly_id, body.verdict, signed_in_user().email)
    found = get_anomaly(session, path.anomaly_id)
    return answer(anomaly_answer(found, queries.views_by_id(session, [found.series_id])[found.series_id]))


def anomaly_answer(row: Anomaly | AnomalyView, series: queries.SeriesView) -> FoundAnomaly:
    """An anomaly with its series."""
    names = FoundAnomaly.model_fields.keys() - {"series"}
    return FoundAnomaly(series=SeriesAnswer.model_validate(series), **{name: getattr(row, name) for name in names})


@blueprint.get("/regressors", responses={200: RegressorList})
@requires(SALES_READ)
def list_regressors(query: RegressorQuery) -> Response:
    """List values of external figures, newest first; `/datasets/regressors/rows` takes new ones."""

    def fetch(part: RegressorQuery) -> RegressorList:
        page = regressors.list_regressors(db.session(), **part.model_dump(exclude={"cursor"}), below=part.cursor)
        items = [RegressorAnswer.model_validate(row) for row in page.items]
        return RegressorList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.get("/regressors/names", responses={200: RegressorNames})
@requires(SALES_READ)
def list_regressor_names() -> Response:
    """Read which external figures there are, and which days they cover."""
    rows = regressors.regressor_names(db.session())
    return answer(RegressorNames(items=[RegressorName(**row) for row in rows]))
